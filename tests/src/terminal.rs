//! A terminal to run programs on, held by tmux: keys go in, what stands on the screen comes out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long anything may take to show.
const LIMIT: Duration = Duration::from_secs(20);
/// How often a waiting test looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A shell on a terminal of its own; gone when dropped.
#[derive(Debug)]
pub struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    /// A terminal of so many columns and rows, in that directory. `None`: tmux is not installed.
    pub fn open(folder: &Path, (columns, rows): (u16, u16)) -> Option<Terminal> {
        let terminal = Terminal { socket: folder.join("tmux") };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let at = folder.display().to_string();
        let size = ["-x", &columns, "-y", &rows, "-c", &at, "PS1='$ ' exec sh"];
        let started = terminal.command().args(["new-session", "-d"]).args(size).status();
        started.is_ok_and(|status| status.success()).then_some(terminal)
    }

    /// Types a line and Enter.
    pub fn enter(&self, line: &str) {
        self.ask(&["send-keys", "-l", line]);
        self.press("Enter");
    }

    /// Presses a key: a letter, or a name that tmux knows, such as `C-c`.
    pub fn press(&self, key: &str) {
        self.ask(&["send-keys", "--", key]);
    }

    /// What stands on the screen.
    pub fn screen(&self) -> Vec<String> {
        self.ask(&["capture-pane", "-p"]).lines().map(str::to_owned).collect()
    }

    /// Waits until a line has this text; gives the screen. Panics when it does not come.
    pub fn wait_for(&self, text: &str) -> Vec<String> {
        self.wait_until(|screen| screen.iter().any(|line| line.contains(text)), text)
    }

    /// Waits until the screen is like that. Panics, and says what it waited for, when it does not come to be.
    pub fn wait_until(&self, is_so: impl Fn(&[String]) -> bool, what: &str) -> Vec<String> {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if is_so(&screen) {
                return screen;
            }
            assert!(start.elapsed() < LIMIT, "no {what:?} on the screen:\n{}", screen.join("\n"));
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Makes it so many columns and rows large.
    pub fn resize(&self, (columns, rows): (u16, u16)) {
        self.ask(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// Whether it shows the screen that a program took for itself, and whether the cursor is seen.
    pub fn modes(&self) -> (bool, bool) {
        let told = self.ask(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        (told.starts_with('1'), told.trim_end().ends_with('1'))
    }

    /// Takes it away from its programs.
    pub fn close(&self) {
        self.ask(&["kill-server"]);
    }

    fn ask(&self, words: &[&str]) -> String {
        let told = self.command().args(words).output().expect("tmux ran before");
        String::from_utf8_lossy(&told.stdout).into_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.args(["-f", "/dev/null", "-S"]).arg(&self.socket);
        command
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.close();
    }
}
