//! Core functions whose arguments are not expressions: bare hosts, flags, sockets, transports; and those that
//! may be called without parentheses. Every other function takes expressions.

/// How the arguments of a core function are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Expressions, as with any function.
    Exprs,
    /// `forward(host[, port])`, `forward(uri:host[, uri:port])`
    Destination,
    /// `set_advertised_address(host)`
    Host,
    /// `force_send_socket([proto:]host[:port])`
    Socket,
    /// `udp_mtu_try_proto(TCP)`
    Proto,
    /// `setflag(flag)`: a number or a declared name
    Flag,
    /// `setavpflag(avp, flag)`
    AvpFlag,
}

/// A core function that the parser must know.
#[derive(Debug)]
pub(super) struct CoreCall {
    name: &'static str,
    pub(super) shape: Shape,
    /// `force_rport;` is a call.
    pub(super) may_be_bare: bool,
}

/// The row of a function.
pub(super) fn find(name: &str) -> Option<&'static CoreCall> {
    CORE_CALLS.iter().find(|call| call.name == name)
}

/// The names, all reserved.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CORE_CALLS.iter().map(|call| call.name).chain(PLAIN.iter().copied())
}

const fn call(name: &'static str, shape: Shape) -> CoreCall {
    CoreCall { name, shape, may_be_bare: false }
}

const fn bare(name: &'static str) -> CoreCall {
    CoreCall { name, shape: Shape::Exprs, may_be_bare: true }
}

const CORE_CALLS: &[CoreCall] = &[
    call("forward", Shape::Destination),
    call("forward_udp", Shape::Destination),
    call("forward_tcp", Shape::Destination),
    call("forward_tls", Shape::Destination),
    call("forward_sctp", Shape::Destination),
    call("set_advertised_address", Shape::Host),
    call("force_send_socket", Shape::Socket),
    call("udp_mtu_try_proto", Shape::Proto),
    call("setflag", Shape::Flag),
    call("resetflag", Shape::Flag),
    call("isflagset", Shape::Flag),
    call("setavpflag", Shape::AvpFlag),
    call("resetavpflag", Shape::AvpFlag),
    call("isavpflagset", Shape::AvpFlag),
    bare("revert_uri"),
    bare("force_rport"),
    bare("add_rport"),
    bare("add_local_rport"),
    bare("force_tcp_alias"),
    bare("add_tcp_alias"),
    bare("set_forward_no_connect"),
    bare("set_forward_close"),
    bare("set_reply_no_connect"),
    bare("set_reply_close"),
];

/// Core functions with ordinary arguments.
const PLAIN: &[&str] = &[
    "log",
    "error",
    "exec",
    "rewritehost",
    "sethost",
    "seth",
    "rewritehostport",
    "sethostport",
    "sethp",
    "rewritehostporttrans",
    "sethostporttrans",
    "sethpt",
    "rewriteport",
    "setport",
    "setp",
    "rewriteuser",
    "setuser",
    "setu",
    "rewriteuserpass",
    "setuserpass",
    "setup",
    "rewriteuri",
    "seturi",
    "prefix",
    "strip",
    "strip_tail",
    "userphone",
    "set_advertised_port",
    "cfg_select",
    "cfg_reset",
];
