//! What is wrong with a configuration: collected while reading, turned into diagnostics at the end.
//!
//! Findings keep positions, so that line numbers are counted only for what is reported. Their number is
//! bounded: junk input must not grow memory.

use sip::diag::{Diagnostic, Severity, nearest};

use super::source::{Pos, SourceMap};

/// Findings in the order they were made.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    stopped: bool,
}

/// One finding; its hint may be added by the caller who knows the names.
#[derive(Debug)]
pub(super) struct Finding {
    severity: Severity,
    code: &'static str,
    pos: Pos,
    message: String,
    hint: Option<String>,
}

impl Findings {
    /// Records an error. A second one at the same position is a consequence of the first and is dropped.
    pub(super) fn error(&mut self, code: &'static str, pos: Pos, message: impl Into<String>) -> &mut Finding {
        self.push(Severity::Error, code, pos, message.into())
    }

    /// Records a warning.
    pub(super) fn warning(
        &mut self,
        code: &'static str,
        pos: Pos,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Warning, code, pos, message.into())
    }

    /// Whether reading should end: too many errors, or one after which nothing sensible can follow.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Records an error after which nothing sensible can follow: reading ends, later findings are dropped.
    pub(super) fn fatal(&mut self, code: &'static str, pos: Pos, message: impl Into<String>) -> &mut Finding {
        self.stopped = true;
        self.list.push(Finding { severity: Severity::Error, code, pos, message: message.into(), hint: None });
        self.list.last_mut().expect("an element was just pushed")
    }

    /// The findings with their places, file by file and line by line; one more says so when there were too
    /// many.
    pub(super) fn into_diagnostics(mut self, sources: &SourceMap) -> Vec<Diagnostic> {
        let too_many = self.list.len() > MAX_FINDINGS;
        self.list.sort_by_key(|finding| finding.pos);
        let mut diagnostics: Vec<Diagnostic> = self
            .list
            .into_iter()
            .take(MAX_FINDINGS)
            .map(|finding| Diagnostic {
                severity: finding.severity,
                code: finding.code,
                place: sources.place(finding.pos),
                message: finding.message,
                hint: finding.hint,
            })
            .collect();
        if too_many && let Some(last) = diagnostics.last() {
            let place = last.place.clone();
            diagnostics.push(Diagnostic::error(
                super::codes::TOO_MANY_FINDINGS,
                place,
                format!("more than {MAX_FINDINGS} findings, the rest of the configuration was not read"),
            ));
        }
        diagnostics
    }

    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        pos: Pos,
        mut message: String,
    ) -> &mut Finding {
        // Words of the text are quoted in messages, and junk has long words.
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
            message.push_str("...");
        }
        let repeated = match self.list.iter().rposition(|earlier| earlier.severity == Severity::Error) {
            Some(last) if self.stopped || (severity == Severity::Error && self.list[last].pos == pos) => {
                Some(last)
            }
            _ => None,
        };
        let at = repeated.unwrap_or_else(|| {
            self.list.push(Finding { severity, code, pos, message, hint: None });
            self.stopped |= self.list.len() > MAX_FINDINGS;
            self.list.len() - 1
        });
        &mut self.list[at]
    }
}

impl Finding {
    /// Adds the likely fix, unless there is one already.
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Finding {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Adds "did you mean" when one of the names is near.
    pub(super) fn suggest<'k>(
        &mut self,
        written: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> &mut Finding {
        if let Some(name) = nearest(written, known) {
            self.hint(format!("did you mean {name}?"));
        }
        self
    }
}

/// Findings after which reading stops.
const MAX_FINDINGS: usize = 200;

/// The longest message.
const MAX_MESSAGE_BYTES: usize = 400;
