//! The packaged SIPp and ours doing the same, each in a folder of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ports;
use crate::programs::{self, Missing, Running};

/// How long one run may take.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A folder of that name with these files.
pub fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sipp-e2e-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder for temporary files");
    for (name, text) in files {
        fs::write(path.join(name), text).expect("writable");
    }
    path
}

/// The words of a command line.
pub fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// Our called party in `folder`, and the port it listens on.
pub fn called(scenario: &str, folder: &Path) -> (Running, u16) {
    let port = ports::free().expect("a free port");
    let args = words(&format!("{scenario} -i 127.0.0.1 -p {port} -nostdin"));
    let mut running = Running::start(&ours(), &args, folder, "uas").expect("it starts");
    running.wait_until(LIMIT, || ports::is_bound("udp", port)).expect("it listens");
    (running, port)
}

/// Runs a calling party in `folder` against `called` and gives its exit code; `options` begin with its scenario.
pub fn call(program: &Path, folder: &Path, called: u16, options: &str) -> Option<i32> {
    let own = ports::free().expect("a free port");
    let line = format!("{options} 127.0.0.1:{called} -i 127.0.0.1 -p {own} -nostdin");
    let mut running = Running::start(program, &words(&line), folder, "uac").expect("it starts");
    running.wait(LIMIT).expect("it ends").code()
}

/// The text of the file in `folder` whose name ends like that.
pub fn text(folder: &Path, ending: &str) -> String {
    let entries = fs::read_dir(folder).expect("it was made");
    let mut paths = entries.map(|entry| entry.expect("readable").path());
    let path = paths.find(|path| path.to_string_lossy().ends_with(ending));
    fs::read_to_string(path.unwrap_or_else(|| panic!("no file *{ending}"))).expect("readable")
}

/// The cells of a table.
pub fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(';').collect()).collect()
}

/// Where the packaged program is. `None`, which is told: it is not installed (on `CI` a failure).
pub fn packaged() -> Option<PathBuf> {
    match programs::locate("packaged-sipp") {
        Ok(path) => Some(path),
        Err(Missing::Original(what)) if std::env::var("CI").as_deref() != Ok("true") => {
            // Nothing is lost when nobody reads it.
            let _ = writeln!(std::io::stderr(), "left out: {what}");
            None
        }
        Err(missing) => panic!("{missing:?}"),
    }
}

/// Ours.
pub fn ours() -> PathBuf {
    programs::locate("sipp").expect("cargo build --workspace --bins")
}

/// Both programs, the packaged one first, make the same calls to the same peer of ours: options of the called and
/// of the calling side. Gives the folders in which they ran, with `files`.
pub fn both(name: &str, (scenario, options): (&str, &str), files: &[(&str, &str)]) -> Option<[PathBuf; 2]> {
    let mut folders = Vec::new();
    let mut exits = Vec::new();
    for (program, path) in [("packaged", packaged()?), ("ours", ours())] {
        let folder = folder(&format!("{name}-{program}"), files);
        let peer = self::folder(&format!("{name}-{program}-peer"), files);
        let (_called, port) = called(scenario, &peer);
        exits.push(call(&path, &folder, port, options));
        folders.push(folder);
    }
    assert_eq!(exits[0], exits[1], "exit codes");
    folders.try_into().ok()
}
