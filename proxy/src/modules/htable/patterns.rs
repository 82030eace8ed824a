//! What names and values of items are compared with: operators in front (`~~ ~% %~ == **`) or by word.

use bytes::Bytes;

use crate::api::{Case, Ctx, Level};

/// Whether a text is wanted.
pub(super) type Wanted = Box<dyn Fn(&[u8]) -> bool>;

/// The test of `$shtcn` and `$shtcv`: two characters choose it, anything else is a regular expression. `None`,
/// with a log line, when it is none.
pub(super) fn by_sign(ctx: &mut Ctx<'_>, pattern: &Bytes) -> Option<Wanted> {
    let rest = pattern.slice(pattern.len().min(2)..);
    match pattern.get(..2) {
        Some(b"**") => Some(Box::new(|_| true)),
        Some(b"==") => Some(Box::new(move |text| text == rest)),
        Some(b"~%") => Some(Box::new(move |text| text.ends_with(&rest))),
        Some(b"%~") => Some(Box::new(move |text| text.starts_with(&rest))),
        Some(b"~~") => regex(ctx, &rest),
        _ => regex(ctx, pattern),
    }
}

/// The test of the functions: `eq ne re sw ew in`. `None`, with a log line, for other words.
pub(super) fn by_word(ctx: &mut Ctx<'_>, word: &[u8], text: Bytes) -> Option<Wanted> {
    match word {
        b"eq" => Some(Box::new(move |found| found == text)),
        b"ne" => Some(Box::new(move |found| found != text)),
        b"sw" => Some(Box::new(move |found| found.starts_with(&text))),
        b"ew" => Some(Box::new(move |found| found.ends_with(&text))),
        b"in" => Some(Box::new(move |found| memchr::memmem::find(found, &text).is_some())),
        b"re" => regex(ctx, &text),
        other => {
            let other = String::from_utf8_lossy(other).into_owned();
            ctx.log(Level::ERR, format!("there is no operator {other}, there are eq ne sw ew in re"));
            None
        }
    }
}

/// A regular expression where case matters.
pub(super) fn regex(ctx: &mut Ctx<'_>, source: &Bytes) -> Option<Wanted> {
    match ctx.shard.patterns.get(source, Case::Match) {
        Ok(pattern) => Some(Box::new(move |text| pattern.is_match(text))),
        Err(error) => {
            ctx.log(Level::ERR, format!("bad re: {error}"));
            None
        }
    }
}
