//! Keywords about the message being written and the dialog: length, tag, route set, remote target.

use sip::lex;
use sip::msg::HeaderName;

use super::super::{KeywordDef, KeywordForm, Scope};
use super::write_decimal;
use crate::state::KeepRule;

/// Columns `[len]` takes, right-aligned.
pub(in crate::lang) const LENGTH_COLUMNS: usize = 5;

pub(in crate::lang) const LEN: KeywordDef = KeywordDef {
    name: "len",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(|scope, offset, out| {
        scope.length_mark = Some((out.len(), offset));
        out.extend_from_slice(&[b' '; LENGTH_COLUMNS]);
    }),
    doc: "The length of the body, right-aligned in five columns.",
};

pub(in crate::lang) const PEER_TAG_PARAM: KeywordDef = KeywordDef {
    name: "peer_tag_param",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| out.extend_from_slice(&scope.call.peer_tag)),
    doc: ";tag=... of the last response's To; empty before.",
};

pub(in crate::lang) const ROUTES: KeywordDef = KeywordDef {
    name: "routes",
    args: "",
    vanishes: true,
    form: KeywordForm::Plain(|scope, _, out| {
        if let Some(dialog) = scope.call.dialog.as_ref().filter(|dialog| !dialog.routes.is_empty()) {
            out.extend_from_slice(b"Route: ");
            out.extend_from_slice(&dialog.routes);
        }
    }),
    doc: "The Route header of the recorded route set; the line vanishes without one.",
};

pub(in crate::lang) const NEXT_URL: KeywordDef = KeywordDef {
    name: "next_url",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| {
        match scope.call.dialog.as_ref().filter(|dialog| !dialog.target.is_empty()) {
            Some(dialog) => out.extend_from_slice(&dialog.target),
            None => last_request_uri(scope, 0, out),
        }
    }),
    doc: "The recorded remote target, else the URI of the last To.",
};

pub(in crate::lang) const LAST_MESSAGE: KeywordDef = KeywordDef {
    name: "last_message",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| out.extend_from_slice(scope.call.last.whole())),
    doc: "The whole last received message.",
};

pub(in crate::lang) const LAST_REQUEST_URI: KeywordDef = KeywordDef {
    name: "last_Request_URI",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(last_request_uri),
    doc: "The URI of the last received To (so SIPp).",
};

fn last_request_uri(scope: &mut Scope<'_>, _offset: i64, out: &mut Vec<u8>) {
    let to = scope.call.last.value(HeaderName::To).unwrap_or_default();
    if let Some(start) = memchr::memchr(b'<', to)
        && let Some(len) = memchr::memchr(b'>', &to[start..])
    {
        out.extend_from_slice(&to[start + 1..start + len]);
    }
}

pub(in crate::lang) const LAST_CSEQ_NUMBER: KeywordDef = KeywordDef {
    name: "last_cseq_number",
    args: "+N",
    vanishes: false,
    form: KeywordForm::Plain(|scope, offset, out| {
        let cseq = scope.call.last.value(HeaderName::CSeq).unwrap_or_default();
        let digits = cseq.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = lex::parse_u32(&cseq[..digits]).unwrap_or(0);
        write_decimal(i64::from(number) + offset, out);
    }),
    doc: "The number of the last received CSeq.",
};

/// Notes what a plain keyword wants kept of received messages.
pub(in crate::lang) fn note_need(name: &str, keep: &mut KeepRule) {
    if name == LAST_MESSAGE.name {
        keep.whole = true;
    }
}
