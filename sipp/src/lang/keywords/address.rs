//! Keywords for names and addresses of both ends.

use std::net::IpAddr;

use super::super::{KeywordDef, KeywordForm};
use super::write_decimal;

pub(in crate::lang) const SERVICE: KeywordDef = KeywordDef {
    name: "service",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| out.extend_from_slice(settings.service.as_bytes())),
    doc: "The service of -s.",
};

pub(in crate::lang) const REMOTE_IP: KeywordDef = KeywordDef {
    name: "remote_ip",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| {
        if let Some(ip) = settings.remote_ip {
            write_host(ip, out);
        }
    }),
    doc: "The resolved remote address, IPv6 in brackets; empty on a server without remote host.",
};

pub(in crate::lang) const REMOTE_HOST: KeywordDef = KeywordDef {
    name: "remote_host",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| out.extend_from_slice(settings.remote_host.as_bytes())),
    doc: "The remote host as typed, without port.",
};

pub(in crate::lang) const REMOTE_PORT: KeywordDef = KeywordDef {
    name: "remote_port",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Constant(|settings, offset, out| {
        write_decimal(i64::from(settings.remote_port) + offset, out);
    }),
    doc: "The remote port.",
};

pub(in crate::lang) const LOCAL_IP: KeywordDef = KeywordDef {
    name: "local_ip",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| write_host(settings.local_ip, out)),
    doc: "The local address, IPv6 in brackets.",
};

pub(in crate::lang) const LOCAL_IP_TYPE: KeywordDef = KeywordDef {
    name: "local_ip_type",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| out.push(ip_version(settings.local_ip))),
    doc: "4 or 6.",
};

pub(in crate::lang) const LOCAL_PORT: KeywordDef = KeywordDef {
    name: "local_port",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(|scope, offset, out| {
        let own = scope.call.own.as_ref();
        let port = own.map_or(scope.settings.local_port, |own| own.port());
        write_decimal(i64::from(port) + offset, out);
    }),
    doc: "The bound port, or that of the call's own socket.",
};

pub(in crate::lang) const SERVER_IP: KeywordDef = KeywordDef {
    name: "server_ip",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| {
        let own = scope.call.own.as_ref();
        write_ip(own.map_or(scope.settings.bound_ip, |own| own.ip()), out);
    }),
    doc: "The address the call's socket is bound to, without brackets.",
};

pub(in crate::lang) const TRANSPORT: KeywordDef = KeywordDef {
    name: "transport",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| {
        out.extend_from_slice(settings.transport.via_name().as_bytes());
    }),
    doc: "UDP, TCP, TLS or SCTP.",
};

pub(super) fn ip_version(ip: IpAddr) -> u8 {
    if ip.is_ipv6() { b'6' } else { b'4' }
}

/// Appends an address as the host of a URI or Via: IPv6 in brackets.
pub(in crate::lang) fn write_host(ip: IpAddr, out: &mut Vec<u8>) {
    if ip.is_ipv6() {
        out.push(b'[');
        write_ip(ip, out);
        out.push(b']');
    } else {
        write_ip(ip, out);
    }
}

/// Appends an address without brackets.
pub(super) fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            for (at, octet) in ip.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                write_decimal(octet, out);
            }
        }
        IpAddr::V6(ip) => out.extend_from_slice(ip.to_string().as_bytes()),
    }
}
