//! The end of `save()`: its code, and the reply with the contacts stored (RFC 3261 10.3 step 8), sent at once, put
//! aside for `reg_send_reply()`, or left to whatever reply the script sends.

use bytes::Bytes;
use sip::msg::{HeaderName, View};

use super::answer;
use super::params::{Outbound, PathMode, Rules};
use super::request::Refusal;
use crate::api::{Args, Ctx, Flow};

/// The code of `save()` or why it refused, and the Contact line of the reply.
pub(super) type Outcome = (Result<i64, Refusal>, Vec<u8>);

/// Flag of `save()`: no reply.
const NO_REPLY: i64 = 2;
/// Flag of `save()`, with the one before: the lines of the reply go into the next reply of the script.
const PREPARE: i64 = 16;

/// Registrations of a shard.
#[derive(Debug, Default)]
pub(super) struct Registrations {
    pub(super) accepted: u64,
    pub(super) rejected: u64,
}

/// RFC 5626 6: who used outbound is told so, and how often to send keep-alives.
fn outbound_lines(view: View<'_>, rules: &Rules) -> Vec<u8> {
    let has_flow = view.contacts().flatten().any(|contact| contact.params.has(b"reg-id"));
    let is_used = has_flow && view.has_token(HeaderName::Supported, b"outbound");
    if rules.outbound == Outbound::Refused || !is_used {
        return Vec::new();
    }
    let mut lines = b"Require: outbound\r\nSupported: outbound\r\n".to_vec();
    if rules.flow_timer > 0 {
        lines.extend_from_slice(format!("Flow-Timer: {}\r\n", rules.flow_timer).as_bytes());
    }
    lines
}

/// Replies, and gives the code of `save()`.
pub(super) fn finish(ctx: &mut Ctx<'_>, flags: i64, outcome: Outcome) -> Flow {
    let shared = ctx.shard.shared.clone();
    let Some(rules) = shared.peek::<Rules>() else { return Flow::FALSE };
    let (result, mut lines) = outcome;
    let counts = ctx.shard.states.get::<Registrations>();
    *(if result.is_ok() { &mut counts.accepted } else { &mut counts.rejected }) += 1;
    let code = match &result {
        Ok(code) => *code,
        Err(refusal) if refusal.status == 503 => -2,
        Err(_) => -1,
    };
    let status = match &result {
        Ok(_) => {
            lines.extend_from_slice(&outbound_lines(ctx.work.view(), rules));
            add_path(ctx, rules, &mut lines)
        }
        Err(refusal) => {
            lines.extend_from_slice(&answer::refusal_lines(refusal, rules));
            refusal.status
        }
    };
    match (flags & NO_REPLY != 0, flags & PREPARE != 0) {
        (false, _) => reply(ctx, status, lines.into()),
        (true, true) => ctx.work.reply_headers.push(lines.into()),
        (true, false) => *ctx.work.attached.get_mut::<Prepared>() = Prepared { status, lines: lines.into() },
    }
    Flow::Next(code)
}

/// `reg_send_reply()`: the reply that `save()` with flag 2 did not send; without such a `save()` a bare 200.
pub(super) fn send_reply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Prepared { status, lines } = ctx.work.attached.get::<Prepared>().cloned().unwrap_or_default();
    reply(ctx, status, lines);
    Flow::TRUE
}

fn reply(ctx: &mut Ctx<'_>, status: u16, lines: Bytes) {
    let before = ctx.work.reply_headers.len();
    ctx.work.reply_headers.push(lines);
    ctx.reply(status, sip::msg::reason_phrase(status).as_bytes());
    ctx.work.reply_headers.truncate(before);
}

/// A reply that waits for [`send_reply`].
#[derive(Clone, Debug)]
struct Prepared {
    status: u16,
    lines: Bytes,
}

impl Default for Prepared {
    fn default() -> Prepared {
        Prepared { status: 200, lines: Bytes::new() }
    }
}

/// Path in a 200 (RFC 3327 5.3); the status may become 420 though the contact is stored (Kamailio 5.6.3).
fn add_path(ctx: &Ctx<'_>, rules: &Rules, lines: &mut Vec<u8>) -> u16 {
    let view = ctx.work.view();
    let paths: Vec<&[u8]> = view.values(HeaderName::Path).collect();
    if !rules.uses_path || rules.path_mode == PathMode::Hidden || paths.is_empty() {
        return 200;
    }
    let is_supported = view.has_token(HeaderName::Supported, b"path");
    if !is_supported && rules.path_mode == PathMode::Shown {
        return 200;
    }
    if !is_supported {
        lines.extend_from_slice(b"Unsupported: path\r\n");
    }
    lines.extend_from_slice(b"Path: ");
    lines.extend_from_slice(&paths.join(&b","[..]));
    lines.extend_from_slice(b"\r\n");
    if is_supported { 200 } else { 420 }
}
