//! Comparisons whose result is always the same: `$rm == "INVITTE"`, `$proto == "UDP"`, `f() == -1`.

use std::net::IpAddr;

use rustc_hash::FxHashSet;

use super::super::codes;
use super::super::expr::constant;
use super::super::findings::Findings;
use super::walk::{Visitor, walk};
use crate::api::Value;
use crate::cfg::Pos;
use crate::cfg::ast::{BinaryOp, Config, Expr, ExprKind, Key, KeyExpr, KeyValue, Route, RouteKind};

/// Warns of each of them.
pub(super) fn warn(config: &Config, findings: &mut Findings<'_>) {
    walk(config, &mut Rule { findings, kind: RouteKind::Request, inside: None, told: FxHashSet::default() });
}

struct Rule<'r, 'f> {
    findings: &'r mut Findings<'f>,
    kind: RouteKind,
    /// The chain of `&&` or `||` whose parts are being seen: its outermost part has been looked at.
    inside: Option<BinaryOp>,
    /// Where something has been said already: a chain is seen again with each of its parts.
    told: FxHashSet<Pos>,
}

/// What a variable or key word can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    /// A method, in capitals.
    Method,
    /// 100 to 699, or 0 while there is none.
    Status,
    /// `udp`, `tcp` and so on.
    Transport,
    /// An address.
    Address,
    /// 0 to 65535.
    Port,
}

/// Why a comparison is never true, and what was probably meant.
struct Reason {
    why: String,
    hint: Option<String>,
}

impl Visitor for Rule<'_, '_> {
    fn route(&mut self, route: &Route) {
        self.kind = route.kind;
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
                if self.inside != Some(*op) {
                    self.chain(*op, left, right);
                }
                self.inside = Some(*op);
                return;
            }
            ExprKind::Binary(op @ (BinaryOp::Eq | BinaryOp::Ne), left, right) => {
                if let (ExprKind::Pv(raw), Some(value)) = (&left.kind, constant(right))
                    && let Some(reason) = domain(raw).and_then(|domain| never(domain, raw, &value))
                {
                    self.tell(expr.pos, *op, reason);
                }
                self.code(*op, left, right);
            }
            ExprKind::Binary(op, left, right) => self.code(*op, left, right),
            ExprKind::Key(key) => self.key(key, expr.pos),
            _ => {}
        }
        self.inside = None;
    }
}

impl Rule<'_, '_> {
    fn tell(&mut self, pos: Pos, op: BinaryOp, reason: Reason) {
        if !self.told.insert(pos) {
            return;
        }
        let result = if op == BinaryOp::Ne { "always" } else { "never" };
        self.findings.warning(codes::NEVER, pos, format!("this {result} holds: {}", reason.why));
        if let Some(hint) = reason.hint {
            self.findings.hint(hint);
        }
    }

    /// A call inside an expression counts as 1 or 0.
    fn code(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let (ExprKind::Call(_) | ExprKind::Route(_), Some(Value::Int(code))) = (&left.kind, constant(right))
        else {
            return;
        };
        let is_possible = match op {
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::IntEq | BinaryOp::IntNe => matches!(code, 0 | 1),
            BinaryOp::Lt => code > 0,
            BinaryOp::Le => code >= 0,
            BinaryOp::Gt => code < 1,
            BinaryOp::Ge => code <= 1,
            _ => true,
        };
        if !is_possible {
            let op = if op == BinaryOp::IntNe { BinaryOp::Ne } else { op };
            let why = "a call inside an expression counts as 1 or 0".to_owned();
            let hint = Some("call it in a statement of its own and test $rc".to_owned());
            self.tell(left.pos, op, Reason { why, hint });
        }
    }

    fn key(&mut self, key: &KeyExpr, pos: Pos) {
        if !matches!(key.op, BinaryOp::Eq | BinaryOp::Ne) {
            return;
        }
        let value = match &key.right {
            KeyValue::Word(name) => Some(Value::copied(name.text.as_bytes())),
            KeyValue::Expr(right) => constant(right),
            _ => None,
        };
        let Some(value) = value else { return };
        let reason = match key.key {
            Key::Method => method(&value, Case::Ignored),
            Key::Uri if matches!(self.kind, RouteKind::Failure | RouteKind::Branch) => {
                status_of_request(&value)
            }
            Key::SrcPort | Key::DstPort | Key::Proto | Key::Af | Key::MsgLen if !value.is_int() => {
                number_wanted(key.key, &value)
            }
            _ => None,
        };
        if let Some(reason) = reason {
            // Here `!=` fails as `==` does when the right side has the wrong type.
            let op = if key.key == Key::Method { key.op } else { BinaryOp::Eq };
            self.tell(pos, op, reason);
        }
    }

    /// `$x == "a" && $x == "b"` and `$x != "a" || $x != "b"`.
    fn chain(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let wanted = if op == BinaryOp::And { BinaryOp::Eq } else { BinaryOp::Ne };
        let mut parts = Vec::new();
        for side in [left, right] {
            flatten(op, side, &mut parts);
        }
        let mut seen: Vec<(String, Value)> = Vec::new();
        for part in parts {
            let Some((name, value)) = comparison(wanted, part) else { continue };
            match seen.iter().find(|(other, _)| *other == name) {
                Some((_, other)) if other.to_text() != value.to_text() => {
                    let why =
                        format!("{name} cannot be both {} and {}", other.to_display(), value.to_display());
                    let hint =
                        Some(if op == BinaryOp::And { "|| was meant" } else { "&& was meant" }.to_owned());
                    self.tell(part.pos, wanted, Reason { why, hint });
                }
                Some(_) => {}
                None => seen.push((name, value)),
            }
        }
    }
}

fn flatten<'e>(op: BinaryOp, expr: &'e Expr, parts: &mut Vec<&'e Expr>) {
    match &expr.kind {
        ExprKind::Binary(inner, left, right) if *inner == op => {
            flatten(op, left, parts);
            flatten(op, right, parts);
        }
        _ => parts.push(expr),
    }
}

/// Name and constant of `name op constant`, for names that do not change between two looks.
fn comparison(wanted: BinaryOp, expr: &Expr) -> Option<(String, Value)> {
    match &expr.kind {
        ExprKind::Binary(op, left, right) if *op == wanted => {
            let ExprKind::Pv(raw) = &left.kind else { return None };
            let raw = String::from_utf8_lossy(raw).into_owned();
            let changes =
                ["$RANDOM", "$(RANDOM", "$TV", "$uuid", "$(uuid"].iter().any(|it| raw.starts_with(it));
            Some((raw, constant(right).filter(|_| !changes)?))
        }
        ExprKind::Key(key) if key.op == wanted && key.key == Key::Method => match &key.right {
            KeyValue::Word(name) => Some(("method".to_owned(), Value::copied(name.text.as_bytes()))),
            KeyValue::Expr(right) => Some(("method".to_owned(), constant(right)?)),
            _ => None,
        },
        _ => None,
    }
}

fn domain(raw: &[u8]) -> Option<Domain> {
    let name = match raw.strip_prefix(b"$(") {
        Some(inner) => inner.strip_suffix(b")")?,
        None => raw.strip_prefix(b"$")?,
    };
    Some(match name {
        b"rm" => Domain::Method,
        b"rs" | b"T_reply_code" => Domain::Status,
        b"proto" | b"pr" => Domain::Transport,
        b"si" | b"Ri" => Domain::Address,
        b"sp" | b"Rp" => Domain::Port,
        _ => return None,
    })
}

fn never(domain: Domain, raw: &[u8], value: &Value) -> Option<Reason> {
    let name = String::from_utf8_lossy(raw);
    let text = value.to_display();
    let reason = |why: String, hint: Option<&str>| Some(Reason { why, hint: hint.map(str::to_owned) });
    match domain {
        Domain::Method => method(value, Case::Matters),
        Domain::Status => match text.parse::<i64>() {
            Ok(0 | 100..=699) => None,
            _ => reason(format!("{name} is a status code from 100 to 699"), None),
        },
        Domain::Transport => {
            let lower = text.to_ascii_lowercase();
            let is_one = ["udp", "tcp", "tls", "sctp", "ws", "wss"].contains(&lower.as_str());
            match (is_one, lower == text) {
                (true, true) => None,
                (true, false) => {
                    reason(format!("{name} is written in small letters"), Some(&format!("write \"{lower}\"")))
                }
                (false, _) => reason(format!("{name} is udp, tcp, tls, sctp, ws or wss"), None),
            }
        }
        Domain::Address => match text.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(_) => None,
            Err(_) => reason(
                format!("{name} is an address"),
                Some("src_ip and dst_ip compare with networks and names"),
            ),
        },
        Domain::Port => match text.parse::<i64>() {
            Ok(0..=65_535) => None,
            _ => reason(format!("{name} is a port from 0 to 65535"), None),
        },
    }
}

/// Whether a comparison looks at the case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Matters,
    Ignored,
}

/// A request may have a method nobody knows; what is nearly one of those we know is a slip.
fn method(value: &Value, case: Case) -> Option<Reason> {
    let text = value.to_display();
    let reason = |why: String, hint: Option<String>| Some(Reason { why, hint });
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_token) {
        let hint = text.contains('|').then(|| format!("is_method(\"{text}\") looks for several"));
        return reason(format!("\"{text}\" is not a method"), hint);
    }
    let upper = text.to_ascii_uppercase();
    if METHODS.contains(&upper.as_str()) {
        return match case == Case::Matters && text != upper {
            true => reason("$rm is compared letter by letter".to_owned(), Some(format!("write \"{upper}\""))),
            false => None,
        };
    }
    let near = sip::diag::nearest(&text, METHODS.iter().copied())?;
    reason(format!("there is no method {text}"), Some(format!("did you mean {near}?")))
}

/// In these blocks the message is the request, and `status` its URI.
fn status_of_request(value: &Value) -> Option<Reason> {
    let text = value.to_display();
    let is_status = text.len() == 3 && text.parse::<u16>().is_ok_and(|status| (100..700).contains(&status));
    is_status.then(|| Reason {
        why: "the message here is the request, and status its URI".to_owned(),
        hint: Some(format!("t_check_status(\"{text}\") looks at the reply")),
    })
}

fn number_wanted(key: Key, value: &Value) -> Option<Reason> {
    let hint = match key {
        Key::Proto => format!("write {} without quotes", value.to_display().to_ascii_uppercase()),
        _ => "write the number without quotes".to_owned(),
    };
    Some(Reason { why: "the right side is not a number".to_owned(), hint: Some(hint) })
}

const METHODS: [&str; 15] = [
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "REGISTER",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "INFO",
    "MESSAGE",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "REFER",
    "KDMQ",
];
