//! Substitutions written `/re/text/flags`: parsed once, applied to texts and, as edits, to messages.

use std::sync::Arc;

use bytes::Bytes;
use sip::span::Span;

use super::search::{Area, range};
use crate::api::{
    Args, Case, Catalog, Ctx, Flow, Kind, Level, Lines, Pattern, Prepared, Text, TransformArgs, Value,
};

/// A substitution as argument.
pub(super) const EXPRESSION: Kind = Kind::PreparedRaw(prepare);

/// A substitution.
struct Subst {
    pattern: Pattern,
    pieces: Vec<Piece>,
    is_global: bool,
}

/// A piece of the replacement.
enum Piece {
    /// A text with variables.
    Text(Text),
    /// `\0` to `\9`: a group of the match.
    Group(usize),
}

/// Parses `/re/text/flags`; the first character is the separator. Flags: `g` all matches, `i` any case, `s`
/// line ends are characters like others; else `^`, `$` and the dot stop at them.
pub(super) fn prepare(catalog: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    let usage = || "expected /re/text/flags with the same separator three times".to_owned();
    let (separator, rest) = text.split_first().ok_or_else(usage)?;
    let mut parts = rest.splitn(3, |byte| byte == separator);
    let (re, replacement, flags) = match (parts.next(), parts.next(), parts.next()) {
        (Some(re), Some(replacement), Some(flags)) => (re, replacement, flags),
        _ => return Err(usage()),
    };
    if let Some(unknown) = flags.iter().find(|flag| !b"gis".contains(flag)) {
        return Err(format!("unknown flag {}, there are g i s", char::from(*unknown)));
    }
    let case = if flags.contains(&b'i') { Case::Ignore } else { Case::Match };
    let lines = if flags.contains(&b's') { Lines::Plain } else { Lines::Apart };
    let pattern = Pattern::compile_for(re, case, lines)
        .map_err(|error| format!("not a regular expression: {error}"))?;
    let pieces = pieces(catalog, replacement)?;
    Ok(Arc::new(Subst { pattern, pieces, is_global: flags.contains(&b'g') }))
}

fn pieces(catalog: &Catalog, text: &[u8]) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, rest.peek().copied()) {
            (b'\\', Some(digit @ b'0'..=b'9')) => {
                rest.next();
                flush(catalog, &mut plain, &mut pieces)?;
                pieces.push(Piece::Group(usize::from(digit - b'0')));
            }
            (b'\\', Some(escaped)) => {
                rest.next();
                plain.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                });
            }
            _ => plain.push(byte),
        }
    }
    flush(catalog, &mut plain, &mut pieces)?;
    Ok(pieces)
}

fn flush(catalog: &Catalog, plain: &mut Vec<u8>, pieces: &mut Vec<Piece>) -> Result<(), String> {
    if !plain.is_empty() {
        let text = std::mem::take(plain);
        pieces.push(Piece::Text(catalog.text(&text).map_err(|error| error.to_string())?));
    }
    Ok(())
}

impl Subst {
    /// Where the pattern matches in `text` and what stands there instead, in order.
    fn changes(&self, ctx: &mut Ctx<'_>, text: &[u8]) -> Vec<(Span, Vec<u8>)> {
        let most = if self.is_global { usize::MAX } else { 1 };
        let mut changes = Vec::new();
        for groups in self.pattern.matches(text, most) {
            let Some(Some(whole)) = groups.first().cloned() else { continue };
            let mut new = Vec::new();
            for piece in &self.pieces {
                match piece {
                    Piece::Text(text) => text.render_into(ctx, &mut new),
                    Piece::Group(number) => {
                        let group = groups.get(*number).cloned().flatten();
                        new.extend_from_slice(group.map_or(b"", |group| &text[group]));
                    }
                }
            }
            changes.push((Span::new(whole.start, whole.end), new));
        }
        changes
    }

    /// The changed text; `None` when nothing matches.
    fn apply(&self, ctx: &mut Ctx<'_>, text: &[u8]) -> Option<Bytes> {
        let changes = self.changes(ctx, text);
        if changes.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut from = 0;
        for (span, new) in changes {
            out.extend_from_slice(&text[from..span.start as usize]);
            out.extend_from_slice(&new);
            from = span.end();
        }
        out.extend_from_slice(&text[from..]);
        Some(out.into())
    }
}

fn argument(ctx: &mut Ctx<'_>, args: &Args<'_>, at: usize) -> Option<Arc<Subst>> {
    match args.prepared::<Subst>(ctx, at) {
        Ok(subst) => Some(subst),
        Err(reason) => {
            ctx.log(Level::ERR, reason);
            None
        }
    }
}

/// `{re.subst,/re/text/flags}`; a text that does not match stays.
pub(super) fn transform(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let Some(subst) = args.prepared::<Subst>(0) else { return Value::Null };
    Value::Str(subst.apply(ctx, &text).unwrap_or(text))
}

/// Substitutes in a part of the message by edits.
fn edit(ctx: &mut Ctx<'_>, subst: &Subst, part: Span) -> usize {
    let text = ctx.work.slice(part.of(ctx.work.view().bytes));
    let changes = subst.changes(ctx, &text);
    for (span, new) in &changes {
        let start = part.start as usize;
        ctx.work.edits.replace(Span::new(start + span.start as usize, start + span.end()), new);
    }
    changes.len()
}

fn edit_area(ctx: &mut Ctx<'_>, args: &Args<'_>, area: Area) -> Flow {
    let Some(subst) = argument(ctx, args, 0) else { return Flow::FALSE };
    let range = range(ctx, area);
    Flow::from_bool(edit(ctx, &subst, Span::new(range.start, range.end)) > 0)
}

pub(super) fn subst(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    edit_area(ctx, args, Area::BehindStartLine)
}

pub(super) fn subst_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    edit_area(ctx, args, Area::Body)
}

pub(super) fn subst_uri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (Some(subst), Some(uri)) = (argument(ctx, args, 0), ctx.work.uri()) else { return Flow::FALSE };
    match subst.apply(ctx, &uri) {
        Some(changed) => {
            ctx.work.targets.set_uri(&changed[..]);
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

pub(super) fn subst_user(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (Some(subst), Ok(user)) = (argument(ctx, args, 0), ctx.catalog.variable(b"$rU")) else {
        return Flow::FALSE;
    };
    let text = user.get(ctx).to_text();
    match subst.apply(ctx, &text) {
        Some(changed) => Flow::from_bool(user.set(ctx, Value::Str(changed)).is_ok()),
        None => Flow::FALSE,
    }
}

pub(super) fn subst_variable(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (Some(pv), Some(subst)) = (args.pv(0), argument(ctx, args, 1)) else { return Flow::FALSE };
    let text = pv.get(ctx).to_text();
    match subst.apply(ctx, &text) {
        Some(changed) => Flow::from_bool(pv.set(ctx, Value::Str(changed)).is_ok()),
        None => Flow::FALSE,
    }
}

pub(super) fn subst_field(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let Some(subst) = argument(ctx, args, 1) else { return Flow::FALSE };
    let mode = args.text(ctx, 2);
    let mut spans: Vec<Span> = ctx.work.view().fields_named(&name).map(|field| field.value).collect();
    match mode.first() {
        Some(b'f') => spans.truncate(1),
        Some(b'l') => {
            spans.drain(..spans.len().saturating_sub(1));
        }
        _ => {}
    }
    let changed: usize = spans.into_iter().map(|span| edit(ctx, &subst, span)).sum();
    Flow::from_bool(changed > 0)
}
