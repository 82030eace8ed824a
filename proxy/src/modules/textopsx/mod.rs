//! Module textopsx: applying the changes at once, and further changes to the text of messages.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{HeaderName, Message, StartLine};
use sip::span::Span;

use crate::api::{Args, Ctx, Flow, FunctionDef, Kind, Level, ModuleDef, RouteKind, Routes};

/// The table of module textopsx.
pub static MODULE: ModuleDef = ModuleDef {
    name: "textopsx",
    functions: &[
        FunctionDef::new(
            "msg_apply_changes",
            &[],
            Routes::of(RouteKind::Request).or(Routes::of(RouteKind::CoreReply)),
            apply,
            "makes the changes made so far visible",
        ),
        FunctionDef::new(
            "change_reply_status",
            &[Kind::Int, Kind::Text],
            Routes::of(RouteKind::TmReply).or(Routes::of(RouteKind::CoreReply)),
            change_status,
            "sets status and reason of a reply",
        ),
        FunctionDef::new("remove_body", &[], Routes::ANY, remove_body, "removes the body"),
        FunctionDef::new(
            "keep_hf",
            &[Kind::Regex],
            Routes::ANY,
            keep,
            "removes fields whose name does not match",
        ),
        FunctionDef::new(
            "fnmatch",
            &[Kind::Text, Kind::Text, Kind::Text],
            Routes::ANY,
            matches,
            "whether a text matches a pattern of shells",
        )
        .optional(1),
    ],
    ..ModuleDef::EMPTY
};

/// -1 where it cannot be done: the transaction keeps the request as it was, and a Record-Route is not an edit.
/// The script ends when what came out is no message.
fn apply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let relaying = &ctx.work.relaying;
    let is_place = matches!(ctx.run.kind, RouteKind::Request | RouteKind::CoreReply);
    if !is_place || relaying.id.is_some() || relaying.record_route.is_some() {
        ctx.log(Level::ERR, "msg_apply_changes: not here");
        return Flow::FALSE;
    }
    if let Some(uri) = &ctx.work.targets.ruri().uri {
        ctx.work.edits.set_request_uri(uri);
    }
    let mut out = Vec::with_capacity(ctx.work.message.bytes().len() + 256);
    ctx.work.edits.write(ctx.work.view(), &mut out);
    let Ok(message) = Message::parse(Bytes::from(out)) else {
        ctx.log(Level::ERR, "msg_apply_changes: the changes leave no message");
        return Flow::STOP;
    };
    ctx.work.message = Arc::new(message);
    // Emptied, not made anew: the numbers of edits that others remember stay used.
    ctx.work.edits.clear();
    ctx.work.targets.ruri_mut().uri = None;
    Flow::TRUE
}

/// A provisional reply stays one, and so does a 2xx; nothing else becomes one (RFC 3261 16.7).
fn change_status(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (status, reason) = (args.int(ctx, 0), args.text(ctx, 1));
    let view = ctx.work.view();
    let (StartLine::Response { reason: old, .. }, Some(before)) = (&view.index.start, view.status()) else {
        return Flow::FALSE;
    };
    let class = |status: i64| if status < 300 { status / 100 } else { 3 };
    if !(100..700).contains(&status) || class(status) != class(i64::from(before)) {
        ctx.log(Level::ERR, format!("change_reply_status: {before} cannot become {status}"));
        return Flow::FALSE;
    }
    // Three digits and a blank stand before the reason.
    let span = Span::new((old.start as usize).saturating_sub(4), old.end());
    let text = [status.to_string().as_bytes(), b" ", &reason].concat();
    Flow::from_bool(ctx.work.edits.replace(span, &text).is_some())
}

fn remove_body(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let body = ctx.work.view().index.body;
    if body.is_empty() {
        return Flow::FALSE;
    }
    Flow::from_bool(ctx.work.edits.delete(body).is_some())
}

/// What a message cannot be without stays, and so do Contact and Max-Forwards.
fn keep(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let pattern = match args.regex(ctx, 0) {
        Ok(pattern) => pattern,
        Err(error) => {
            ctx.log(Level::ERR, format!("keep_hf: {error}"));
            return Flow::FALSE;
        }
    };
    let view = ctx.work.view();
    let unwanted = view.index.headers.iter().filter(|field| {
        let name = field.name.of(view.bytes);
        !is_needed(HeaderName::parse(name)) && !pattern.is_match(name)
    });
    let lines: Vec<Span> = unwanted.map(|field| field.line).collect();
    for line in lines {
        ctx.work.edits.delete(line);
    }
    Flow::TRUE
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

/// Flag `i` ignores case.
fn matches(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (text, pattern, flags) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
    if flags.contains(&b'i') {
        return Flow::from_bool(glob(&text.to_ascii_lowercase(), &pattern.to_ascii_lowercase()));
    }
    Flow::from_bool(glob(&text, &pattern))
}

/// `*` any text, `?` any byte. Goes back to the last star only, so the time is bounded by the product of the
/// lengths.
fn glob(text: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut want) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(want) {
            Some(b'*') => {
                star = Some((want, at));
                want += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at] => {
                at += 1;
                want += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    (want, at) = (place + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[want..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::glob;
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn patterns_of_shells() {
        let rows = [
            ("abc", "abc", true),
            ("abc", "a*", true),
            ("abc", "*c", true),
            ("abc", "a?c", true),
            ("abc", "*b*", true),
            ("abc", "", false),
            ("", "*", true),
            ("aab", "*ab", true),
            ("abc", "a*d", false),
        ];
        for (text, pattern, expected) in rows {
            assert_eq!(glob(text.as_bytes(), pattern.as_bytes()), expected, "{text} {pattern}");
        }
    }

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
