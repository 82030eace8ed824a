//! `exec command`: shell commands that nobody waits for but the thread that collects each of them.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The commands that run now.
#[derive(Debug, Default)]
pub(super) struct Children {
    running: Arc<AtomicUsize>,
}

impl Children {
    /// Starts a command. Error: why it does not run, one line.
    pub(super) fn start(&self, text: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(text).into_owned();
        if self.running.load(Ordering::Relaxed) >= MOST_CHILDREN {
            return Err(format!("exec command refused, {MOST_CHILDREN} commands are running: {text}"));
        }
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(&text)
            .spawn()
            .map_err(|error| format!("exec command failed: {error}: {text}"))?;
        self.running.fetch_add(1, Ordering::Relaxed);
        let running = self.running.clone();
        let collector = std::thread::Builder::new().name("sipp-command".into());
        let waiting = collector.spawn(move || {
            let _ = child.wait();
            running.fetch_sub(1, Ordering::Relaxed);
        });
        waiting.map(drop).map_err(|error| {
            self.running.fetch_sub(1, Ordering::Relaxed);
            format!("exec command runs, but nothing waits for it: {error}: {text}")
        })
    }
}

/// A scenario that starts commands faster than they end must not fill the machine with them.
const MOST_CHILDREN: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::{Children, MOST_CHILDREN};

    #[test]
    fn commands_are_bounded_and_collected() {
        let children = Children::default();
        assert_eq!(children.start(b"true"), Ok(()));
        while children.running.load(Ordering::Relaxed) > 0 {
            std::thread::yield_now();
        }
        children.running.store(MOST_CHILDREN, Ordering::Relaxed);
        let refused = children.start(b"true").expect_err("too many are running");
        assert_eq!(refused, "exec command refused, 256 commands are running: true");
    }
}
