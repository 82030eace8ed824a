//! Words with a fixed meaning in the language: reserved ones are never taken for defines.

use std::sync::OnceLock;

use rustc_hash::FxHashSet;

use super::{corecalls, params};

/// Whether the word belongs to the language: it is never expanded and ends a list of hosts.
pub(super) fn is_reserved(word: &str) -> bool {
    static RESERVED: OnceLock<FxHashSet<&'static str>> = OnceLock::new();
    let reserved = RESERVED.get_or_init(|| {
        let statements = STATEMENTS.iter().chain(TOP_LEVEL).chain(OPERANDS).chain(ATOMS).copied();
        statements.chain(params::names()).chain(corecalls::names()).collect()
    });
    reserved.contains(word)
}

/// Words that start a statement of a route.
pub(super) const STATEMENTS: &[&str] =
    &["if", "else", "while", "switch", "case", "default", "break", "return", "exit", "drop", "route"];

/// Words that start a statement of the file, besides parameter names.
pub(super) const TOP_LEVEL: &[&str] = &[
    "request_route",
    "route",
    "reply_route",
    "onreply_route",
    "failure_route",
    "branch_route",
    "onsend_route",
    "event_route",
    "loadmodule",
    "loadmodulex",
    "loadpath",
    "mpath",
    "modparam",
    "modparamx",
    "flags",
    "bool",
    "avpflags",
    "cfgengine",
    "include_file",
    "import_file",
];

/// Operators and operands that are words.
pub(super) const OPERANDS: &[&str] = &[
    "or",
    "and",
    "not",
    "eq",
    "ne",
    "ieq",
    "ine",
    "mod",
    "defined",
    "strlen",
    "strempty",
    "selval",
    "myself",
    "uri",
    "status",
    "from_uri",
    "to_uri",
    "method",
    "src_ip",
    "dst_ip",
    "snd_ip",
    "to_ip",
    "src_port",
    "dst_port",
    "snd_port",
    "to_port",
    "af",
    "snd_af",
    "to_af",
    "msg:len",
    "proto",
    "snd_proto",
    "to_proto",
    "uri:host",
    "uri:port",
];

/// Words with a number for a meaning, and transports.
const ATOMS: &[&str] = &[
    "yes",
    "true",
    "on",
    "enable",
    "no",
    "false",
    "off",
    "disable",
    "INET",
    "inet",
    "ipv4",
    "IPv4",
    "IPV4",
    "INET6",
    "inet6",
    "ipv6",
    "IPv6",
    "IPV6",
    "udp",
    "UDP",
    "tcp",
    "TCP",
    "tls",
    "TLS",
    "sctp",
    "SCTP",
    "ws",
    "WS",
    "wss",
    "WSS",
    "desc",
    "descr",
    "description",
    "advertise",
    "virtual",
];

/// The number a word stands for: booleans, and the address families of the socket interface.
pub(super) fn number(word: &str) -> Option<i64> {
    match word {
        "yes" | "true" | "on" | "enable" => Some(1),
        "no" | "false" | "off" | "disable" => Some(0),
        "INET" | "inet" | "ipv4" | "IPv4" | "IPV4" => Some(2),
        "INET6" | "inet6" | "ipv6" | "IPv6" | "IPV6" => Some(10),
        _ => None,
    }
}

/// How many bytes after the variable `$name` belong to its dotted name: `$ruri.user` is one variable,
/// `$rU.` is a variable and a full stop.
pub(super) fn dotted_pv_suffix(name: &[u8], rest: &[u8]) -> usize {
    DOTTED_PVS
        .iter()
        .filter(|(first, suffix)| {
            first.as_bytes() == name
                && rest.starts_with(suffix.as_bytes())
                && !rest.get(suffix.len()).is_some_and(|&byte| super::lex::is_word_byte(byte))
        })
        .map(|(_, suffix)| suffix.len())
        .max()
        .unwrap_or(0)
}

/// Variables with a full stop in their names.
const DOTTED_PVS: &[(&str, &str)] = &[
    ("ruri", ".user"),
    ("ruri", ".domain"),
    ("from", ".user"),
    ("from", ".domain"),
    ("to", ".user"),
    ("to", ".domain"),
    ("err", ".class"),
    ("err", ".level"),
    ("err", ".info"),
    ("err", ".rcode"),
    ("err", ".rreason"),
];
