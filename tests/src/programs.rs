//! Where the programs are and how they are started, watched and ended.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a waiting test looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Why a program could not be started.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// A packaged original is not installed: the case is left out (a failure when `CI=true`).
    Original(String),
    /// One of ours is not built, or the name is unknown.
    Broken(String),
}

/// The file of a program of ours or a packaged original.
pub fn locate(program: &str) -> Result<PathBuf, Missing> {
    match program {
        "sipp" | "sip-proxy" => ours(program),
        "packaged-sipp" => original("/usr/bin/sipp"),
        "kamailio" => original("/usr/sbin/kamailio"),
        // Its SRTP elements stand on libsrtp: a peer that knows nothing of ours.
        "gst-launch" => original("/usr/bin/gst-launch-1.0"),
        "chromium" => original("/usr/bin/chromium"),
        "tshark" => original("/usr/bin/tshark"),
        "sh" => Ok(PathBuf::from("/bin/sh")),
        other => Err(Missing::Broken(format!("unknown program {other:?}"))),
    }
}

fn ours(program: &str) -> Result<PathBuf, Missing> {
    let this = std::env::current_exe().map_err(|error| Missing::Broken(error.to_string()))?;
    let folder = this.ancestors().nth(2).unwrap_or(Path::new("."));
    let path = folder.join(program);
    let advice =
        || Missing::Broken(format!("{} is not built: cargo build --workspace --bins", path.display()));
    path.exists().then(|| path.clone()).ok_or_else(advice)
}

fn original(path: &str) -> Result<PathBuf, Missing> {
    let path = PathBuf::from(path);
    path.exists()
        .then(|| path.clone())
        .ok_or_else(|| Missing::Original(format!("{} is not installed", path.display())))
}

/// A started program; ended and reaped when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What its output files start with: `NAME.out`, `NAME.err`.
    pub label: String,
    directory: PathBuf,
}

impl Running {
    /// Starts `path` in `directory`, output into files there, no input.
    pub fn start(path: &Path, args: &[String], directory: &Path, label: &str) -> Result<Running, String> {
        let file =
            |end: &str| File::create(directory.join(format!("{label}.{end}"))).map_err(|e| e.to_string());
        let child = Command::new(path)
            .args(args)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(file("out")?)
            .stderr(file("err")?)
            .spawn()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Running { child, label: label.to_string(), directory: directory.to_path_buf() })
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `is_ready`, the program's end or the time limit.
    pub fn wait_until(&mut self, limit: Duration, is_ready: impl Fn() -> bool) -> Result<(), String> {
        let start = Instant::now();
        loop {
            if is_ready() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{} ended before it was ready: {status}", self.label));
            }
            if start.elapsed() > limit {
                return Err(format!("{} was not ready within {limit:?}", self.label));
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits for the program's end. Errors: the time limit; the program still runs then.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if start.elapsed() > limit => {
                    return Err(format!("{} still runs after {limit:?}", self.label));
                }
                Ok(None) => thread::sleep(LOOK_AGAIN),
                Err(error) => return Err(format!("{}: {error}", self.label)),
            }
        }
    }

    /// Asks the program to end (SIGTERM), insists after five seconds.
    pub fn end(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // `kill` of the shell utilities, since this crate may not use unsafe code.
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").args(["-TERM", &pid]).status();
            if self.wait(Duration::from_secs(5)).is_err() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }

    /// What the program wrote so far: standard output or error, by the file's ending.
    pub fn output(&self, ending: &str) -> String {
        let bytes =
            std::fs::read(self.directory.join(format!("{}.{ending}", self.label))).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
