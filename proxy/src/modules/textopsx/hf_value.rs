//! Single values of header fields and their parameters: added, changed, removed, looked for.
//!
//! A place is written `Name`, `Name[2]`, `Name[-1]`, `Name[*]` or with a parameter, `Name[2].param`; values count
//! from 1 over all fields of the name. The functions with a 2 in their name are for fields in the form of
//! Authorization, where a comma divides parameters and not values.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{HeaderField, Values, View, token_params};
use sip::span::Span;

use super::auth_form;
use crate::api::{Args, At, Ctx, Flow, Kind, parse_int};

/// A place as it is written in the first argument.
#[derive(Debug)]
pub(super) struct Place {
    name: Bytes,
    at: At,
    param: Option<Bytes>,
}

/// An argument that is a place.
pub(super) const PLACE: Kind = Kind::Prepared(|_, text| Place::parse(text).map(|place| Arc::new(place) as _));

impl Place {
    fn parse(text: &[u8]) -> Result<Place, String> {
        const FORM: &str = "expected Name, Name[2], Name[*] or Name[2].param";
        let (head, param) = match memchr::memrchr(b'.', text) {
            Some(dot) if dot + 1 < text.len() => {
                (&text[..dot], Some(Bytes::copy_from_slice(&text[dot + 1..])))
            }
            Some(_) => return Err(FORM.into()),
            None => (text, None),
        };
        let (name, at) = match (memchr::memchr(b'[', head), head.strip_suffix(b"]")) {
            (None, _) => (head, At::None),
            (Some(open), Some(inside)) => match &inside[open + 1..] {
                b"*" => (&head[..open], At::All),
                number => {
                    let number = parse_int(number).filter(|number| *number != 0).ok_or(FORM)?;
                    // From 1 upwards, or from the end.
                    (&head[..open], At::Position(if number > 0 { number - 1 } else { number }))
                }
            },
            (Some(_), None) => return Err(FORM.into()),
        };
        if name.is_empty() {
            return Err(FORM.into());
        }
        Ok(Place { name: Bytes::copy_from_slice(name), at, param })
    }
}

/// One value of a field.
#[derive(Clone, Copy)]
struct Item {
    value: Span,
    line: Span,
    /// Where the value before it in the same field ends.
    before: Option<usize>,
    /// Where the value behind it in the same field starts.
    behind: Option<usize>,
}

/// The values of all fields of a name, in order.
fn items(view: View<'_>, name: &[u8]) -> Vec<Item> {
    view.fields_named(name).flat_map(|field| items_of(view, field)).collect()
}

fn items_of(view: View<'_>, field: &HeaderField) -> Vec<Item> {
    let values: Vec<Span> =
        Values::new(field.value.of(view.bytes)).filter_map(|value| view.locate(value)).collect();
    let item = |(at, value): (usize, &Span)| Item {
        value: *value,
        line: field.line,
        before: at.checked_sub(1).map(|before| values[before].end()),
        behind: values.get(at + 1).map(|behind| behind.start as usize),
    };
    values.iter().enumerate().map(item).collect()
}

/// The items a place means: the first one without index.
fn chosen<T: Copy>(items: &[T], at: At) -> Vec<T> {
    match at {
        At::All => items.to_vec(),
        at => at.of(items.len()).map(|at| items[at]).into_iter().collect(),
    }
}

fn place(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Option<Arc<Place>> {
    match args.prepared::<Place>(ctx, 0) {
        Ok(place) => Some(place),
        Err(why) => {
            ctx.log(crate::api::Level::ERR, why);
            None
        }
    }
}

fn new_field(ctx: &mut Ctx<'_>, at: usize, name: &[u8], value: &[u8]) -> Flow {
    let line = [name, b": ", value, b"\r\n"].concat();
    Flow::from_bool(ctx.work.edits.insert(at, &line).is_some())
}

/// Behind a value; a new field at the end without index or when there is no such value.
pub(super) fn append(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(place) = place(ctx, args) else { return Flow::FALSE };
    let text = args.text(ctx, 1);
    let view = ctx.work.view();
    let (items, end) = (items(view, &place.name), view.headers_end());
    let item = (place.at != At::None).then(|| place.at.of(items.len())).flatten();
    match item {
        Some(at) => {
            let at = items[at].value.end();
            Flow::from_bool(ctx.work.edits.insert(at, &[b",", &text[..]].concat()).is_some())
        }
        None => new_field(ctx, end, &place.name, &text),
    }
}

/// Before a value; without index a new field before the first of the name, or at the end. -1 when the name is
/// there and has no such value.
pub(super) fn insert(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(place) = place(ctx, args) else { return Flow::FALSE };
    let text = args.text(ctx, 1);
    let view = ctx.work.view();
    let (items, end) = (items(view, &place.name), view.headers_end());
    let Some(first) = items.first() else { return new_field(ctx, end, &place.name, &text) };
    if place.at == At::None {
        return new_field(ctx, first.line.start as usize, &place.name, &text);
    }
    let Some(at) = place.at.of(items.len()) else { return Flow::FALSE };
    let item = items[at];
    // Right behind the comma, so that the blank stays with the value it stood before.
    let at = match item.before {
        Some(before) => before + 1 + memchr::memchr(b',', &view.bytes[before..]).unwrap_or(0),
        None => item.value.start as usize,
    };
    Flow::from_bool(ctx.work.edits.insert(at, &[&text[..], b","].concat()).is_some())
}

/// Takes out one value with its comma, or the whole field when it has no other.
fn delete(ctx: &mut Ctx<'_>, item: Item) {
    let span = match (item.before, item.behind) {
        (Some(before), _) => Span::new(before, item.value.end()),
        (None, Some(behind)) => Span::new(item.value.start as usize, behind),
        (None, None) => item.line,
    };
    ctx.work.edits.delete(span);
}

pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(place) = place(ctx, args) else { return Flow::FALSE };
    let view = ctx.work.view();
    let found = chosen(&items(view, &place.name), place.at);
    let Some(param) = &place.param else {
        if place.at == At::All {
            let lines: Vec<Span> = view.fields_named(&place.name).map(|field| field.line).collect();
            for line in &lines {
                ctx.work.edits.delete(*line);
            }
            return Flow::from_bool(!lines.is_empty());
        }
        found.iter().for_each(|item| delete(ctx, *item));
        return Flow::from_bool(!found.is_empty());
    };
    let params: Vec<Span> =
        found.iter().filter_map(|item| param_of(view, item.value, param).map(|param| param.whole)).collect();
    for param in &params {
        ctx.work.edits.delete(*param);
    }
    Flow::from_bool(!params.is_empty())
}

/// Where a parameter stands: with its semicolon, and its value.
struct ParamPlace {
    whole: Span,
    value: Option<Span>,
}

fn param_of(view: View<'_>, value: Span, name: &[u8]) -> Option<ParamPlace> {
    let text = value.of(view.bytes);
    // Parameters of a URI in angle brackets are not of the field.
    let start = memchr::memchr(b'>', text).unwrap_or(0);
    let (_, params) = token_params(&text[start..]);
    let param = params.get(name)?;
    Some(ParamPlace { whole: view.locate(param.whole)?, value: param.value.and_then(|it| view.locate(it)) })
}

/// Sets a value, or a parameter, which is added when it is not there. An empty parameter has no `=`.
pub(super) fn assign(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(place) = place(ctx, args) else { return Flow::FALSE };
    let text = args.text(ctx, 1);
    let view = ctx.work.view();
    let found = chosen(&items(view, &place.name), place.at);
    let Some(name) = &place.param else {
        for item in &found {
            ctx.work.edits.replace(item.value, &text);
        }
        return Flow::from_bool(!found.is_empty());
    };
    let with_sign = if text.is_empty() { Vec::new() } else { [b"=", &text[..]].concat() };
    let message = ctx.work.message.clone();
    for item in &found {
        let edits = &mut ctx.work.edits;
        match param_of(message.view(), item.value, name) {
            Some(ParamPlace { value: Some(value), .. }) => {
                edits.replace(Span::new(value.start as usize - 1, value.end()), &with_sign);
            }
            Some(param) => {
                edits.insert(param.whole.end(), &with_sign);
            }
            None => {
                edits.insert(item.value.end(), &[b";", &name[..], &with_sign].concat());
            }
        }
    }
    Flow::from_bool(!found.is_empty())
}

/// `remove_hf_value2()`: whole fields, or one parameter of them.
pub(super) fn remove_in_auth(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(place) = place(ctx, args) else { return Flow::FALSE };
    let view = ctx.work.view();
    let fields: Vec<HeaderField> = view.fields_named(&place.name).copied().collect();
    let found = chosen(&fields, place.at);
    let spans: Vec<Span> = match &place.param {
        None => found.iter().map(|field| field.line).collect(),
        Some(name) => {
            found.iter().filter_map(|field| auth_form::removal(view.bytes, field.value, name)).collect()
        }
    };
    for span in &spans {
        ctx.work.edits.delete(*span);
    }
    Flow::from_bool(!spans.is_empty())
}

/// `assign_hf_value2()`: the whole value, or one parameter of it.
pub(super) fn assign_in_auth(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(place) = place(ctx, args) else { return Flow::FALSE };
    let text = args.text(ctx, 1);
    let message = ctx.work.message.clone();
    let view = message.view();
    let fields: Vec<HeaderField> = view.fields_named(&place.name).copied().collect();
    let found = chosen(&fields, place.at);
    for field in &found {
        let edits = &mut ctx.work.edits;
        match &place.param {
            None => edits.replace(field.value, &text),
            Some(name) => match auth_form::value(view.bytes, field.value, name) {
                Some(value) => edits.replace(value, &text),
                None => edits.insert(field.value.end(), &[b",", &name[..], b"=", &text].concat()),
            },
        };
    }
    Flow::from_bool(!found.is_empty())
}

/// The value behind the others of the first field, when it is in none of them.
pub(super) fn include(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, text) = (args.text(ctx, 0), args.text(ctx, 1));
    let view = ctx.work.view();
    let (items, end) = (items(view, &name), view.headers_end());
    if items.iter().any(|item| item.value.of(view.bytes).eq_ignore_ascii_case(&text)) {
        return Flow::TRUE;
    }
    // Behind the last value of the first field.
    let first_line = items.first().map(|item| item.line);
    match items.iter().rfind(|item| Some(item.line) == first_line) {
        Some(last) => {
            let at = last.value.end();
            Flow::from_bool(ctx.work.edits.insert(at, &[b",", &text[..]].concat()).is_some())
        }
        None => new_field(ctx, end, &name, &text),
    }
}

/// 1 whether the value was there or not.
pub(super) fn exclude(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, text) = (args.text(ctx, 0), args.text(ctx, 1));
    let message = ctx.work.message.clone();
    let view = message.view();
    for item in items(view, &name) {
        if item.value.of(view.bytes).eq_ignore_ascii_case(&text) {
            delete(ctx, item);
        }
    }
    Flow::TRUE
}

pub(super) fn exists(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, text) = (args.text(ctx, 0), args.text(ctx, 1));
    let view = ctx.work.view();
    let mut values = view.fields_named(&name).flat_map(|field| Values::new(field.value.of(view.bytes)));
    Flow::from_bool(values.any(|value| value.eq_ignore_ascii_case(&text)))
}

#[cfg(test)]
mod tests {
    use super::{At, Place};

    #[test]
    fn places_are_names_with_index_and_parameter() {
        let rows = [
            ("foo", Some(("foo", At::None, None))),
            ("foo[1]", Some(("foo", At::Position(0), None))),
            ("foo[-1].bar", Some(("foo", At::Position(-1), Some("bar")))),
            ("foo[*].bar", Some(("foo", At::All, Some("bar")))),
            ("foo[0]", None),
            ("foo[x]", None),
            ("foo[1", None),
            ("[1]", None),
            ("foo.", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let read = Place::parse(text.as_bytes()).ok();
            let read = read.as_ref().map(|place| (&place.name[..], place.at, place.param.as_deref()));
            let expected = expected.map(|(name, at, param)| (name.as_bytes(), at, param.map(str::as_bytes)));
            assert_eq!(read, expected, "{text}");
        }
    }
}
