//! Scenario texts become programs: XML with positions, a table of elements, and a compiler that reports every
//! mistake at once.
//!
//! [`load`] is the door. What keywords and actions mean is not known here, only where they may stand.

mod advice;
mod ast;
pub mod automatic;
pub mod builtin;
mod check;
pub mod codes;
mod compile;
pub mod elements;
mod messages;
mod program;
mod xml;

use std::sync::Arc;

use sip::diag::{Diagnostic, Place, Severity, in_order};

pub use program::{
    Automatic, Condition, Expects, Mode, Next, Op, Optional, PlacedAction, Program, Recv, RecvCmd, Send,
    SendCmd, SendKind, Source, Step, Timer, UnexpectedLabel,
};

use crate::infile::{FileId, Infiles};
use crate::lang::{Mistake, VarNames};

/// What a scenario may refer to.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// `-key name value`, in order.
    pub keys: &'a [(String, String)],
    /// Loaded injection files.
    pub infiles: &'a Infiles,
    /// `-rtp_payload`: what `rtp_stream` sends when it does not say.
    pub stream_type: u8,
    /// The file that `[fieldN]` reads without `file=`.
    pub default_file: FileId,
    /// Variables of scenarios read before for the same run: the global and user ones are this scenario's too.
    pub shared: Option<&'a VarNames>,
}

impl<'a> Context<'a> {
    /// Nothing but keywords and injection files, of which the first is the default.
    pub fn new(keys: &'a [(String, String)], infiles: &'a Infiles) -> Context<'a> {
        Context { keys, infiles, stream_type: DEFAULT_STREAM_TYPE, default_file: FileId(0), shared: None }
    }
}

/// PCMA, as SIPp has it.
const DEFAULT_STREAM_TYPE: u8 = 8;

/// A program and what is worth knowing about its text.
#[derive(Debug)]
pub struct Loaded {
    /// The program.
    pub program: Program,
    /// Warnings, in order of the text.
    pub warnings: Vec<Diagnostic>,
    /// What works but is probably not meant, in order of the text.
    pub advice: Vec<Diagnostic>,
}

/// Compiles a scenario. `source_name` is the file or built-in name that diagnostics show.
///
/// Errors: every mistake and warning of the text, in its order; at least one is an error.
pub fn load(source_name: &str, text: &[u8], context: Context<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    let source: Arc<str> = source_name.into();
    let mut findings = Findings { source, text, list: Vec::new(), advice: Vec::new() };
    let root = xml::parse(text, &mut findings);
    let program = root.and_then(|root| compile::compile(&root, text, context, &mut findings));
    let broken = findings.is_broken();
    let (warnings, advice) = (in_order(findings.list), in_order(findings.advice));
    match program.filter(|_| !broken) {
        Some(mut program) => {
            program.source = Source { name: source_name.into(), text: text.into() };
            Ok(Loaded { program, warnings, advice })
        }
        None => Err(warnings),
    }
}

/// The diagnostics of one text while they are collected.
struct Findings<'t> {
    source: Arc<str>,
    text: &'t [u8],
    list: Vec<Diagnostic>,
    advice: Vec<Diagnostic>,
}

impl Findings<'_> {
    /// True when the text cannot be run.
    fn is_broken(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn error(&mut self, mistake: Mistake) {
        self.push(Severity::Error, mistake);
    }

    fn warning(&mut self, mistake: Mistake) {
        self.push(Severity::Warning, mistake);
    }

    fn advise(&mut self, mistake: Mistake) {
        let finding = self.diagnostic(Severity::Warning, mistake);
        self.advice.push(finding);
    }

    fn push(&mut self, severity: Severity, mistake: Mistake) {
        let finding = self.diagnostic(severity, mistake);
        self.list.push(finding);
    }

    fn diagnostic(&self, severity: Severity, mistake: Mistake) -> Diagnostic {
        let Mistake { code, offset, message, hint } = mistake;
        Diagnostic { severity, code, place: Place::at(&self.source, self.text, offset), message, hint }
    }

    /// The value of a result; its mistake is noted.
    fn take<T>(&mut self, result: Result<T, Mistake>) -> Option<T> {
        result.map_err(|mistake| self.error(mistake)).ok()
    }
}

#[cfg(test)]
mod tests;
