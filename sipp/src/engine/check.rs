//! `-check`: every finding about a scenario and its injection files as one report.

use std::path::Path;
use std::sync::Arc;

use sip::diag::{Diagnostic, Format, Place, Report, Severity};

use crate::exit::Exit;
use crate::infile::{Infile, InfileError, Infiles};
use crate::options::{Options, Source};
use crate::scenario;

use super::setup::{Fatal, SourceText, context, media_files};
use super::{Console, complain};

/// Checks the scenario of the command line, prints the report, and says whether it could be run.
pub fn check(options: &Options, console: &mut Console) -> Exit {
    let source = options.scenario.main.clone().unwrap_or(Source::BuiltIn("uac".into()));
    let scenario = match SourceText::read(&source) {
        Ok(scenario) => scenario,
        Err(Fatal { text, .. }) => {
            complain(&mut console.err, &text);
            return Exit::Failed;
        }
    };
    let mut checked = Checked::default();
    let infiles = checked.injection_files(options);
    match scenario::load(&scenario.shown, &scenario.text, context(options, &infiles)) {
        Ok(loaded) => {
            let (_, wrong) = media_files(&loaded.program, &source, (&scenario.shown, &scenario.text));
            checked.findings.extend(loaded.warnings.into_iter().chain(loaded.advice).chain(wrong));
        }
        Err(findings) => checked.findings.extend(findings),
    }
    let format = options.tools.format;
    let report = checked.report(format, &scenario);
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
    /// Reads the injection files; one that cannot be read is a finding.
    fn injection_files(&mut self, options: &Options) -> Infiles {
        let mut infiles = Infiles::default();
        for path in &options.scenario.injection {
            let shown: Arc<str> = path.as_str().into();
            let text = match std::fs::read(path) {
                Ok(text) => text,
                Err(error) => {
                    let message = format!("Unable to open file: {error}");
                    self.findings.push(Diagnostic::error("S041", Place::at(&shown, b"", 0), message));
                    continue;
                }
            };
            let name =
                Path::new(path).file_name().map_or(path.as_str().into(), |name| name.to_string_lossy());
            match Infile::parse(&name, text.clone()) {
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

    fn report(&self, format: Format, scenario: &SourceText) -> String {
        if format == Format::Text && self.findings.is_empty() {
            return format!("{}: nothing found\n", scenario.shown);
        }
        let report = Report {
            tool: "sipp",
            version: env!("CARGO_PKG_VERSION"),
            rules: scenario::codes::TABLE,
            findings: &self.findings,
        };
        report.render(format, |name| {
            let other = || self.texts.iter().find(|(path, _)| path == name).map(|(_, text)| text.as_slice());
            if name == scenario.shown { Some(&scenario.text) } else { other() }
        })
    }
}
