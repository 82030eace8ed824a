//! The remote procedures `tm.*`. Structure and texts are those of Kamailio 5.6.3.

use bytes::Bytes;
use sip::msg::{HeaderName, Index, View};

use crate::api::{LocalRequest, RpcDef, RpcError, RpcFn, RpcScope, RpcValue, Shard, Value, parse_int};
use crate::relay::cancel::Cause;
use crate::relay::reply::{LocalReply, TagStyle};
use crate::relay::{Context, RelayId};

/// The table.
pub(super) static RPCS: &[RpcDef] = &[
    row("tm.stats", RpcScope::Sum, stats, "counts of transactions and replies"),
    row("tm.list", RpcScope::Every, list, "all transactions"),
    row("tm.hash_stats", RpcScope::One, hash_stats, "is refused, as in Kamailio 5.6.3"),
    row("tm.clean", RpcScope::One, |_, _| Ok(nothing()), "has no effect: transactions end by themselves"),
    row("tm.cancel", RpcScope::Find, cancel, "Call-ID, CSeq: cancels an INVITE made here"),
    row("tm.reply", RpcScope::Find, reply, "code, reason, index:label, To tag, header lines, body"),
    row(
        "tm.reply_callid",
        RpcScope::Find,
        reply_callid,
        "code, reason, Call-ID, CSeq, To tag, header lines, body",
    ),
    row(
        "tm.t_uac_start",
        RpcScope::One,
        uac_start,
        "method, URI, next hop, socket, header lines, body: sends a request",
    ),
    row("tm.t_uac_wait", RpcScope::One, uac_wait, "is refused: nobody can wait for an answer here"),
    row("tm.t_uac_wait_block", RpcScope::One, uac_wait, "is refused: nobody can wait for an answer here"),
];

const fn row(name: &'static str, scope: RpcScope, run: RpcFn, doc: &'static str) -> RpcDef {
    RpcDef { name, scope, run, doc }
}

type Answer = Result<RpcValue, RpcError>;

fn stats(shard: &mut Shard, _: &[Value]) -> Answer {
    let counters = shard.relay.counters();
    let current = shard.relay.len() as u64;
    let created = counters.server_transactions + counters.local_transactions;
    let waiting = shard.relay.contexts().filter(|(_, context)| !context.is_running()).count() as u64;
    let [success, redirect, client, server, global] = counters.finals;
    let rows = [
        ("current", current),
        ("waiting", waiting),
        ("total", created),
        ("total_local", counters.local_transactions),
        ("rpl_received", counters.replies_received),
        ("rpl_generated", counters.replies_generated),
        ("rpl_sent", counters.replies_generated + counters.replies_relayed),
        ("6xx", global),
        ("5xx", server),
        ("4xx", client),
        ("3xx", redirect),
        ("2xx", success),
        ("created", created),
        ("freed", created.saturating_sub(current)),
        ("delayed_free", 0),
    ];
    Ok(RpcValue::Record(rows.into_iter().map(|(name, count)| (name.to_owned(), int(count as i64))).collect()))
}

fn list(shard: &mut Shard, _: &[Value]) -> Answer {
    let now = shard.now;
    let shown = |(id, context): (RelayId, &Context)| {
        let index = Index::parse(context.request()).ok()?;
        let view = View { bytes: context.request(), index: &index };
        let line = |header| {
            let field = view.fields(header).next();
            text(field.map_or(&b""[..], |field| field.line.of(view.bytes)))
        };
        let cseq = format!("CSeq: {}", view.cseq().map(|cseq| cseq.number).unwrap_or(0));
        let life = context.timers().lifetime.duration().saturating_sub(now - context.created());
        let fields = [
            ("cell", text(format!("{:#x}", u64::from(id.slot) << 32 | u64::from(id.generation)).as_bytes())),
            ("tindex", int(i64::from(id.slot))),
            ("tlabel", int(i64::from(id.generation))),
            ("method", text(context.method().as_str().as_bytes())),
            ("from", line(HeaderName::From)),
            ("to", line(HeaderName::To)),
            ("callid", line(HeaderName::CallId)),
            ("cseq", text(cseq.as_bytes())),
            ("uas_request", text(if context.is_local() { b"no" } else { b"yes" })),
            ("tflags", int(i64::from(context.flags))),
            ("outgoings", int(context.branches().len() as i64)),
            ("ref_count", int(1)),
            ("lifetime", int(life.as_secs() as i64)),
        ];
        Some(RpcValue::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
    };
    Ok(RpcValue::List(shard.relay.contexts().filter_map(shown).collect()))
}

/// Kamailio 5.6.3's words, its missing blank included: scripts may look for them.
fn hash_stats(_: &mut Shard, _: &[Value]) -> Answer {
    Err(RpcError::new(500, "Hash statistics not supported (tryrecompiling with -DTM_HASH_STATS)"))
}

fn cancel(shard: &mut Shard, args: &[Value]) -> Answer {
    let [call_id, cseq, ..] = args else {
        return Err(RpcError::new(400, "Callid and CSeq expected as parameters"));
    };
    let found = call(shard, call_id, cseq);
    let is_ours = |id: &RelayId| shard.relay.context(*id).is_some_and(Context::is_local);
    let id = found.filter(is_ours).ok_or_else(|| RpcError::new(400, "Transaction not found"))?;
    shard.relay.cancel_branches(shard.now, id, &Cause::Timeout, None);
    Ok(nothing())
}

fn reply(shard: &mut Shard, args: &[Value]) -> Answer {
    let name = argument(args, 2, "Transaction ID expected")?.to_text();
    let name = String::from_utf8_lossy(&name).into_owned();
    let parts =
        name.split_once(':').and_then(|(slot, label)| Some((slot.parse().ok()?, label.parse().ok()?)));
    let id = parts.map(|(slot, generation)| RelayId { slot, generation });
    let id = id.filter(|id| shard.relay.context(*id).is_some());
    let id = id.ok_or_else(|| RpcError::new(481, "No such transaction"))?;
    answer(shard, id, args, 3)
}

fn reply_callid(shard: &mut Shard, args: &[Value]) -> Answer {
    let (call_id, cseq) = (argument(args, 2, "Call-ID expected")?, argument(args, 3, "CSeq expected")?);
    let id = call(shard, call_id, cseq).ok_or_else(|| RpcError::new(404, "Transaction not found"))?;
    answer(shard, id, args, 4)
}

/// Replies on a transaction: code and reason come first, To tag, header lines and body from `at` on.
fn answer(shard: &mut Shard, id: RelayId, args: &[Value], at: usize) -> Answer {
    let status = argument(args, 0, "Reply code expected")?.to_int();
    let reason = argument(args, 1, "Reason phrase expected")?.to_text();
    let tag = argument(args, at, "To tag expected")?.to_text();
    let headers = args.get(at + 1).map(Value::to_text).unwrap_or_default();
    let body = args.get(at + 2).map(Value::to_text).unwrap_or_default();
    let Ok(status @ 100..=699) = u16::try_from(status) else {
        return Err(RpcError::new(400, "Reply code expected"));
    };
    let lines = lines(&headers);
    let tag = TagStyle::Given(&tag);
    let wanted = LocalReply { status, reason: &reason, lines: &lines, body: &body, tag, last_lines: b"" };
    let bytes = shard.relay.write_reply(id, &wanted).ok_or_else(|| RpcError::new(500, "Reply failed"))?;
    match shard.relay.answer(shard.now, id, status, bytes) {
        true => Ok(nothing()),
        false => Err(RpcError::new(500, "Reply failed")),
    }
}

/// Header lines as users write them: `.` for none, line ends as CRLF, LF or the four characters `\\r\\n`.
fn lines(written: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(written).replace("\\r\\n", "\n").replace("\r\n", "\n");
    let lines = text.split('\n').filter(|line| !line.is_empty() && *line != ".");
    lines.flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect::<Vec<u8>>().into()
}

fn uac_start(shard: &mut Shard, args: &[Value]) -> Answer {
    if args.len() < 5 {
        return Err(RpcError::new(400, format!("too few parameters (-{}/5)", args.len().max(1))));
    }
    let of = |at: usize| args.get(at).map(Value::to_text).filter(|text| *text != "." && !text.is_empty());
    let method = of(0).ok_or_else(|| RpcError::new(400, "Invalid method"))?;
    let uri = of(1).filter(|uri| sip::msg::Uri::parse(uri).is_ok());
    let uri = uri.ok_or_else(|| {
        RpcError::new(400, format!("Invalid request uri \"{}\"", String::from_utf8_lossy(&args[1].to_text())))
    })?;
    let headers = lines(&args[4].to_text());
    let mut request =
        LocalRequest::new(method, uri).lines(&headers).map_err(|_| RpcError::new(400, "Invalid headers"))?;
    request.next_hop = of(2);
    request.body = of(5).unwrap_or_default();
    if let Some(socket) = of(3) {
        let found = shard.find_socket(&String::from_utf8_lossy(&socket));
        request.socket = Some(found.map_err(|_| RpcError::new(404, "No such socket"))?);
    }
    shard.send_request(request);
    Ok(nothing())
}

fn uac_wait(_: &mut Shard, _: &[Value]) -> Answer {
    Err(RpcError::new(600, "Reply wait/async mode not supported by this rpc transport"))
}

fn call(shard: &Shard, call_id: &Value, cseq: &Value) -> Option<RelayId> {
    let cseq = parse_int(&cseq.to_text()).and_then(|number| u32::try_from(number).ok())?;
    shard.relay.find_call(&call_id.to_text(), cseq)
}

fn argument<'a>(args: &'a [Value], at: usize, missing: &str) -> Result<&'a Value, RpcError> {
    args.get(at).ok_or_else(|| RpcError::new(400, missing))
}

fn nothing() -> RpcValue {
    RpcValue::List(Vec::new())
}

fn int(number: i64) -> RpcValue {
    RpcValue::Plain(Value::Int(number))
}

fn text(text: &[u8]) -> RpcValue {
    RpcValue::Plain(Value::copied(text))
}
