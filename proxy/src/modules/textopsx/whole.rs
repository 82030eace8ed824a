//! The message as a whole: changes applied, another text put in its place, another status, no body, few fields.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{HeaderName, Message};
use sip::span::Span;

use crate::api::{Args, Ctx, Flow, Level, RouteKind};

/// Whether the message may be exchanged: the transaction keeps the request as it was, and a Record-Route is
/// not an edit.
fn is_exchangeable(ctx: &mut Ctx<'_>, function: &str) -> bool {
    let relaying = &ctx.work.relaying;
    let is_place = matches!(ctx.run.kind, RouteKind::Request | RouteKind::CoreReply);
    let may = is_place && relaying.id.is_none() && relaying.record_route.is_none();
    if !may {
        ctx.log(Level::ERR, format!("{function}: not here"));
    }
    may
}

/// Puts a text in place of the message. The script ends when it is no message.
fn exchange(ctx: &mut Ctx<'_>, text: Bytes, function: &str) -> Flow {
    let Ok(message) = Message::parse(text) else {
        ctx.log(Level::ERR, format!("{function}: the new text is no message"));
        return Flow::STOP;
    };
    ctx.work.message = Arc::new(message);
    // Emptied, not made anew: the numbers of edits that others remember stay used.
    ctx.work.edits.clear();
    ctx.work.targets.ruri_mut().uri = None;
    Flow::TRUE
}

/// -1 where it cannot be done; the script ends when what came out is no message.
pub(super) fn apply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    if !is_exchangeable(ctx, "msg_apply_changes") {
        return Flow::FALSE;
    }
    if let Some(uri) = &ctx.work.targets.ruri().uri {
        ctx.work.edits.set_request_uri(uri);
    }
    let mut out = Vec::with_capacity(ctx.work.message.bytes().len() + 256);
    ctx.work.edits.write(ctx.work.view(), &mut out);
    exchange(ctx, Bytes::from(out), "msg_apply_changes")
}

/// A request stays a request and a reply a reply.
pub(super) fn set_buffer(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    if !is_exchangeable(ctx, "msg_set_buffer") {
        return Flow::FALSE;
    }
    let text = args.text(ctx, 0);
    let is_reply = |text: &[u8]| text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"));
    if is_reply(&text) == ctx.work.view().method().is_some() {
        ctx.log(Level::ERR, "msg_set_buffer: a request stays a request, and a reply a reply");
        return Flow::STOP;
    }
    exchange(ctx, text, "msg_set_buffer")
}

pub(super) fn change_status(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (status, reason) = (args.int(ctx, 0), args.text(ctx, 1));
    change_to(ctx, status, Some(&reason))
}

/// The reason stays.
pub(super) fn change_status_code(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let status = args.int(ctx, 0);
    change_to(ctx, status, None)
}

fn change_to(ctx: &mut Ctx<'_>, status: i64, reason: Option<&[u8]>) -> Flow {
    if ctx.work.change_status(status, reason) {
        return Flow::TRUE;
    }
    if let Some(before) = ctx.work.view().status() {
        ctx.log(Level::ERR, format!("change_reply_status: {before} cannot become {status}"));
    }
    Flow::FALSE
}

/// 1 whether there was a body or not.
pub(super) fn remove_body(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let body = ctx.work.view().index.body;
    if !body.is_empty() {
        ctx.work.edits.delete(body);
    }
    Flow::TRUE
}

/// What a message cannot be without stays, and so do Contact and Max-Forwards. It works and says -1, as 5.6.3.
pub(super) fn keep(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let pattern = match (args.is_empty(), args.regex(ctx, 0)) {
        (true, _) => None,
        (false, Ok(pattern)) => Some(pattern),
        (false, Err(error)) => {
            ctx.log(Level::ERR, format!("keep_hf: {error}"));
            return Flow::FALSE;
        }
    };
    let view = ctx.work.view();
    let unwanted = view.index.headers.iter().filter(|field| {
        let name = field.name.of(view.bytes);
        let is_wanted = pattern.as_ref().is_some_and(|pattern| pattern.is_match(name));
        !is_needed(HeaderName::parse(name)) && !is_wanted
    });
    let lines: Vec<Span> = unwanted.map(|field| field.line).collect();
    for line in lines {
        ctx.work.edits.delete(line);
    }
    Flow::FALSE
}

fn is_needed(name: HeaderName) -> bool {
    matches!(
        name,
        HeaderName::Via
            | HeaderName::From
            | HeaderName::To
            | HeaderName::CallId
            | HeaderName::CSeq
            | HeaderName::Contact
            | HeaderName::MaxForwards
            | HeaderName::ContentLength
            | HeaderName::ContentType
            | HeaderName::Route
            | HeaderName::RecordRoute
    )
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn applied_changes_are_read_back() {
        let text = "loadmodule \"textops.so\"\nloadmodule \"textopsx.so\"\nloadmodule \"xlog.so\"\n\
            request_route { append_hf(\"X-A: 1\\r\\n\"); $rU = \"carol\"; \
            xlog(\"[$hdr(X-A)] $ou\\n\"); msg_apply_changes(); xlog(\"[$hdr(X-A)] $ou $ru\\n\"); \
            keep_hf(\"^User\"); msg_apply_changes(); xlog(\"[$hdr(X-A)] [$ua] $hdr(CSeq)\\n\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        assert_eq!(
            trial.run(OPTIONS).lines,
            [
                "[<null>] sip:bob@example.com",
                "[1] sip:carol@example.com sip:carol@example.com",
                "[<null>] [tester] 7 OPTIONS"
            ]
        );
    }
}
