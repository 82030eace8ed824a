//! Diagnostics: what is wrong in a user's text, where, and what was probably meant.
//!
//! Both programs' compilers collect all of them before they report. Bytes in, line and column out; nothing
//! is printed here.

mod report;

use std::fmt;
use std::sync::Arc;

pub use report::{Format, Report};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; the text is used.
    Warning,
    /// The text cannot be used.
    Error,
}

/// A place in a user's text: source name, line and column, both counted from 1; columns count bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Name of the source as the user wrote it (file, option, built-in name).
    pub source: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

impl Place {
    /// The place of byte `offset` in `text`.
    pub fn at(source: &Arc<str>, text: &[u8], offset: usize) -> Place {
        let before = &text[..offset.min(text.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        Place { source: source.clone(), line: line as u32, column: (before.len() - line_start + 1) as u32 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source, self.line, self.column)
    }
}

/// One finding. Prints as `uac.xml:42:17: error: unknown keyword [remot_ip], did you mean [remote_ip]?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable code, e.g. `S012`; the same mistake always has the same code.
    pub code: &'static str,
    /// Where it is.
    pub place: Place,
    /// What is wrong and what was expected, one line, no full stop.
    pub message: String,
    /// The likely fix, when there is one: a near name or an advice.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error without a hint.
    pub fn error(code: &'static str, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, code, place, message: message.into(), hint: None }
    }

    /// A warning without a hint.
    pub fn warning(code: &'static str, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, code, place, message: message.into(), hint: None }
    }

    /// The same finding with the likely fix.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// The same finding with "did you mean" when one of `known` is near `written`.
    pub fn suggest<'k>(mut self, written: &str, known: impl IntoIterator<Item = &'k str>) -> Diagnostic {
        if let Some(name) = nearest(written, known) {
            self.hint = Some(format!("did you mean {name}?"));
        }
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}: {severity}: {}", self.place, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, ", {hint}"),
            None => Ok(()),
        }
    }
}

/// Findings in the order of the text, those of one source together.
pub fn in_order(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    findings.sort_by(|a, b| {
        let key = |finding: &Diagnostic| (finding.place.line, finding.place.column);
        a.place.source.cmp(&b.place.source).then(key(a).cmp(&key(b)))
    });
    findings
}

/// The known name nearest to what was written, if it is near enough to be a slip of the finger:
/// at most a third of the letters differ.
pub fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if written.len() > MAX_NAME_LEN {
        return None;
    }
    let wanted = written.to_ascii_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        // The distance is at least the difference in length.
        .filter(|name| name.len().abs_diff(wanted.len()) <= limit)
        .map(|name| (strsim::damerau_levenshtein(&wanted, &name.to_ascii_lowercase()), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Longer words are no names with a slip in them, and comparing takes time in proportion to their length.
const MAX_NAME_LEN: usize = 100;

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Place, nearest};

    #[test]
    fn prints_place_message_and_nearest_name() {
        let source = "uac.xml".into();
        let place = Place::at(&source, b"<scenario>\n  [remot_ip]", 13);
        let finding = Diagnostic::error("S001", place, "unknown keyword [remot_ip]")
            .suggest("remot_ip", ["local_ip", "remote_ip", "pid"]);
        assert_eq!(
            finding.to_string(),
            "uac.xml:2:3: error: unknown keyword [remot_ip], did you mean remote_ip?"
        );
    }

    #[test]
    fn far_names_are_not_suggested() {
        assert_eq!(nearest("xyz", ["remote_ip", "pid"]), None);
        assert_eq!(nearest("reocrd_route", ["record_route", "loose_route"]), Some("record_route"));
    }

    #[test]
    fn places_beyond_the_text_are_its_end() {
        let place = Place::at(&"x".into(), b"ab\ncd", 99);
        assert_eq!((place.line, place.column), (2, 3));
    }
}
