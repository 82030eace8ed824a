//! `uac_req_send()`: the request that `$uac_req(...)` describes, with an answer to a challenge, and the event route
//! that is told of its outcome.

use bytes::Bytes;
use sip::digest::Covered;
use sip::msg::HeaderName;

use super::answer::{self, Secret};
use super::params::{self, Credential};
use crate::api::{Args, Ctx, Flow, Kept, Level, LocalRequest, Outcome, PvArg, SetError, Shard, Value};

/// What may stand in `$uac_req(...)`.
pub(super) const PARTS: &[&str] = &[
    "method",
    "ruri",
    "turi",
    "furi",
    "ttag",
    "ftag",
    "callid",
    "hdrs",
    "body",
    "ouri",
    "sock",
    "auser",
    "apasswd",
    "cseqno",
    "evroute",
    "evparam",
    "flags",
    "fr_timeout",
    "all",
    "evcode",
    "evtype",
];

/// How many of the parts are texts.
const TEXTS: usize = 13;

/// What the script has set.
#[derive(Clone, Default)]
struct Draft {
    texts: [Bytes; TEXTS],
    cseq: i64,
    event_route: i64,
    event_param: Value,
    flags: i64,
    /// Milliseconds, 0 for the usual time.
    fr_timeout: i64,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password is among the texts.
        f.write_str("Draft(..)")
    }
}

/// What came of a request; goes with the message of the event route.
#[derive(Clone, Debug, Default)]
struct Told {
    code: i64,
    /// 1: received, 2: made here.
    kind: i64,
    param: Value,
}

impl Draft {
    fn text(&self, part: &str) -> &Bytes {
        let at = PARTS.iter().position(|name| *name == part);
        &self.texts[at.expect("a name of the table, texts come first")]
    }
}

/// `$uac_req(part)`
pub(super) fn get(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let told = ctx.work.attached.get::<Told>().cloned();
    let draft = ctx.shard.states.get::<Draft>();
    match PARTS.get(arg.slot()).copied().unwrap_or_default() {
        "cseqno" => Value::Int(draft.cseq),
        "evroute" => Value::Int(draft.event_route),
        "evparam" => told.map_or_else(|| draft.event_param.clone(), |told| told.param),
        "flags" => Value::Int(draft.flags),
        "fr_timeout" => Value::Int(draft.fr_timeout),
        "evcode" => Value::Int(told.map_or(0, |told| told.code)),
        "evtype" => Value::Int(told.map_or(0, |told| told.kind)),
        _ => match draft.texts.get(arg.slot()) {
            Some(text) if !text.is_empty() => Value::Str(text.clone()),
            _ => Value::Null,
        },
    }
}

/// Sets a part; null empties it, and `all` everything. Errors: `ReadOnly` for what came of a request.
pub(super) fn set(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let draft = ctx.shard.states.get::<Draft>();
    match PARTS.get(arg.slot()).copied().unwrap_or_default() {
        "all" => *draft = Draft::default(),
        "cseqno" => draft.cseq = value.to_int(),
        "evroute" => draft.event_route = value.to_int(),
        "evparam" => draft.event_param = value,
        "flags" => draft.flags = value.to_int(),
        "fr_timeout" => draft.fr_timeout = value.to_int(),
        "evcode" | "evtype" => return Err(SetError::ReadOnly),
        _ => {
            let place = draft.texts.get_mut(arg.slot()).ok_or(SetError::ReadOnly)?;
            // A copy: the message it may be a part of shall not live as long as the draft.
            *place = if value.is_null() { Bytes::new() } else { Bytes::copy_from_slice(&value.to_text()) };
        }
    }
    Ok(())
}

/// `uac_req_send()`
pub(super) fn uac_req_send(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let draft = ctx.shard.states.get::<Draft>().clone();
    let default_socket = params::rules(ctx).socket.clone();
    match compose(ctx.shard, &draft, &default_socket) {
        Ok(request) => {
            ctx.shard
                .send_request(request.then(answered, Asked { draft, default_socket, has_answered: false }));
            Flow::TRUE
        }
        Err(why) => {
            ctx.log(Level::ERR, format!("uac_req_send: {why}"));
            Flow::FALSE
        }
    }
}

/// A request under way.
struct Asked {
    draft: Draft,
    default_socket: Bytes,
    /// Its challenge was answered.
    has_answered: bool,
}

/// Errors: what is missing or cannot be used.
fn compose(shard: &Shard, draft: &Draft, default_socket: &Bytes) -> Result<LocalRequest, &'static str> {
    let [method, ruri, turi, furi] = ["method", "ruri", "turi", "furi"].map(|part| draft.text(part).clone());
    if method.is_empty() || sip::msg::Uri::parse(&ruri).is_err() {
        return Err("$uac_req(method) and a readable $uac_req(ruri) are needed");
    }
    let address = |uri: &Bytes, other: &Bytes, tag: &Bytes| -> Bytes {
        let uri = if uri.is_empty() { other } else { uri };
        let tag = if tag.is_empty() { Vec::new() } else { [b";tag=", &tag[..]].concat() };
        [b"<", &uri[..], b">", &tag].concat().into()
    };
    let mut request = LocalRequest::new(method, ruri.clone());
    request.to = address(&turi, &ruri, draft.text("ttag"));
    request.from = address(&furi, &ruri, draft.text("ftag"));
    request = request.lines(draft.text("hdrs")).map_err(|_| "a line of $uac_req(hdrs) cannot be read")?;
    request.body = draft.text("body").clone();
    request.call_id = draft.text("callid").clone();
    if let Ok(cseq @ 1..) = u32::try_from(draft.cseq) {
        request.cseq = cseq;
    }
    request.next_hop = Some(draft.text("ouri").clone()).filter(|uri| !uri.is_empty());
    let socket = Some(draft.text("sock")).filter(|socket| !socket.is_empty()).unwrap_or(default_socket);
    if !socket.is_empty() {
        let id = shard.find_socket(&String::from_utf8_lossy(socket));
        request.socket = Some(id.map_err(|_| "$uac_req(sock) is no socket of ours")?);
    }
    if let Ok(timeout @ 1..) = u32::try_from(draft.fr_timeout) {
        let mut timers = shard.relay.settings().non_invite;
        timers.final_response = crate::relay::Millis(timeout);
        request.timers = Some(timers);
    }
    Ok(request)
}

fn answered(shard: &mut Shard, outcome: Outcome, kept: Kept) {
    let Ok(asked) = kept.downcast::<Asked>() else { return };
    let mut asked = *asked;
    if !asked.has_answered
        && matches!(outcome.status, 401 | 407)
        && let Some(request) = with_answer(shard, &outcome, &asked)
    {
        asked.has_answered = true;
        return shard.send_request(request.then(answered, asked));
    }
    if asked.draft.event_route != 0 {
        let mut work = shard.made_up();
        *work.attached.get_mut::<Told>() = Told {
            code: i64::from(outcome.status),
            kind: if outcome.reply.is_some() { 1 } else { 2 },
            param: asked.draft.event_param.clone(),
        };
        shard.run_event("uac:reply", Some(work));
    }
}

/// The request again, with the next number and an answer to the challenge.
fn with_answer(shard: &mut Shard, outcome: &Outcome, asked: &Asked) -> Option<LocalRequest> {
    let draft = &asked.draft;
    let (user, password) = (draft.text("auser").clone(), draft.text("apasswd").clone());
    if user.is_empty() || password.is_empty() {
        return None;
    }
    let reply = outcome.reply.as_ref()?.view();
    let challenge = answer::challenge(reply, outcome.status)?;
    let credential = Credential { user, realm: Bytes::new(), password };
    let covered = Covered { method: draft.text("method"), uri: draft.text("ruri"), body: draft.text("body") };
    let secret = if draft.flags & HASHED != 0 { Secret::Hash } else { Secret::Plain };
    let line = answer::line(shard, &challenge, (&credential, secret), covered, outcome.status)?;
    let mut request = compose(shard, draft, &asked.default_socket).ok()?;
    // The same call goes on.
    request.call_id = Bytes::copy_from_slice(reply.header(HeaderName::CallId)?);
    request.from = Bytes::copy_from_slice(reply.header(HeaderName::From)?);
    request.cseq = reply.cseq().ok()?.number + 1;
    request.headers = [&request.headers[..], &line].concat().into();
    Some(request)
}

/// `$uac_req(flags)`: the password is a hash.
const HASHED: i64 = 1;
