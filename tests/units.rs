//! What the packaged Kamailio cannot show: rows it does not have, gets wrong or dies of. Each pair below
//! `cases/units`, a configuration and its tests, runs with `sip-proxy test`: no network, and time passes when told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use e2e::programs::locate;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/units");
    let entries = fs::read_dir(folder).expect("the folder is part of the repository");
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    let trials = files.into_iter().map(|tests| {
        let name = tests.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("units/{name}"), move || run(&tests))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Runs the tests of a file on the configuration beside it.
fn run(tests: &Path) -> Result<(), Failed> {
    let program = locate("sip-proxy").map_err(|missing| Failed::from(format!("{missing:?}")))?;
    let config = tests.with_extension("cfg");
    let output = Command::new(program).arg("test").arg(config).arg(tests).output()?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let counted = text.lines().last().unwrap_or_default();
    match output.status.success() && counted.ends_with(" tests, 0 failed") {
        true => Ok(()),
        false => Err(Failed::from(text.into_owned())),
    }
}
