//! Module corex: sockets chosen and looked at, domains that are ours with all below them, further flags.
//!
//! `append_branch()` and the `send_*()` functions are part of the core here and need no module.

mod files;
mod sockets;

use std::sync::Arc;

use bytes::Bytes;

use crate::api::{
    Args, Ctx, Errand, Flow, FunctionDef, FunctionFn, InnerKind, Kind, Level, ModuleDef, ParamDef, PvDef,
    RouteKind, Routes, RpcDef, RpcError, RpcScope, RpcValue, Sending, Shard, TransformDef, TransformFn,
    Value,
};

/// The table of module corex.
pub static MODULE: ModuleDef = ModuleDef {
    name: "corex",
    params: &[
        ParamDef::list("alias_subdomains", "[proto:]domain[:port]: a domain that is ours with all below it"),
        ParamDef::list("dns_cache", "accepted, no effect: fixed DNS records"),
        ParamDef::int("nio_intercept", 0, "accepted without effect"),
        ParamDef::int("nio_min_msg_len", 0, "accepted without effect"),
        ParamDef::text("nio_msg_avp", "", "accepted without effect"),
        ParamDef::text("evcb_reply_out", "", "accepted without effect"),
    ],
    functions: &[
        row("set_send_socket", TEXT, sockets::set_send, "forces the socket copies leave by"),
        row("set_send_socket_name", TEXT, sockets::set_send_named, "the same by its name"),
        row("set_recv_socket", TEXT, sockets::set_receive, "takes the message for received by a socket"),
        row("set_recv_socket_name", TEXT, sockets::set_receive_named, "the same by its name"),
        row(
            "set_source_address",
            TEXT,
            sockets::set_source,
            "takes the message for received from an address",
        ),
        row("is_socket_name", TEXT, sockets::is_name, "whether a socket has that name"),
        row(
            "via_add_srvid",
            INT,
            |ctx, args| via(ctx, args, |it, on| it.via_server_id = on),
            "srvid in our Via",
        ),
        row(
            "via_add_xavp_params",
            INT,
            |ctx, args| via(ctx, args, |it, on| it.via_params = on),
            "the fields of the XAVP of xavp_via_params in our Via",
        ),
        row(
            "via_use_xavp_fields",
            INT,
            |ctx, args| via(ctx, args, |it, on| it.via_fields = on),
            "address and port of the XAVP of xavp_via_fields in our Via",
        ),
        row("is_faked_msg", &[], is_faked, "whether the message is made up for an event"),
        row("is_incoming", &[], |_, _| Flow::FALSE, "-1: true only where a packet is seen before it is read"),
        row("msg_iflag_set", FLAG, |ctx, args| set_internal(ctx, args, true), "notes a flag of the original"),
        row("msg_iflag_reset", FLAG, |ctx, args| set_internal(ctx, args, false), "clears it"),
        row("msg_iflag_is_set", FLAG, has_internal, "whether it is set"),
        row("setxflag", &[Kind::Int], |ctx, args| change(ctx, args, |flags, bit| flags | bit), "sets a flag"),
        row(
            "resetxflag",
            &[Kind::Int],
            |ctx, args| change(ctx, args, |flags, bit| flags & !bit),
            "clears a flag",
        ),
        row("isxflagset", &[Kind::Int], is_set, "whether a flag is set"),
        row("file_read", &[Kind::Text, Kind::WritePv], files::read, "the text of a file into a variable"),
        row("file_write", &[Kind::Text, Kind::Text], files::write, "a text into a file"),
        FunctionDef::new("forward_reply", &[], Routes::REPLY, forward_reply, "forwards the reply at once"),
    ],
    pvs: &[PvDef::new("lsock", sockets::attribute, "listen, advertise or name of one of our sockets")
        .inner(InnerKind::Name)],
    rpcs: &[
        RpcDef { name: "corex.list_sockets", scope: RpcScope::One, run: sockets::list, doc: "our sockets" },
        RpcDef { name: "corex.list_aliases", scope: RpcScope::One, run: sockets::aliases, doc: "our names" },
        RpcDef {
            name: "corex.debug",
            scope: RpcScope::Every,
            run: debug,
            doc: "reads or sets the log level",
        },
    ],
    transforms: &[
        part("host", |_, value, _| of_socket(&value, 1)),
        part("port", |_, value, _| of_socket(&value, 2)),
        part("proto", |_, value, _| of_socket(&value, 0)),
    ],
    load: Some(sockets::load),
    ..ModuleDef::EMPTY
};

const INT: &[Kind] = &[Kind::Int];
const TEXT: &[Kind] = &[Kind::Text];
const FLAG: &[Kind] = &[Kind::Prepared(|_, text| match text {
    b"USE_UAC_FROM" | b"USE_UAC_TO" | b"UAC_AUTH" => Ok(Arc::new(Bytes::copy_from_slice(text)) as _),
    _ => Err("expected USE_UAC_FROM, USE_UAC_TO or UAC_AUTH".into()),
})];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

const fn part(op: &'static str, run: TransformFn) -> TransformDef {
    TransformDef::new("sock", op, &[], run, "part of proto:host:port")
}

/// The extended flags of a message, bit n is flag n.
#[derive(Clone, Copy, Debug, Default)]
struct Extended(u64);

fn bit(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Option<u64> {
    u32::try_from(args.int(ctx, 0)).ok().and_then(|flag| 1u64.checked_shl(flag))
}

fn change(ctx: &mut Ctx<'_>, args: &Args<'_>, change: fn(u64, u64) -> u64) -> Flow {
    let Some(bit) = bit(ctx, args) else { return Flow::FALSE };
    let flags = &mut ctx.work.attached.get_mut::<Extended>().0;
    *flags = change(*flags, bit);
    Flow::TRUE
}

fn is_set(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(bit) = bit(ctx, args) else { return Flow::FALSE };
    Flow::from_bool(ctx.work.attached.get::<Extended>().is_some_and(|flags| flags.0 & bit != 0))
}

/// Flags of the original's inside that scripts may see; nothing here acts on them.
#[derive(Clone, Debug, Default)]
struct Internal(Vec<Bytes>);

fn set_internal(ctx: &mut Ctx<'_>, args: &Args<'_>, is_set: bool) -> Flow {
    let name = args.prepared::<Bytes>(ctx, 0).ok();
    let Some(name) = name else { return Flow::FALSE };
    let flags = &mut ctx.work.attached.get_mut::<Internal>().0;
    flags.retain(|known| *known != *name);
    if is_set {
        flags.push(Bytes::clone(&name));
    }
    Flow::TRUE
}

/// -2 when it is not set.
fn has_internal(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.prepared::<Bytes>(ctx, 0).ok();
    let flags = ctx.work.attached.get::<Internal>();
    let is_set = name.zip(flags).is_some_and(|(name, flags)| flags.0.contains(&name));
    if is_set { Flow::TRUE } else { Flow::Next(-2) }
}

fn via(ctx: &mut Ctx<'_>, args: &Args<'_>, set: fn(&mut Sending, bool)) -> Flow {
    let is_on = args.int(ctx, 0) != 0;
    set(&mut ctx.work.sending, is_on);
    Flow::TRUE
}

/// By the second Via, with the changes made so far.
fn forward_reply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let work = Box::new(ctx.work.clone());
    ctx.shard.errands.push(Errand::ForwardReply(work));
    Flow::TRUE
}

fn is_faked(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.run.kind == RouteKind::Event)
}

/// Without parameter the level, else the level is set.
fn debug(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let before = i64::from(shard.log.threshold.0);
    let Some(level) = params.first() else {
        return Ok(RpcValue::Record(vec![("debug".into(), RpcValue::Plain(Value::Int(before)))]));
    };
    let wrong = || RpcError { code: 400, reason: "expected a level, -5 to 3".into() };
    let level = i8::try_from(level.to_int()).map_err(|_| wrong())?;
    shard.log.threshold = Level(level);
    Ok(RpcValue::Record(vec![
        ("old".into(), RpcValue::Plain(Value::Int(before))),
        ("new".into(), RpcValue::Plain(Value::Int(i64::from(level)))),
    ]))
}

/// Part of `proto:host:port`: 0, 1 or 2.
fn of_socket(value: &Value, part: usize) -> Value {
    let text = value.to_text();
    let Some(first) = memchr::memchr(b':', &text) else { return Value::Null };
    let Some(last) = memchr::memrchr(b':', &text).filter(|last| *last > first) else { return Value::Null };
    Value::Str(match part {
        0 => text.slice(..first),
        1 => text.slice(first + 1..last),
        _ => text.slice(last + 1..),
    })
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn flags_and_socket_parts() {
        let text = "loadmodule \"corex.so\"\nloadmodule \"xlog.so\"\nrequest_route { \
            setxflag(40); if (isxflagset(40)) xlog(\"set\\n\"); resetxflag(40); \
            if (!isxflagset(40)) xlog(\"reset\\n\"); $var(s) = \"udp:[::1]:5060\"; \
            xlog(\"$(var(s){sock.proto})|$(var(s){sock.host})|$(var(s){sock.port})\\n\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        assert_eq!(trial.run(OPTIONS).lines, ["set", "reset", "udp|[::1]|5060"]);
    }
}
