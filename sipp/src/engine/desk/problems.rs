//! What went wrong, for the last words of the program.

use std::io::{self, Write};

use sip::time::Time;

use crate::stats::times::Wall;
use crate::stats::trace;

use super::files::Trace;

/// Warnings, errors, and files that could not be written.
#[derive(Default)]
pub(super) struct Problems {
    count: u64,
    last: Option<(Time, String)>,
    /// What could not be written: each file once, since nothing is written to it any more.
    unwritten: Vec<(Time, String)>,
}

impl Problems {
    /// Notes a warning or an error.
    pub(super) fn add(&mut self, at: Time, text: String) {
        self.count += 1;
        self.last = Some((at, text));
    }

    /// Notes that a file could not be written, if that was so.
    pub(super) fn heed(&mut self, written: io::Result<()>, file: &Trace) {
        if let Err(error) = written {
            self.add_unwritten(Time::ZERO, format!("Unable to write '{}': {error}", file.name()));
        }
    }

    /// Notes a file that could not be written.
    pub(super) fn add_unwritten(&mut self, at: Time, text: String) {
        self.count += 1;
        if self.unwritten.len() < MOST_UNWRITTEN && self.unwritten.iter().all(|(_, told)| *told != text) {
            self.unwritten.push((at, text));
        }
    }

    /// What SIPp says at the end: the last problem, and where the others are. `errors` is the file they are in.
    pub(super) fn tell(&self, (wall, errors): (Wall, Option<&Trace>), err: &mut dyn Write) -> io::Result<()> {
        for (at, text) in self.unwritten.iter().chain(&self.last) {
            err.write_all(trace::error(wall, *at, text).as_bytes())?;
        }
        if self.count > (self.unwritten.len() + usize::from(self.last.is_some())) as u64 {
            match errors {
                Some(errors) => writeln!(err, "There were more errors, see '{}' file", errors.name())?,
                None => writeln!(err, "There were more errors, enable -trace_err to log them.")?,
            }
        }
        Ok(())
    }
}

/// Files that are told apart at the end; a run has fewer.
const MOST_UNWRITTEN: usize = 32;
