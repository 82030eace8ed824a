//! Files that tell what happened: their names, when they are replaced, rotated or closed.
//!
//! An error while writing closes the file and is told once; it never ends the run.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::options::{TraceFile, Traces};

/// Size rules of trace files.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SizeRule {
    ring_files: usize,
    ring_bytes: Option<u64>,
    max_bytes: Option<u64>,
}

impl SizeRule {
    pub(super) fn of(traces: &Traces) -> SizeRule {
        SizeRule { ring_files: traces.ring_files, ring_bytes: traces.ring_bytes, max_bytes: traces.max_bytes }
    }
}

/// Whether a file can be written; what is in it stays, and a new one is not left behind. Errors: it cannot.
pub(super) fn try_writing(path: &Path) -> io::Result<()> {
    let is_new = !path.exists();
    OpenOptions::new().create(true).append(true).open(path)?;
    if is_new { std::fs::remove_file(path) } else { Ok(()) }
}

/// One file of text.
#[derive(Debug)]
pub(super) struct Trace {
    /// Name without `.log`, for rotated files.
    stem: PathBuf,
    path: PathBuf,
    append: bool,
    rule: SizeRule,
    state: State,
    /// Switched off for now: records are not wanted.
    is_off: bool,
    size: u64,
    opened_at: i64,
    old: Vec<PathBuf>,
    /// When the file renamed last was opened, and how many of that second there were before it.
    renamed: Option<(i64, u32)>,
    /// Records of the file that is open and has not got them yet.
    waiting: Vec<u8>,
}

#[derive(Debug)]
enum State {
    /// Opened at the first record.
    Unopened,
    Open(File),
    /// Closed for good: it grew too large, or writing failed.
    Closed,
}

impl Trace {
    /// The file of an option; `stem` is `<scenario>_<pid>_<what>`, used unless the option names a file.
    pub(super) fn new(option: &TraceFile, stem: &str, rule: SizeRule) -> Trace {
        let path = option.file.as_ref().map_or_else(|| format!("{stem}.log").into(), PathBuf::from);
        Trace {
            stem: stem.into(),
            path,
            append: option.append,
            rule,
            state: State::Unopened,
            is_off: false,
            size: 0,
            opened_at: 0,
            old: Vec::new(),
            renamed: None,
            waiting: Vec::new(),
        }
    }

    /// The name it is written under.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Opens it now. Errors: the file cannot be created.
    pub(super) fn open(&mut self, unix_seconds: i64) -> io::Result<()> {
        if matches!(self.state, State::Unopened) {
            let mut how = OpenOptions::new();
            how.create(true).append(self.append).write(true).truncate(!self.append);
            let file = how.open(&self.path)?;
            self.size = file.metadata().map_or(0, |about| about.len());
            self.state = State::Open(file);
            self.opened_at = unix_seconds;
        }
        Ok(())
    }

    /// Takes records, or does without them for a while.
    pub(super) fn switch(&mut self, on: bool) {
        self.is_off = !on;
    }

    /// Takes no records any more.
    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// True before the first record was written.
    pub(super) fn is_unopened(&self) -> bool {
        matches!(self.state, State::Unopened)
    }

    /// Writes one or more whole records, then looks at the size. Errors: told once, the file is closed then.
    pub(super) fn write(&mut self, unix_seconds: i64, records: &[u8]) -> io::Result<()> {
        self.add(unix_seconds, records)?;
        self.flush()
    }

    /// Like [`Trace::write`], but the records may wait for [`Trace::flush`]: a system call for each message would cost
    /// more than the message.
    pub(super) fn add(&mut self, unix_seconds: i64, records: &[u8]) -> io::Result<()> {
        if self.is_off {
            return Ok(());
        }
        if let Err(error) = self.open(unix_seconds) {
            self.state = State::Closed;
            return Err(error);
        }
        if !matches!(self.state, State::Open(_)) {
            return Ok(());
        }
        self.waiting.extend_from_slice(records);
        self.size += records.len() as u64;
        if self.rule.max_bytes.is_some_and(|max| self.size > max) {
            self.flush()?;
            self.state = State::Closed;
        } else if self.rule.ring_bytes.is_some_and(|max| self.size > max) && self.rule.ring_files > 0 {
            return self.rotate(unix_seconds);
        }
        Ok(())
    }

    /// Writes what waits. Errors: told once, the file is closed then.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let State::Open(file) = &mut self.state else { return Ok(()) };
        let written = file.write_all(&self.waiting);
        self.waiting.clear();
        if written.is_err() {
            self.state = State::Closed;
        }
        written
    }

    /// Renames the full file after the second it was opened in and begins a new one. A second that has several numbers
    /// them from its second file on, as SIPp does.
    fn rotate(&mut self, unix_seconds: i64) -> io::Result<()> {
        if !matches!(self.state, State::Open(_)) {
            return Ok(());
        }
        self.flush()?;
        let earlier = self.renamed.filter(|(second, _)| *second == self.opened_at);
        let serial = earlier.map_or(0, |(_, serial)| serial + 1);
        self.renamed = Some((self.opened_at, serial));
        let number = if serial == 0 { String::new() } else { format!(".{serial}") };
        let name = format!("{}_{}{number}.log", self.stem.display(), self.opened_at);
        std::fs::rename(&self.path, &name)?;
        self.old.push(name.into());
        if self.old.len() > self.rule.ring_files {
            // A file that somebody else removed needs no removal.
            let _ = std::fs::remove_file(self.old.remove(0));
        }
        self.state = State::Unopened;
        self.open(unix_seconds)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::options::TraceFile;

    use super::{SizeRule, Trace};

    /// A directory of its own for each test.
    fn directory(test: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("sipp-files-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        path
    }

    #[test]
    fn old_files_are_kept_up_to_their_number() {
        let directory = directory("ring");
        let stem = directory.join("uac_1_messages").display().to_string();
        let rule = SizeRule { ring_files: 2, ring_bytes: Some(10), max_bytes: None };
        let mut trace = Trace::new(&TraceFile::default(), &stem, rule);
        for record in 0..5 {
            trace.write(1000, format!("record {record} is long\n").as_bytes()).expect("writable");
        }
        let mut names: Vec<_> = fs::read_dir(&directory)
            .expect("it exists")
            .map(|entry| entry.expect("readable").file_name().into_string().expect("ASCII"))
            .collect();
        names.sort();
        let expected = ["uac_1_messages.log", "uac_1_messages_1000.3.log", "uac_1_messages_1000.4.log"];
        assert_eq!(names, expected);
        fs::remove_dir_all(directory).expect("ours");
    }

    #[test]
    fn a_file_that_is_switched_on_again_keeps_what_it_has() {
        let directory = directory("switch");
        let stem = directory.join("uac_1_messages").display().to_string();
        let mut trace = Trace::new(&TraceFile::default(), &stem, SizeRule::default());
        for (on, record) in [(true, "one "), (false, "two "), (true, "three")] {
            trace.switch(on);
            trace.write(0, record.as_bytes()).expect("writable");
        }
        assert_eq!(fs::read_to_string(format!("{stem}.log")).expect("it exists"), "one three");
        fs::remove_dir_all(directory).expect("ours");
    }

    #[test]
    fn a_large_file_is_closed_for_good() {
        let directory = directory("max");
        let stem = directory.join("uac_1_logs").display().to_string();
        let rule = SizeRule { ring_files: 0, ring_bytes: None, max_bytes: Some(5) };
        let mut trace = Trace::new(&TraceFile::default(), &stem, rule);
        trace.write(0, b"123456\n").expect("writable");
        trace.write(0, b"more\n").expect("ignored");
        assert_eq!(fs::read_to_string(format!("{stem}.log")).expect("it exists"), "123456\n");
        fs::remove_dir_all(directory).expect("ours");
    }

    #[test]
    fn append_keeps_what_was_there() {
        let directory = directory("append");
        let path = directory.join("mine.txt");
        fs::write(&path, "old\n").expect("writable");
        for (append, expected) in [(true, "old\nnew\n"), (false, "new\n")] {
            let option = TraceFile { on: true, file: Some(path.display().to_string()), append };
            let mut trace = Trace::new(&option, "unused", SizeRule::default());
            trace.write(0, b"new\n").expect("writable");
            assert_eq!(fs::read_to_string(&path).expect("it exists"), expected);
            fs::write(&path, "old\n").expect("writable");
        }
        fs::remove_dir_all(directory).expect("ours");
    }
}
