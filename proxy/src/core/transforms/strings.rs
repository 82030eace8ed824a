//! Class `s`: texts cut, trimmed, searched and counted.

use bytes::Bytes;

use super::super::NAME;
use super::slice;
use crate::api::{Ctx, Level, ModuleDef, TransformArgs, TransformDef, TransformKind, Value, parse_int};

pub(in super::super) static PART: ModuleDef =
    ModuleDef { name: NAME, transforms: TRANSFORMS, ..ModuleDef::EMPTY };

const INT: &[TransformKind] = &[TransformKind::Int];
const CHAR: &[TransformKind] = &[TransformKind::Char];
const TEXT: &[TransformKind] = &[TransformKind::Text];

static TRANSFORMS: &[TransformDef] = &[
    row("len", &[], |_, value, _| Value::Int(value.text_len() as i64), "length in bytes"),
    row("int", &[], int, "the number, null for other texts"),
    row("toupper", &[], |_, value, _| map(&value, |b| b.to_ascii_uppercase()), "upper case"),
    row("tolower", &[], |_, value, _| map(&value, |b| b.to_ascii_lowercase()), "lower case"),
    row("numeric", &[], numeric, "the digits only"),
    row("substr", &[TransformKind::Int, TransformKind::Int], substr, "a part by offset and length"),
    row("select", &[TransformKind::Int, TransformKind::Char], select, "a field by number and separator"),
    row("strip", INT, strip, "without the first bytes"),
    row("striptail", INT, strip_tail, "without the last bytes"),
    row("stripto", CHAR, strip_to, "from a character on"),
    row("before", CHAR, before, "up to the first such character"),
    row("after", CHAR, after, "behind the first such character"),
    row("rbefore", CHAR, before_last, "up to the last such character"),
    row("rafter", CHAR, after_last, "behind the last such character"),
    row("replace", &[TransformKind::Text, TransformKind::Text], replace, "one text for another"),
    row("rm", TEXT, remove, "without a text"),
    row("rmws", &[], |_, value, _| filter(&value, |b| !is_blank(b)), "without white space"),
    row("trim", &[], |_, value, _| trim(&value, true, true), "without white space at the ends"),
    row("ltrim", &[], |_, value, _| trim(&value, true, false), "without white space at the start"),
    row("rtrim", &[], |_, value, _| trim(&value, false, true), "without white space at the end"),
    row("unquote", &[], unquote, "without a pair of quotes"),
    row("unbracket", &[], unbracket, "without a pair of brackets"),
    row("count", CHAR, count, "how often a character occurs"),
    row("prefixes", INT, |ctx, value, args| prefixes(ctx, &value, args, b""), "all prefixes").optional(1),
    row(
        "prefixes.quoted",
        INT,
        |ctx, value, args| prefixes(ctx, &value, args, b"'"),
        "all prefixes in quotes",
    )
    .optional(1),
    row(
        "fmtlines",
        &[TransformKind::Int, TransformKind::Int],
        |ctx, value, args| lines(ctx, &value, args, b' '),
        "in lines of a length, indented by blanks",
    ),
    row(
        "fmtlinet",
        &[TransformKind::Int, TransformKind::Int],
        |ctx, value, args| lines(ctx, &value, args, b'\t'),
        "in lines of a length, indented by tabs",
    ),
];

const fn row(
    op: &'static str,
    args: &'static [TransformKind],
    run: crate::api::TransformFn,
    doc: &'static str,
) -> TransformDef {
    TransformDef::new("s", op, args, run, doc)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn map(value: &Value, change: fn(u8) -> u8) -> Value {
    Value::Str(value.to_text().iter().map(|byte| change(*byte)).collect::<Vec<u8>>().into())
}

fn filter(value: &Value, keep: fn(u8) -> bool) -> Value {
    Value::Str(value.to_text().iter().copied().filter(|byte| keep(*byte)).collect::<Vec<u8>>().into())
}

fn int(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    match parse_int(&text) {
        Some(int) => Value::Int(int),
        None if text.is_empty() => Value::EMPTY,
        None => Value::Null,
    }
}

fn numeric(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    if value.is_int() { Value::Null } else { filter(&value, |byte| byte.is_ascii_digit()) }
}

fn substr(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let (offset, wanted) = (args.int(ctx, 0), args.int(ctx, 1));
    let len = text.len() as i64;
    let start = if offset < 0 { len.saturating_add(offset) } else { offset };
    if start < 0 || start >= len || wanted < 0 {
        ctx.log(Level::ERR, format!("substr out of range: {offset},{wanted} of {len} bytes"));
        return Value::Null;
    }
    let end = if wanted == 0 { len } else { len.min(start.saturating_add(wanted)) };
    Value::Str(text.slice(start as usize..end as usize))
}

/// The one character an argument stands for; `\n`, `\r`, `\t` and `\\` are written with a backslash.
fn char_arg(ctx: &mut Ctx<'_>, args: &TransformArgs<'_>, at: usize) -> Option<u8> {
    unescape(&args.text(ctx, at)).first().copied()
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        let escaped = match (byte, rest.peek()) {
            (b'\\', Some(b'n')) => Some(b'\n'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            (b'\\', Some(b't')) => Some(b'\t'),
            (b'\\', Some(b'\\')) => Some(b'\\'),
            _ => None,
        };
        out.push(escaped.unwrap_or(byte));
        if escaped.is_some() {
            rest.next();
        }
    }
    out
}

fn select(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let index = args.int(ctx, 0);
    let Some(separator) = char_arg(ctx, args, 1) else { return Value::Null };
    let is_separator = |byte: &u8| *byte == separator;
    let found = match usize::try_from(index) {
        Ok(place) => text.split(is_separator).nth(place),
        Err(_) => {
            let from_end = usize::try_from(index.unsigned_abs() - 1).unwrap_or(usize::MAX);
            text.rsplit(is_separator).nth(from_end)
        }
    };
    found.map_or(Value::EMPTY, |field| slice(&text, field))
}

fn strip(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let count = usize::try_from(args.int(ctx, 0)).unwrap_or(0).min(text.len());
    Value::Str(text.slice(count..))
}

fn strip_tail(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let count = usize::try_from(args.int(ctx, 0)).unwrap_or(0).min(text.len());
    Value::Str(text.slice(..text.len() - count))
}

fn strip_to(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let found = char_arg(ctx, args, 0).and_then(|wanted| memchr::memchr(wanted, &text));
    found.map_or(Value::EMPTY, |at| Value::Str(text.slice(at..)))
}

fn before(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let found = char_arg(ctx, args, 0).and_then(|wanted| memchr::memchr(wanted, &text));
    Value::Str(found.map_or(text.clone(), |at| text.slice(..at)))
}

fn after(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let found = char_arg(ctx, args, 0).and_then(|wanted| memchr::memchr(wanted, &text));
    found.map_or(Value::EMPTY, |at| Value::Str(text.slice(at + 1..)))
}

fn before_last(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let found = char_arg(ctx, args, 0).and_then(|wanted| memchr::memrchr(wanted, &text));
    Value::Str(found.map_or(text.clone(), |at| text.slice(..at)))
}

fn after_last(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let found = char_arg(ctx, args, 0).and_then(|wanted| memchr::memrchr(wanted, &text));
    found.map_or(Value::EMPTY, |at| Value::Str(text.slice(at + 1..)))
}

fn replace(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let (old, new) = (args.text(ctx, 0), args.text(ctx, 1));
    Value::Str(replaced(&value.to_text(), &old, &new))
}

fn remove(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let old = unescape(&args.text(ctx, 0));
    Value::Str(replaced(&value.to_text(), &old, b""))
}

fn replaced(text: &Bytes, old: &[u8], new: &[u8]) -> Bytes {
    if old.is_empty() {
        return text.clone();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(text, old) {
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(&text[from..]);
    out.into()
}

fn trim(value: &Value, start: bool, end: bool) -> Value {
    let text = value.to_text();
    let first = if start { text.iter().position(|b| !is_blank(*b)).unwrap_or(text.len()) } else { 0 };
    let last =
        if end { text.iter().rposition(|b| !is_blank(*b)).map_or(first, |at| at + 1) } else { text.len() };
    Value::Str(text.slice(first..last.max(first)))
}

fn unquote(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    unpaired(&value, &[(b'"', b'"'), (b'\'', b'\'')])
}

fn unbracket(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    unpaired(&value, &[(b'(', b')'), (b'[', b']'), (b'{', b'}'), (b'<', b'>')])
}

fn unpaired(value: &Value, pairs: &[(u8, u8)]) -> Value {
    let text = value.to_text();
    match (text.first(), text.last()) {
        (Some(first), Some(last)) if text.len() > 1 && pairs.contains(&(*first, *last)) => {
            Value::Str(text.slice(1..text.len() - 1))
        }
        _ => Value::Str(text),
    }
}

fn count(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let Some(wanted) = char_arg(ctx, args, 0) else { return Value::Int(0) };
    Value::Int(memchr::memchr_iter(wanted, &value.to_text()).count() as i64)
}

/// `a,ab,abc`: as many prefixes as the argument says, or all.
fn prefixes(ctx: &mut Ctx<'_>, value: &Value, args: &TransformArgs<'_>, quote: &[u8]) -> Value {
    let text = value.to_text();
    let most = if args.is_empty() { i64::MAX } else { args.int(ctx, 0) };
    let most = usize::try_from(most).unwrap_or(0).min(text.len()).min(PREFIXES_LIMIT);
    let each: Vec<Vec<u8>> = (1..=most).map(|len| [quote, &text[..len], quote].concat()).collect();
    Value::Str(each.join(&b","[..]).into())
}

/// Most prefixes made: their total length grows with the square of their number.
const PREFIXES_LIMIT: usize = 512;

fn lines(ctx: &mut Ctx<'_>, value: &Value, args: &TransformArgs<'_>, indent: u8) -> Value {
    let text = value.to_text();
    let width = usize::try_from(args.int(ctx, 0)).unwrap_or(0).max(1);
    let depth = usize::try_from(args.int(ctx, 1)).unwrap_or(0).min(width.max(80));
    let margin = vec![indent; depth];
    let each: Vec<Vec<u8>> = text.chunks(width).map(|line| [&margin[..], line].concat()).collect();
    Value::Str(each.join(&b"\r\n"[..]).into())
}
