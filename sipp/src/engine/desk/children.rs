//! `exec command`: shell commands that nobody waits for but the thread that collects each of them, and what became of
//! those that failed.

use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sip::time::Time;

/// The commands that run, and those that failed.
#[derive(Debug, Default)]
pub(super) struct Children {
    tally: Arc<Tally>,
    /// Failures handed out so far.
    told: u64,
}

/// What the threads that wait for commands leave behind.
#[derive(Debug, Default)]
struct Tally {
    running: AtomicUsize,
    /// When a command was started, and how it failed.
    failed: Mutex<Vec<(Time, String)>>,
}

impl Tally {
    fn collect(&self, mut child: Child, now: Time, text: &str) {
        let failure = match child.wait() {
            Ok(status) if status.success() => None,
            Ok(status) => Some(format!("exec command failed: {status}: {text}")),
            Err(error) => Some(format!("exec command cannot be waited for: {error}: {text}")),
        };
        if let Some(failure) = failure {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).push((now, failure));
        }
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Children {
    /// Starts a command. Error: why it does not run, one line.
    pub(super) fn start(&self, now: Time, text: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(text).into_owned();
        let running = &self.tally.running;
        if running.load(Ordering::Relaxed) >= MOST_CHILDREN {
            return Err(format!("exec command refused, {MOST_CHILDREN} commands are running: {text}"));
        }
        let child = Command::new("sh")
            .arg("-c")
            .arg(&text)
            .spawn()
            .map_err(|error| format!("exec command failed: {error}: {text}"))?;
        running.fetch_add(1, Ordering::Relaxed);
        let (tally, command) = (self.tally.clone(), text.clone());
        let collector = std::thread::Builder::new().name("sipp-command".into());
        let waiting = collector.spawn(move || tally.collect(child, now, &command));
        waiting.map(drop).map_err(|error| {
            running.fetch_sub(1, Ordering::Relaxed);
            format!("exec command runs, but nothing waits for it: {error}: {text}")
        })
    }

    /// The commands that failed since the last call: when each was started, and how it failed.
    pub(super) fn take_failed(&mut self) -> Vec<(Time, String)> {
        let failed = std::mem::take(&mut *self.tally.failed.lock().unwrap_or_else(PoisonError::into_inner));
        self.told += failed.len() as u64;
        failed
    }

    /// How many failed commands were handed out.
    pub(super) fn told(&self) -> u64 {
        self.told
    }
}

/// A scenario that starts commands faster than they end must not fill the machine with them.
const MOST_CHILDREN: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use sip::time::Time;

    use super::{Children, MOST_CHILDREN};

    #[test]
    fn commands_are_bounded_and_collected() {
        let mut children = Children::default();
        for command in [&b"true"[..], b"exit 3"] {
            assert_eq!(children.start(Time::from_millis(5), command), Ok(()));
        }
        while children.tally.running.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        let failed = vec![(Time::from_millis(5), "exec command failed: exit status: 3: exit 3".to_owned())];
        assert_eq!((children.take_failed(), children.told()), (failed, 1));
        children.tally.running.store(MOST_CHILDREN, Ordering::Relaxed);
        let refused = children.start(Time::ZERO, b"true").expect_err("too many are running");
        assert_eq!(refused, "exec command refused, 256 commands are running: true");
    }
}
