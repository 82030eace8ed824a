//! The checks themselves: a table from bit to function, run in the order of the table; the first failure counts.
//!
//! The texts of the replies are Kamailio's, `Ivalid To Header` included: measured on 5.6.3.

use std::fmt;

use bytes::Bytes;
use sip::msg::{Auth, HeaderName, NameAddr, Scheme, StartLine, Uri, Via, View};

/// What to check: bits of [`CHECKS`], and of the URIs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masks {
    pub(super) message: i64,
    pub(super) uris: i64,
}

impl Masks {
    pub(super) fn are_valid(self) -> bool {
        (1..1 << 17).contains(&self.message) && (1..=15).contains(&self.uris)
    }
}

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing can be answered.
    Silent(&'static str),
    /// Answered with status and reason.
    Reply(u16, &'static str),
    /// An option tag of Proxy-Require that we do not have (RFC 3261 16.3 item 5).
    Extension(Bytes),
}

impl Failure {
    pub(super) fn reply(&self) -> Option<(u16, &'static str)> {
        match self {
            Failure::Silent(_) => None,
            Failure::Reply(status, reason) => Some((*status, reason)),
            Failure::Extension(_) => Some((420, "Bad Proxy Require Extension")),
        }
    }

    /// The header field that goes with the reply.
    pub(super) fn line(&self) -> Option<Bytes> {
        match self {
            Failure::Extension(tag) => Some([b"Unsupported: ", &tag[..], b"\r\n"].concat().into()),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Silent(reason) => f.write_str(reason),
            Failure::Reply(status, reason) => write!(f, "{status} {reason}"),
            Failure::Extension(tag) => write!(f, "420 {}", String::from_utf8_lossy(tag)),
        }
    }
}

type Outcome = Result<(), Failure>;

/// What a check sees.
struct Subject<'a> {
    view: View<'a>,
    uris: i64,
    extensions: &'a [String],
}

type Check = fn(&Subject<'_>) -> Outcome;

/// Bits and checks, in the order they are made. 8 and 16 always pass: such a Via is no message.
const CHECKS: &[(i64, Check)] = &[
    (1, version),
    (2, scheme),
    (4, fields),
    (16384, top_via),
    (32768, lr_and_cookie),
    (32, cseq_method),
    (64, cseq_number),
    (128, content_length),
    (256, expires),
    (512, proxy_require),
    (1024, uris),
    (2048, |subject| credentials(subject, Other::Refused)),
    (8192, |subject| credentials(subject, Other::Passed)),
    (4096, tags),
];

/// Runs the checks of the masks. Errors: the first failure.
pub(super) fn run(view: View<'_>, masks: Masks, extensions: &[String]) -> Outcome {
    let subject = Subject { view, uris: masks.uris, extensions };
    CHECKS.iter().filter(|(bit, _)| masks.message & bit != 0).try_for_each(|(_, check)| check(&subject))
}

fn fail_if(is_bad: bool, status: u16, reason: &'static str) -> Outcome {
    if is_bad { Err(Failure::Reply(status, reason)) } else { Ok(()) }
}

fn version(subject: &Subject<'_>) -> Outcome {
    let line =
        subject.view.bytes.split(|byte| *byte == b'\r' || *byte == b'\n').find(|line| !line.is_empty());
    let is_request = matches!(subject.view.index.start, StartLine::Request { .. });
    let is_right = line.is_some_and(|line| line.trim_ascii_end().ends_with(b"SIP/2.0"));
    fail_if(is_request && !is_right, 505, "Version Not Supported (R-URI)")
}

fn scheme(subject: &Subject<'_>) -> Outcome {
    let Some(uri) = subject.view.request_uri() else { return Ok(()) };
    let is_urn = uri.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"urn:"));
    let is_known = Uri::parse(uri).is_ok_and(|uri| uri.scheme != Scheme::Other) || is_urn;
    fail_if(!is_known, 400, "Bad Request URI")
}

fn fields(subject: &Subject<'_>) -> Outcome {
    let once = [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
    let is_once = once.iter().all(|name| subject.view.fields(*name).count() == 1);
    if !is_once || subject.view.header(HeaderName::Via).is_none() {
        return Err(Failure::Silent("a mandatory header field is missing or doubled"));
    }
    Ok(())
}

fn top_via(subject: &Subject<'_>) -> Outcome {
    match subject.view.via_top() {
        Ok(via) if !via.host.is_empty() => Ok(()),
        _ => Err(Failure::Silent("the top Via cannot be read")),
    }
}

fn lr_and_cookie(subject: &Subject<'_>) -> Outcome {
    let has_cookie = subject.view.via_top().is_ok_and(|via: Via<'_>| via.rfc3261_branch().is_some());
    let are_loose = [HeaderName::Route, HeaderName::RecordRoute].iter().all(|name| {
        subject
            .view
            .name_addrs(*name)
            .all(|addr| addr.ok().and_then(|addr| addr.uri().ok()).is_some_and(|uri| uri.is_loose_router()))
    });
    match has_cookie && are_loose {
        true => Ok(()),
        false => Err(Failure::Silent("no magic cookie in the top Via, or a route without lr")),
    }
}

fn cseq_method(subject: &Subject<'_>) -> Outcome {
    let Some(method) = subject.view.method_text() else { return Ok(()) };
    let written = subject.view.header(HeaderName::CSeq).unwrap_or_default().trim_ascii();
    let Some(at) = written.iter().rposition(|byte| byte.is_ascii_whitespace()) else {
        return Err(Failure::Reply(400, "Missing method in CSeq header"));
    };
    fail_if(written[at + 1..] != *method, 400, "CSeq method does not match request method")
}

/// More digits than a 32-bit number has; its exact bound is not looked at.
const DIGITS: usize = 10;

fn is_number(text: &[u8]) -> bool {
    (1..=DIGITS).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

fn cseq_number(subject: &Subject<'_>) -> Outcome {
    let written = subject.view.header(HeaderName::CSeq).unwrap_or_default().trim_ascii();
    let number = written.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    fail_if(number.is_empty(), 400, "Missing number in CSeq header")?;
    fail_if(!is_number(number), 400, "CSeq number is illegal")
}

fn content_length(subject: &Subject<'_>) -> Outcome {
    let mut written = subject.view.fields(HeaderName::ContentLength);
    let Some(field) = written.next() else { return Ok(()) };
    if written.next().is_some() {
        return Err(Failure::Silent("Content-Length is doubled"));
    }
    let text = field.value.of(subject.view.bytes).trim_ascii();
    let Some(length) = sip::lex::parse_u32(text) else {
        return Err(Failure::Reply(400, "Content-Length Failure"));
    };
    let start = subject.view.index.body.start as usize;
    let behind = subject.view.bytes.len().saturating_sub(start);
    fail_if(length as usize != behind, 400, "Content-Length mis-match")
}

fn expires(subject: &Subject<'_>) -> Outcome {
    let Some(written) = subject.view.header(HeaderName::Expires) else { return Ok(()) };
    let number = written.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
    fail_if(number.is_empty(), 400, "Bad Expires Header")?;
    fail_if(!is_number(number), 400, "Expires value is illegal")
}

fn proxy_require(subject: &Subject<'_>) -> Outcome {
    let unknown = subject.view.values(HeaderName::ProxyRequire).find(|tag| {
        !subject.extensions.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(tag.trim_ascii()))
    });
    match unknown {
        Some(tag) => Err(Failure::Extension(Bytes::copy_from_slice(tag.trim_ascii()))),
        None => Ok(()),
    }
}

fn uris(subject: &Subject<'_>) -> Outcome {
    let view = subject.view;
    if let Some(uri) = view.request_uri().filter(|_| subject.uris & 1 != 0) {
        fail_if(Uri::parse(uri).is_err(), 400, "Bad Request URI")?;
    }
    if subject.uris & 2 != 0 {
        let from = view.header(HeaderName::From).ok_or(Failure::Silent("there is no From"))?;
        fail_if(!has_uri(from), 400, "Invalid From Header")?;
    }
    if subject.uris & 4 != 0 {
        let to = view.header(HeaderName::To).ok_or(Failure::Silent("there is no To"))?;
        fail_if(!has_uri(to), 400, "Ivalid To Header")?;
    }
    let contact = view.values(HeaderName::Contact).next().filter(|_| subject.uris & 8 != 0);
    if let Some(contact) = contact.filter(|contact| contact.trim_ascii() != b"*") {
        fail_if(NameAddr::parse(contact).is_err(), 400, "Bad Contact Header")?;
        fail_if(!has_uri(contact), 400, "Bad Contact URI")?;
    }
    Ok(())
}

fn has_uri(value: &[u8]) -> bool {
    NameAddr::parse(value).is_ok_and(|addr| addr.uri().is_ok())
}

/// What becomes of credentials that are not digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    Refused,
    Passed,
}

fn credentials(subject: &Subject<'_>, other: Other) -> Outcome {
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        for field in subject.view.fields(name) {
            one_credentials(field.value.of(subject.view.bytes), other)?;
        }
    }
    Ok(())
}

fn one_credentials(value: &[u8], other: Other) -> Outcome {
    let auth = Auth::parse(value).map_err(|_| Failure::Reply(400, "Bad Auth Header"))?;
    if !auth.is_digest() {
        return match other {
            Other::Refused => Err(Failure::Silent("credentials that are not digest")),
            Other::Passed => Ok(()),
        };
    }
    let needed = ["username", "realm", "nonce", "uri", "response"];
    let is_whole = needed.iter().all(|name| auth.params.has(name.as_bytes()));
    fail_if(!is_whole, 400, "Bad Auth Credentials")?;
    let is_empty = |name: &[u8]| auth.param(name).is_none_or(|value| value.is_empty());
    fail_if(is_empty(b"username"), 400, "Auth Empty User")?;
    fail_if(is_empty(b"nonce"), 400, "Auth Empty Nonce")?;
    fail_if(is_empty(b"response"), 400, "Auth Empty Response")
}

fn tags(subject: &Subject<'_>) -> Outcome {
    fail_if(tag_count(subject, HeaderName::From) > 1, 400, "Many From Tag Params")?;
    fail_if(tag_count(subject, HeaderName::To) > 1, 400, "Many To Tag Params")
}

fn tag_count(subject: &Subject<'_>, name: HeaderName) -> usize {
    let value = subject.view.header(name).unwrap_or_default();
    NameAddr::parse(value)
        .map_or(0, |addr| addr.params.iter().filter(|param| param.name.eq_ignore_ascii_case(b"tag")).count())
}
