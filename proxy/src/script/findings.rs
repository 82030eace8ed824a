//! Collects findings with their places.

use sip::diag::{Diagnostic, Place, Severity, in_order};

use crate::cfg::{Pos, SourceMap};

/// The findings of one load.
pub(super) struct Findings<'a> {
    sources: &'a SourceMap,
    list: Vec<Diagnostic>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(sources: &'a SourceMap) -> Findings<'a> {
        Findings { sources, list: Vec::new() }
    }

    pub(super) fn error(&mut self, code: &'static str, pos: Pos, message: impl Into<String>) {
        self.list.push(Diagnostic::error(code, self.sources.place(pos), message));
    }

    pub(super) fn warning(&mut self, code: &'static str, pos: Pos, message: impl Into<String>) {
        self.list.push(Diagnostic::warning(code, self.sources.place(pos), message));
    }

    /// Adds a hint to the finding made last.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        if let Some(last) = self.list.last_mut() {
            last.hint = Some(hint.into());
        }
    }

    /// Adds "did you mean" to the finding made last, when one of `known` is near.
    pub(super) fn suggest<'k>(&mut self, written: &str, known: impl IntoIterator<Item = &'k str>) {
        if let Some(name) = sip::diag::nearest(written, known) {
            self.hint(format!("did you mean {name}?"));
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All findings, in the order of the text.
    pub(super) fn into_list(self) -> Vec<Diagnostic> {
        in_order(self.list)
    }

    /// File, line and column of a position.
    pub(super) fn place(&self, pos: Pos) -> Place {
        self.sources.place(pos)
    }
}
