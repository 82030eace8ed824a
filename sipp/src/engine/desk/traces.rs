//! The trace files of a run: messages, errors, logs, steps of failed calls, findings of rtpcheck.
//!
//! Switched on and off by `trace`, and ended together when a file reaches the size that the system allows.

use std::fs::OpenOptions;
use std::io::Write;

use sip::time::Time;

use crate::options::{Options, TraceFile, Traces as Wishes};
use crate::stats::times::Wall;
use crate::stats::trace;

use super::files::{SizeRule, Trace, try_writing};
use super::link::Batch;
use super::problems::Problems;
use crate::engine::control::command::Traced;

/// The trace files of a run.
pub(super) struct Traces {
    wall: Wall,
    wishes: Wishes,
    /// What automatic names begin with: scenario and process.
    stem: String,
    messages: Option<Trace>,
    short_messages: Option<Trace>,
    errors: Option<Trace>,
    logs: Option<Trace>,
    call_debug: Option<Trace>,
    /// Files of rtpcheck, made with their first line.
    checks: Vec<(&'static str, Trace)>,
    paper: Vec<u8>,
}

impl Traces {
    /// The files that the options ask for; names begin with `stem`.
    ///
    /// Errors: one cannot be created; the line to show.
    pub(super) fn new(options: &Options, stem: &str, wall: Wall) -> Result<Traces, String> {
        let wishes = &options.traces;
        let rule = SizeRule::of(wishes);
        let trace = |option: &TraceFile, what: &str| {
            option.on.then(|| Trace::new(option, &format!("{stem}_{what}"), rule))
        };
        let mut traces = Traces {
            wall,
            messages: trace(&wishes.messages, "messages"),
            short_messages: trace(&wishes.short_messages, "shortmessages"),
            errors: trace(&wishes.errors, "errors"),
            logs: trace(&wishes.logs, "logs"),
            call_debug: trace(&wishes.call_debug, "calldebug"),
            checks: Vec::new(),
            paper: Vec::new(),
            stem: stem.to_owned(),
            wishes: wishes.clone(),
        };
        // Files that are made with their first record are tried now: after an hour of calls it would be too late.
        let late = [&wishes.errors, &wishes.logs, &wishes.call_debug, &wishes.screens];
        for name in late.into_iter().filter(|option| option.on).filter_map(|option| option.file.as_ref()) {
            try_writing(name.as_ref()).map_err(|error| format!("Unable to create '{name}': {error}"))?;
        }
        let early = [&mut traces.messages, &mut traces.short_messages];
        for trace in early.into_iter().flatten() {
            trace.open(0).map_err(|error| format!("Unable to create '{}': {error}", trace.name()))?;
        }
        Ok(traces)
    }

    /// The file of `-trace_err`.
    pub(super) fn errors(&self) -> Option<&Trace> {
        self.errors.as_ref()
    }

    /// Messages that were sent and received.
    pub(super) fn batch(&mut self, batch: &Batch, problems: &mut Problems) {
        // Messages of one turn have one time.
        let mut stamp = (None, String::new());
        for traveller in &batch.messages {
            let bytes = &batch.bytes[traveller.bytes.clone()];
            let (at, direction) = (traveller.at, traveller.direction);
            if let Some(messages) = &mut self.messages {
                if stamp.0 != Some(at) {
                    stamp = (Some(at), self.wall.spaced(at));
                }
                self.paper.clear();
                let kind = (direction, traveller.transport.via_name());
                trace::message(&stamp.1, kind, bytes, &mut self.paper);
                problems.heed(messages.add(self.wall.unix_seconds(at), &self.paper), messages);
            }
            if let Some(messages) = &mut self.short_messages {
                self.paper.clear();
                trace::short_message(self.wall, at, direction, bytes, &mut self.paper);
                problems.heed(messages.add(self.wall.unix_seconds(at), &self.paper), messages);
            }
        }
        for file in [&mut self.messages, &mut self.short_messages].into_iter().flatten() {
            problems.heed(file.flush(), file);
        }
    }

    /// A warning or an error.
    pub(super) fn problem(&mut self, at: Time, text: &str, problems: &mut Problems) {
        if let Some(errors) = &mut self.errors {
            let mut record = String::new();
            if errors.is_unopened() {
                record.push_str(trace::ERRORS_HEADER);
            }
            record.push_str(&trace::error(self.wall, at, text));
            problems.heed(errors.write(self.wall.unix_seconds(at), record.as_bytes()), errors);
        }
    }

    /// The text of a `log` action.
    pub(super) fn log(&mut self, at: Time, text: &[u8], problems: &mut Problems) {
        if let Some(logs) = &mut self.logs {
            self.paper.clear();
            self.paper.extend_from_slice(text);
            self.paper.push(b'\n');
            problems.heed(logs.write(self.wall.unix_seconds(at), &self.paper), logs);
        }
    }

    /// The steps of a call that was aborted.
    pub(super) fn call_debug(&mut self, at: Time, text: &str, problems: &mut Problems) {
        if let Some(file) = &mut self.call_debug {
            problems.heed(file.write(self.wall.unix_seconds(at), text.as_bytes()), file);
        }
    }

    /// A line for one of the files of rtpcheck.
    pub(super) fn append(&mut self, name: &'static str, line: &str, problems: &mut Problems) {
        let known = self.checks.iter().position(|(known, _)| *known == name);
        let at = known.unwrap_or_else(|| {
            let option = TraceFile { on: true, file: Some(name.into()), append: false };
            self.checks.push((name, Trace::new(&option, name, SizeRule::default())));
            self.checks.len() - 1
        });
        let file = &mut self.checks[at].1;
        problems.heed(file.write(0, format!("{line}\n").as_bytes()), file);
    }

    /// `trace`: what is in a file that was switched off stays there when it is switched on again.
    pub(super) fn switch(&mut self, traced: Traced, on: bool) {
        let wishes = &self.wishes;
        let (place, option, what) = match traced {
            Traced::Errors => (&mut self.errors, &wishes.errors, "errors"),
            Traced::Logs => (&mut self.logs, &wishes.logs, "logs"),
            Traced::Messages => (&mut self.messages, &wishes.messages, "messages"),
            Traced::ShortMessages => (&mut self.short_messages, &wishes.short_messages, "shortmessages"),
        };
        match place {
            Some(trace) => trace.switch(on),
            None if on => {
                *place = Some(Trace::new(option, &format!("{}_{what}", self.stem), SizeRule::of(wishes)));
            }
            None => {}
        }
    }

    /// SIGXFSZ: nothing is traced any more, and a file of its own says so, as with SIPp.
    pub(super) fn stop(&mut self, at: Time, problems: &mut Problems) {
        let all = [
            &mut self.messages,
            &mut self.short_messages,
            &mut self.errors,
            &mut self.logs,
            &mut self.call_debug,
        ];
        all.into_iter().flatten().for_each(Trace::close);
        let name = format!("{}_traces_oversized.log", self.stem);
        let text =
            format!("{} {}\nMax file size reached - no more logs\n", "-".repeat(44), self.wall.stamp(at));
        let mut how = OpenOptions::new();
        let written = how.create(true).write(true).truncate(true).open(&name);
        if let Err(error) = written.and_then(|mut file| file.write_all(text.as_bytes())) {
            problems.add_unwritten(at, format!("Unable to write '{name}': {error}"));
        }
    }
}
