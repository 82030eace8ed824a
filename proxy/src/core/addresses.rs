//! From and To: read as received, changed by edits that show in the sent message.
//!
//! Setting the same part again replaces the earlier change, and URI, user and host changes combine.

use bytes::Bytes;
use sip::msg::{EditId, HeaderName, NameAddr, Uri};

use super::{NAME, rewrite, ruri};
use crate::api::{Ctx, Index, Indexing, ModuleDef, PvArg, PvDef, PvGet, PvSet, SetError, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    row("fu", &["from"], |ctx, _| uri(ctx, From), "URI of From", Some(|ctx, _, v| set_uri(ctx, From, v))),
    row(
        "fU",
        &["from.user"],
        |ctx, _| ruri::user(uri_text(ctx, From)),
        "user of From",
        Some(|ctx, _, v| set_user(ctx, From, v)),
    ),
    row("fUl", &[], |ctx, _| ruri::user_len(uri_text(ctx, From)), "length of the user of From", None),
    row(
        "fd",
        &["from.domain"],
        |ctx, _| ruri::host(uri_text(ctx, From)),
        "host of From",
        Some(|ctx, _, v| set_host(ctx, From, v)),
    ),
    row(
        "fn",
        &["from.name"],
        |ctx, _| name(ctx, From),
        "display name of From",
        Some(|ctx, _, v| set_name(ctx, From, v)),
    ),
    row("ft", &["from.tag"], |ctx, _| tag(ctx, From), "tag of From", None),
    row("tu", &["to"], |ctx, _| uri(ctx, To), "URI of To", Some(|ctx, _, v| set_uri(ctx, To, v))),
    row(
        "tU",
        &["to.user"],
        |ctx, _| ruri::user(uri_text(ctx, To)),
        "user of To",
        Some(|ctx, _, v| set_user(ctx, To, v)),
    ),
    row("tUl", &[], |ctx, _| ruri::user_len(uri_text(ctx, To)), "length of the user of To", None),
    row(
        "td",
        &["to.domain"],
        |ctx, _| ruri::host(uri_text(ctx, To)),
        "host of To",
        Some(|ctx, _, v| set_host(ctx, To, v)),
    ),
    row(
        "tn",
        &["to.name"],
        |ctx, _| name(ctx, To),
        "display name of To",
        Some(|ctx, _, v| set_name(ctx, To, v)),
    ),
    row("tt", &["to.tag"], |ctx, _| tag(ctx, To), "tag of To", None),
    row("rt", &["refer_to"], |ctx, _| first(ctx, HeaderName::ReferTo), "URI of Refer-To", None),
    row("re", &[], |ctx, _| first_named(ctx, b"Remote-Party-ID"), "URI of Remote-Party-ID", None),
    row("di", &["diversion"], |ctx, _| first(ctx, HeaderName::Diversion), "URI of Diversion", None),
    row("dir", &["dir.reason"], |ctx, _| diversion(ctx, b"reason"), "reason of Diversion", None),
    row("dip", &["dir.privacy"], |ctx, _| diversion(ctx, b"privacy"), "privacy of Diversion", None),
    row("dic", &["dir.counter"], |ctx, _| diversion(ctx, b"counter"), "counter of Diversion", None),
    indexed("ai", |ctx, arg| at(ctx, HeaderName::PAssertedIdentity, arg), "URI of P-Asserted-Identity"),
    indexed("pu", |ctx, arg| at(ctx, HeaderName::PPreferredIdentity, arg), "URI of P-Preferred-Identity"),
    indexed(
        "pU",
        |ctx, arg| ruri::user(text_at(ctx, HeaderName::PPreferredIdentity, arg)),
        "user of P-Preferred-Identity",
    ),
    indexed(
        "pd",
        |ctx, arg| ruri::host(text_at(ctx, HeaderName::PPreferredIdentity, arg)),
        "host of P-Preferred-Identity",
    ),
    indexed(
        "pn",
        |ctx, arg| name_at(ctx, HeaderName::PPreferredIdentity, arg),
        "display name of P-Preferred-Identity",
    ),
];

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    get: PvGet,
    doc: &'static str,
    set: Option<PvSet>,
) -> PvDef {
    let mut def = PvDef::new(name, get, doc).alias(aliases);
    def.set = set;
    def
}

const fn indexed(name: &'static str, get: PvGet, doc: &'static str) -> PvDef {
    let mut def = PvDef::new(name, get, doc);
    def.index = Indexing::Yes;
    def
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    From,
    To,
}

use Side::{From, To};

impl Side {
    fn header(self) -> HeaderName {
        match self {
            From => HeaderName::From,
            To => HeaderName::To,
        }
    }
}

/// The changes made to From and To so far, so that later ones build on them. Attached to the message.
#[derive(Clone, Debug, Default)]
struct Changes {
    from: Change,
    to: Change,
}

#[derive(Clone, Debug, Default)]
struct Change {
    uri: Option<(EditId, Bytes)>,
    name: Option<EditId>,
}

impl Changes {
    fn of(&mut self, side: Side) -> &mut Change {
        match side {
            From => &mut self.from,
            To => &mut self.to,
        }
    }
}

fn address<'a>(ctx: &'a Ctx<'_>, side: Side) -> Option<NameAddr<'a>> {
    NameAddr::parse(ctx.work.view().header(side.header())?).ok()
}

fn uri_text(ctx: &mut Ctx<'_>, side: Side) -> Option<Bytes> {
    let uri = address(ctx, side)?.uri_text;
    Some(ctx.work.slice(uri))
}

/// An unparsable From has no URI; the text of an unparsable To stays readable.
fn uri(ctx: &mut Ctx<'_>, side: Side) -> Value {
    Value::optional(uri_text(ctx, side).filter(|uri| side == To || Uri::parse(uri).is_ok()))
}

fn name(ctx: &mut Ctx<'_>, side: Side) -> Value {
    let display = address(ctx, side).and_then(|address| address.display);
    Value::optional(display.map(|display| ctx.work.slice(display)))
}

/// The last one when there are several.
fn tag(ctx: &mut Ctx<'_>, side: Side) -> Value {
    let tag = address(ctx, side).and_then(|address| {
        let tags = address.params.iter().filter(|param| param.name.eq_ignore_ascii_case(b"tag"));
        tags.last().and_then(|param| param.value).filter(|tag| !tag.is_empty())
    });
    Value::optional(tag.map(|tag| ctx.work.slice(tag)))
}

fn set_uri(ctx: &mut Ctx<'_>, side: Side, value: Value) -> Result<(), SetError> {
    match value {
        Value::Str(text) | Value::Both { text, .. } if !text.is_empty() => replace_uri(ctx, side, text),
        _ => Err(SetError::Type),
    }
}

fn set_user(ctx: &mut Ctx<'_>, side: Side, value: Value) -> Result<(), SetError> {
    let user = if value.is_null() { None } else { Some(value.to_text()) };
    let changed = rewrite::set_user(&current_uri(ctx, side)?, user.as_deref()).ok_or(SetError::Value)?;
    replace_uri(ctx, side, changed.into())
}

fn set_host(ctx: &mut Ctx<'_>, side: Side, value: Value) -> Result<(), SetError> {
    if value.is_null() {
        return Err(SetError::Type);
    }
    let changed = rewrite::set_host(&current_uri(ctx, side)?, &value.to_text()).ok_or(SetError::Value)?;
    replace_uri(ctx, side, changed.into())
}

fn current_uri(ctx: &mut Ctx<'_>, side: Side) -> Result<Bytes, SetError> {
    match &ctx.work.attached.get_mut::<Changes>().of(side).uri {
        Some((_, uri)) => Ok(uri.clone()),
        None => uri_text(ctx, side).ok_or(SetError::Absent),
    }
}

fn replace_uri(ctx: &mut Ctx<'_>, side: Side, uri: Bytes) -> Result<(), SetError> {
    let old = address(ctx, side).ok_or(SetError::Absent)?.uri_text;
    let span = ctx.work.view().locate(old).ok_or(SetError::Absent)?;
    if let Some((id, _)) = ctx.work.attached.get_mut::<Changes>().of(side).uri.take() {
        ctx.work.edits.cancel(id);
    }
    let id = ctx.work.edits.replace(span, &uri).ok_or(SetError::Value)?;
    ctx.work.attached.get_mut::<Changes>().of(side).uri = Some((id, uri));
    Ok(())
}

/// Null or an empty text removes the display name.
fn set_name(ctx: &mut Ctx<'_>, side: Side, value: Value) -> Result<(), SetError> {
    let address = address(ctx, side).ok_or(SetError::Absent)?;
    let view = ctx.work.view();
    let start = view.locate(address.text).ok_or(SetError::Absent)?;
    let text = value.to_text();
    let (span, new) = match address.display {
        Some(display) => (view.locate(display).ok_or(SetError::Absent)?, text.to_vec()),
        None if address.text.starts_with(b"<") => {
            (sip::span::Span { len: 0, ..start }, [&text[..], b" "].concat())
        }
        // A bare URI needs brackets when a name comes in front of it.
        None => {
            let uri = view.locate(address.uri_text).ok_or(SetError::Absent)?;
            (uri, [&text[..], b" <", address.uri_text, b">"].concat())
        }
    };
    if let Some(id) = ctx.work.attached.get_mut::<Changes>().of(side).name.take() {
        ctx.work.edits.cancel(id);
    }
    let id = ctx.work.edits.replace(span, &new).ok_or(SetError::Value)?;
    ctx.work.attached.get_mut::<Changes>().of(side).name = Some(id);
    Ok(())
}

fn first(ctx: &mut Ctx<'_>, header: HeaderName) -> Value {
    at(ctx, header, &PvArg::NONE)
}

fn first_named(ctx: &mut Ctx<'_>, name: &[u8]) -> Value {
    let address = ctx.work.view().header_named(name).and_then(|value| NameAddr::parse(value).ok());
    Value::optional(address.map(|address| ctx.work.slice(address.uri_text)))
}

fn diversion(ctx: &mut Ctx<'_>, param: &[u8]) -> Value {
    let address = ctx.work.view().name_addrs(HeaderName::Diversion).next().and_then(Result::ok);
    let value = address.and_then(|address| address.params.value(param));
    Value::optional(value.map(|value| ctx.work.slice(value)))
}

fn address_at<'a>(ctx: &'a mut Ctx<'_>, header: HeaderName, arg: &PvArg) -> Option<NameAddr<'a>> {
    let at = if matches!(arg.index, Index::None) { crate::api::At::None } else { arg.at(ctx) };
    let view = ctx.work.view();
    let place = at.of(view.name_addrs(header).count())?;
    view.name_addrs(header).nth(place)?.ok()
}

fn text_at(ctx: &mut Ctx<'_>, header: HeaderName, arg: &PvArg) -> Option<Bytes> {
    let uri = address_at(ctx, header, arg)?.uri_text;
    Some(Bytes::copy_from_slice(uri))
}

fn at(ctx: &mut Ctx<'_>, header: HeaderName, arg: &PvArg) -> Value {
    Value::optional(text_at(ctx, header, arg))
}

fn name_at(ctx: &mut Ctx<'_>, header: HeaderName, arg: &PvArg) -> Value {
    let display = address_at(ctx, header, arg).and_then(|address| address.display);
    display.map_or(Value::Null, Value::copied)
}
