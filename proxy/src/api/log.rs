//! Log lines of a run: collected here, written by the shell.
//!
//! Levels are Kamailio's numbers. The number of lines waiting for the shell is bounded; what is beyond is
//! counted.

use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::time::Time;

/// A log level, -5 (worst) to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(pub i8);

impl Level {
    /// -5
    pub const ALERT: Level = Level(-5);
    /// -4
    pub const BUG: Level = Level(-4);
    /// -3, printed as CRITICAL
    pub const CRIT2: Level = Level(-3);
    /// -2
    pub const CRIT: Level = Level(-2);
    /// -1
    pub const ERR: Level = Level(-1);
    /// 0
    pub const WARN: Level = Level(0);
    /// 1
    pub const NOTICE: Level = Level(1);
    /// 2
    pub const INFO: Level = Level(2);
    /// 3
    pub const DBG: Level = Level(3);

    /// The level a text such as `L_ERR` names; only the letter behind `L_` counts.
    pub fn named(text: &[u8]) -> Option<Level> {
        Some(match text.strip_prefix(b"L_")?.first()? {
            b'A' => Level::ALERT,
            b'B' => Level::BUG,
            b'C' => Level::CRIT2,
            b'E' => Level::ERR,
            b'W' => Level::WARN,
            b'N' => Level::NOTICE,
            b'I' => Level::INFO,
            b'D' => Level::DBG,
            _ => return None,
        })
    }

    /// The word a log line carries.
    pub fn word(self) -> &'static str {
        match self.0 {
            ..=-5 => "ALERT",
            -4 => "BUG",
            -3 | -2 => "CRITICAL",
            -1 => "ERROR",
            0 => "WARNING",
            1 => "NOTICE",
            2 => "INFO",
            3.. => "DEBUG",
        }
    }
}

/// One line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its level.
    pub level: Level,
    /// syslog facility when it is not the configured one, e.g. `LOG_LOCAL3`.
    pub facility: Option<&'static str>,
    /// How many bytes of the text are `log_prefix`.
    pub prefix: usize,
    /// The text behind `LEVEL: `, with prefix, without line end.
    pub text: Bytes,
}

/// The log of a shard.
#[derive(Debug)]
pub struct Log {
    /// Lines of a higher level are not written (`debug`).
    pub threshold: Level,
    /// Text put before each line while a message is processed (`log_prefix`).
    pub prefix: Bytes,
    /// The module whose function runs.
    pub module: &'static str,
    /// Thresholds of modules that have one of their own (`mod_level` of module debugger).
    pub levels: Vec<(String, Level)>,
    lines: Vec<Line>,
    dropped: u64,
    /// Errors of the script in the present window, by place.
    errors: FxHashMap<String, Errors>,
}

/// What one place of the script did wrong in a window.
#[derive(Debug)]
struct Errors {
    since: Time,
    count: u64,
}

/// Lines of one place that are written within [`ERROR_WINDOW`]; the rest is counted and told afterwards.
const ERRORS_PER_WINDOW: u64 = 20;
/// The window of [`ERRORS_PER_WINDOW`].
const ERROR_WINDOW: Duration = Duration::from_secs(10);
/// Places remembered; all are forgotten when there are more.
const PLACES_LIMIT: usize = 1_000;

/// Most lines kept for the shell; it collects them after each message.
const LINES_LIMIT: usize = 10_000;

impl Default for Log {
    fn default() -> Log {
        Log {
            threshold: Level::WARN,
            prefix: Bytes::new(),
            module: "core",
            levels: Vec::new(),
            lines: Vec::new(),
            dropped: 0,
            errors: FxHashMap::default(),
        }
    }
}

impl Log {
    /// True when a line of this level is written. Ask before making the text.
    pub fn is_on(&self, level: Level) -> bool {
        let own = self.levels.iter().find(|(module, _)| module == self.module);
        level <= own.map_or(self.threshold, |(_, level)| *level)
    }

    /// Adds a line; a line end at its end is dropped.
    pub fn write(&mut self, level: Level, text: &[u8]) {
        self.write_to(None, level, text);
    }

    /// Adds an error of the script, `file:line` in front. A place that does nothing but fail is told now and then.
    pub fn script_error(&mut self, now: Time, place: &str, why: &str) {
        self.limited(now, Level::ERR, place, &format!("{place}: {why}"));
    }

    /// Adds a line about something that others can make happen as often as they like: of each kind only so many are
    /// written in a time, and then how many were not.
    pub fn limited(&mut self, now: Time, level: Level, kind: &str, text: &str) {
        if !self.is_on(level) {
            return;
        }
        if self.errors.len() >= PLACES_LIMIT {
            self.errors.clear();
        }
        let fresh = || Errors { since: now, count: 0 };
        let errors = self.errors.entry(kind.to_owned()).or_insert_with(fresh);
        let mut left_out = 0;
        if now.since(errors.since) >= ERROR_WINDOW {
            left_out = errors.count.saturating_sub(ERRORS_PER_WINDOW);
            *errors = fresh();
        }
        errors.count += 1;
        if errors.count > ERRORS_PER_WINDOW {
            return;
        }
        let more = if left_out > 0 { format!(" ({left_out} more were not logged)") } else { String::new() };
        self.write(level, format!("{text}{more}").as_bytes());
    }

    /// Adds a line for a syslog facility of its own.
    pub fn write_to(&mut self, facility: Option<&'static str>, level: Level, text: &[u8]) {
        if !self.is_on(level) {
            return;
        }
        if self.lines.len() >= LINES_LIMIT {
            self.dropped += 1;
            return;
        }
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let mut whole = Vec::with_capacity(self.prefix.len() + text.len());
        whole.extend_from_slice(&self.prefix);
        whole.extend_from_slice(text);
        self.lines.push(Line { level, facility, prefix: self.prefix.len(), text: whole.into() });
    }

    /// Takes the lines written since the last call, oldest first.
    pub fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// How many lines were not kept because the shell did not collect them.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::{ERROR_WINDOW, ERRORS_PER_WINDOW, LINES_LIMIT, Level, Log};

    #[test]
    fn lines_above_the_threshold_are_not_kept() {
        let mut log = Log { prefix: "{1} ".into(), ..Log::default() };
        log.write(Level::INFO, b"no");
        log.write(Level::ERR, b"yes\n");
        let lines = log.take();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].text, "{1} yes");
        assert!(log.take().is_empty());
    }

    #[test]
    fn a_module_may_have_a_threshold_of_its_own() {
        let mut log = Log { levels: vec![("xlog".into(), Level::DBG)], ..Log::default() };
        assert!(!log.is_on(Level::INFO));
        log.module = "xlog";
        assert!(log.is_on(Level::DBG));
    }

    #[test]
    fn too_many_lines_are_counted() {
        let mut log = Log::default();
        for _ in 0..LINES_LIMIT + 3 {
            log.write(Level::ERR, b"x");
        }
        assert_eq!((log.take().len(), log.dropped()), (LINES_LIMIT, 3));
    }

    #[test]
    fn a_place_that_always_fails_is_told_now_and_then() {
        let mut log = Log::default();
        for _ in 0..ERRORS_PER_WINDOW + 7 {
            log.script_error(Time::ZERO, "a.cfg:1", "division by zero");
        }
        log.script_error(Time::ZERO, "a.cfg:2", "division by zero");
        assert_eq!(log.take().len() as u64, ERRORS_PER_WINDOW + 1);
        log.script_error(Time::ZERO + ERROR_WINDOW + Duration::from_millis(1), "a.cfg:1", "division by zero");
        assert_eq!(log.take()[0].text, "a.cfg:1: division by zero (7 more were not logged)");
    }
}
