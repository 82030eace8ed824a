//! `-check`: every finding about scenarios and their injection files as one report.

use std::sync::Arc;

use sip::diag::{Diagnostic, Format, Place, Report, Severity};

use crate::exit::Exit;
use crate::infile::{Infile, InfileError, Infiles};
use crate::lang::VarNames;
use crate::options::{Options, Source};
use crate::scenario;

use super::library::Library;
use super::loading::{SourceText, base_name, context, media_files, sources};
use super::setup::Fatal;
use crate::engine::Console;

/// Checks the scenarios of the command line, prints the report, and says whether they could be run.
pub fn check(options: &Options, console: &mut Console) -> Exit {
    let mut checked = Checked::default();
    let infiles = checked.injection_files(options);
    let mut shared = None;
    for (part, source) in sources(options) {
        match SourceText::read(&source) {
            Ok(text) => {
                let context = context(options, part, &infiles, shared.as_ref());
                shared = checked.scenario(&source, text, context).or(shared);
            }
            Err(Fatal { text, .. }) => checked.unreadable(&source, text),
        }
    }
    let report = checked.report(options.tools.format);
    // A closed stdout must not hide the exit code.
    let _ = console.out.write_all(report.as_bytes()).and_then(|()| console.out.flush());
    let broken = checked.findings.iter().any(|finding| finding.severity == Severity::Error);
    if broken { Exit::Failed } else { Exit::Success }
}

/// What was found, and the texts it was found in.
#[derive(Default)]
struct Checked {
    findings: Vec<Diagnostic>,
    texts: Vec<(String, Vec<u8>)>,
}

impl Checked {
    /// Notes the findings about one scenario; gives its variables, which the next one may use.
    fn scenario(
        &mut self,
        source: &Source,
        SourceText { shown, text, .. }: SourceText,
        context: scenario::Context<'_>,
    ) -> Option<VarNames> {
        let mut vars = None;
        match scenario::load(&shown, &text, context) {
            Ok(loaded) => {
                let wrong = media_files(&loaded.program, source, (&shown, &text), &mut Library::default());
                self.findings.extend(loaded.warnings.into_iter().chain(loaded.advice).chain(wrong));
                vars = Some(loaded.program.vars);
            }
            Err(findings) => self.findings.extend(findings),
        }
        self.texts.push((shown, text));
        vars
    }

    /// There is no such scenario.
    fn unreadable(&mut self, source: &Source, text: String) {
        let (Source::File(name) | Source::BuiltIn(name)) = source;
        let place = Place::at(&Arc::from(name.as_str()), b"", 0);
        self.findings.push(Diagnostic::error("S042", place, text));
    }

    /// Reads the injection files; one that cannot be read is a finding.
    fn injection_files(&mut self, options: &Options) -> Infiles {
        let mut infiles = Infiles::default();
        for path in options.scenario.injection_files() {
            let shown: Arc<str> = path.as_str().into();
            let text = match std::fs::read(path) {
                Ok(text) => text,
                Err(error) => {
                    let message = format!("Unable to open file: {error}");
                    self.findings.push(Diagnostic::error("S041", Place::at(&shown, b"", 0), message));
                    continue;
                }
            };
            match Infile::parse(&base_name(path), text.clone()) {
                Ok(file) => {
                    infiles.push(file);
                }
                Err(error) => {
                    let line = if let InfileError::UnknownType(_, line) = error { line } else { 1 };
                    let mut place = Place::at(&shown, b"", 0);
                    place.line = line;
                    self.findings.push(Diagnostic::error("S041", place, error.to_string()));
                }
            }
            self.texts.push((path.clone(), text));
        }
        for (name, field) in &options.scenario.indexes {
            match infiles.find(name).and_then(|id| infiles.get_mut(id)) {
                Some(file) => file.build_index(*field),
                None => {
                    let message =
                        format!("-infindex {name}: no injection file of that name is given with -inf");
                    let place = Place::at(&Arc::from("command line"), b"", 0);
                    self.findings.push(Diagnostic::error("S041", place, message));
                }
            }
        }
        infiles
    }

    fn report(&self, format: Format) -> String {
        if format == Format::Text && self.findings.is_empty() {
            return self.texts.iter().map(|(name, _)| format!("{name}: nothing found\n")).collect();
        }
        let report = Report {
            tool: "sipp",
            version: env!("CARGO_PKG_VERSION"),
            rules: scenario::codes::TABLE,
            findings: &self.findings,
        };
        report.render(format, |name| {
            // Lines of injection files are named as scenarios name them.
            let is_it = |path: &String| path == name || base_name(path) == name;
            self.texts.iter().find(|(path, _)| is_it(path)).map(|(_, text)| text.as_slice())
        })
    }
}
