//! Keywords for names and addresses of both ends.

use std::net::IpAddr;

use crate::state::MediaKind;

use super::super::{KeywordDef, KeywordForm, Scope};
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
        let own = scope.call.own_port;
        let port = if own == 0 { scope.settings.local_port } else { own };
        write_decimal(i64::from(port) + offset, out);
    }),
    doc: "The bound port, or that of the call's own socket.",
};

pub(in crate::lang) const SERVER_IP: KeywordDef = KeywordDef {
    name: "server_ip",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| write_ip(settings.bound_ip, out)),
    doc: "The address the socket is bound to, without brackets.",
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

pub(in crate::lang) const MEDIA_IP: KeywordDef = KeywordDef {
    name: "media_ip",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| write_ip(settings.media_ip, out)),
    doc: "The media address of -mi, without brackets.",
};

pub(in crate::lang) const MEDIA_IP_TYPE: KeywordDef = KeywordDef {
    name: "media_ip_type",
    args: "",
    vanishes: false,
    form: KeywordForm::Constant(|settings, _, out| out.push(ip_version(settings.media_ip))),
    doc: "4 or 6.",
};

pub(in crate::lang) const MEDIA_PORT: KeywordDef = KeywordDef {
    name: "media_port",
    args: "+N",
    vanishes: false,
    // Not constant: the call notes the port.
    form: KeywordForm::Plain(|scope, offset, out| {
        write_media_port(i64::from(scope.settings.media_port) + offset, scope, out);
    }),
    doc: "The media port.",
};

pub(in crate::lang) const AUTO_MEDIA_PORT: KeywordDef = KeywordDef {
    name: "auto_media_port",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(auto_media_port),
    doc: "The media port plus 4 for each call before, modulo 10000.",
};

fn auto_media_port(scope: &mut Scope<'_>, offset: i64, out: &mut Vec<u8>) {
    let calls_before = scope.call.number.0.saturating_sub(1);
    let step = (calls_before.wrapping_mul(4) % 10_000) as i64;
    write_media_port(i64::from(scope.settings.media_port) + step + offset, scope, out);
}

/// Appends a port; on a line that names a kind of media it becomes the port the call's captures come from.
fn write_media_port(port: i64, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
    if let (Some(media), Ok(port)) = (&mut scope.call.media, u16::try_from(port)) {
        let line = &out[memchr::memrchr(b'\n', out).map_or(0, |end| end + 1)..];
        for kind in MediaKind::ALL {
            if memchr::memmem::find(line, kind.word().as_bytes()).is_some() {
                media.line_mut(kind).local_port = port;
            }
        }
    }
    write_decimal(port, out);
}

fn ip_version(ip: IpAddr) -> u8 {
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
fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
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
