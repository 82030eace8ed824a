//! Classes `param` (`name=value;...`) and `line`.

use bytes::Bytes;

use super::super::NAME;
use super::slice;
use crate::api::{At, Ctx, ModuleDef, TransformArgs, TransformDef, TransformKind, Value};

pub(in super::super) static PART: ModuleDef =
    ModuleDef { name: NAME, transforms: TRANSFORMS, ..ModuleDef::EMPTY };

const NAME_AND_SEPARATOR: &[TransformKind] = &[TransformKind::Text, TransformKind::Char];
const PLACE_AND_SEPARATOR: &[TransformKind] = &[TransformKind::Int, TransformKind::Char];

static TRANSFORMS: &[TransformDef] = &[
    TransformDef::new("param", "value", NAME_AND_SEPARATOR, value, "value of a parameter").optional(1),
    TransformDef::new("param", "in", NAME_AND_SEPARATOR, is_in, "whether a parameter is there").optional(1),
    TransformDef::new("param", "valueat", PLACE_AND_SEPARATOR, value_at, "value by place").optional(1),
    TransformDef::new("param", "name", PLACE_AND_SEPARATOR, name_at, "name by place").optional(1),
    TransformDef::new("param", "count", &[TransformKind::Char], count, "number of parameters").optional(1),
    TransformDef::new("line", "count", &[], line_count, "number of lines"),
    TransformDef::new("line", "at", &[TransformKind::Int], line_at, "a line by place"),
    TransformDef::new("line", "sw", &[TransformKind::Text], line_starting, "the first line with a prefix"),
];

/// One parameter of a list.
struct Param<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

/// The list of a text; `None` when it is empty or a part has no name.
fn params<'a>(text: &'a [u8], separator: u8) -> Option<Vec<Param<'a>>> {
    let text = text.trim_ascii();
    let text = text.strip_suffix(&[separator][..]).unwrap_or(text);
    if text.is_empty() {
        return None;
    }
    split_unquoted(text, separator).into_iter().map(|part| param(part.trim_ascii())).collect()
}

fn param(part: &[u8]) -> Option<Param<'_>> {
    let (name, value) = match memchr::memchr(b'=', part) {
        Some(at) => (part[..at].trim_ascii_end(), part[at + 1..].trim_ascii_start()),
        None => (part, &b""[..]),
    };
    let quoted =
        value.len() > 1 && value.first() == value.last() && matches!(value.first(), Some(b'"' | b'\''));
    let value = if quoted { &value[1..value.len() - 1] } else { value };
    // A blank inside a name is no list of parameters: the whole of a Via or Contact is none.
    let is_name = !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace);
    is_name.then_some(Param { name, value })
}

fn split_unquoted(text: &[u8], separator: u8) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, byte) in text.iter().enumerate() {
        match quote {
            Some(open) if *byte == open => quote = None,
            Some(_) => {}
            None if *byte == b'"' || *byte == b'\'' => quote = Some(*byte),
            None if *byte == separator => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            None => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn with_list(
    ctx: &mut Ctx<'_>,
    value: &Value,
    (args, at): (&TransformArgs<'_>, usize),
    read: impl FnOnce(&Bytes, &[Param<'_>]) -> Value,
) -> Value {
    let separator = args.text(ctx, at).first().copied().unwrap_or(b';');
    let text = value.to_text();
    params(&text, separator).map_or(Value::Null, |list| read(&text, &list))
}

fn value(ctx: &mut Ctx<'_>, list: Value, args: &TransformArgs<'_>) -> Value {
    let name = args.text(ctx, 0);
    with_list(ctx, &list, (args, 1), |text, list| {
        let found = list.iter().find(|param| param.name.eq_ignore_ascii_case(&name));
        found.map_or(Value::EMPTY, |param| slice(text, param.value))
    })
}

fn is_in(ctx: &mut Ctx<'_>, list: Value, args: &TransformArgs<'_>) -> Value {
    let name = args.text(ctx, 0);
    with_list(ctx, &list, (args, 1), |_, list| {
        Value::Int(i64::from(list.iter().any(|param| param.name.eq_ignore_ascii_case(&name))))
    })
}

fn value_at(ctx: &mut Ctx<'_>, list: Value, args: &TransformArgs<'_>) -> Value {
    let at = At::Position(args.int(ctx, 0));
    with_list(ctx, &list, (args, 1), |text, list| {
        at.of(list.len()).map_or(Value::EMPTY, |place| slice(text, list[place].value))
    })
}

fn name_at(ctx: &mut Ctx<'_>, list: Value, args: &TransformArgs<'_>) -> Value {
    let at = At::Position(args.int(ctx, 0));
    with_list(ctx, &list, (args, 1), |text, list| {
        at.of(list.len()).map_or(Value::EMPTY, |place| slice(text, list[place].name))
    })
}

fn count(ctx: &mut Ctx<'_>, list: Value, args: &TransformArgs<'_>) -> Value {
    with_list(ctx, &list, (args, 0), |_, list| Value::Int(list.len() as i64))
}

/// The lines of a text without their ends; a last line without end counts. `None` for an empty text.
fn lines(text: &[u8]) -> Option<Vec<&[u8]>> {
    if text.is_empty() {
        return None;
    }
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    Some(text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect())
}

/// A text first: `{line.count} + 1` joins.
fn line_count(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    lines(&text).map_or(Value::Null, |lines| Value::Str(Value::Int(lines.len() as i64).to_text()))
}

fn line_at(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let at = At::Position(args.int(ctx, 0));
    let text = value.to_text();
    let Some(lines) = lines(&text) else { return Value::Null };
    at.of(lines.len()).map_or(Value::EMPTY, |place| slice(&text, lines[place]))
}

fn line_starting(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let prefix = args.text(ctx, 0);
    let text = value.to_text();
    let Some(lines) = lines(&text) else { return Value::Null };
    lines.iter().find(|line| line.starts_with(&prefix)).map_or(Value::EMPTY, |line| slice(&text, line))
}
