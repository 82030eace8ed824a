//! Every folder below `cases/scenarios/`: a pair of scenarios that must do the same with ours as with SIPp.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use e2e::pair;
use e2e::run::{Verdict, conclude};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A pair mostly waits; more of them than cores run side by side.
    arguments.test_threads = arguments.test_threads.or(Some(6));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/scenarios");
    let mut folders: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.join("pair.toml").exists())
        .collect();
    folders.sort();
    let trials = folders
        .into_iter()
        .map(|folder| {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let pair = pair::load(&folder);
            let has_known_gap = pair.as_ref().is_ok_and(|pair| pair.known_gap.is_some());
            Trial::test(format!("scenarios/{name}"), move || {
                let scratch = std::env::temp_dir().join(format!("pair-{}-{name}", std::process::id()));
                let verdict = pair::compare(&pair?, &folder, &scratch);
                if verdict == Verdict::Passed {
                    let _ = fs::remove_dir_all(&scratch);
                }
                conclude(verdict).map_err(Failed::from)
            })
            .with_ignored_flag(has_known_gap)
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
