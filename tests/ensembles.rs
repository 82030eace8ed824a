//! Every folder below `cases/ensembles/`: programs that work together must do so with ours in any part.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use e2e::ensemble;
use e2e::run::{Verdict, conclude};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Programs that wait for each other mostly wait.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/ensembles");
    let entries =
        fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.join("ensemble.toml").exists()).collect();
    folders.sort();
    let trial = |folder: PathBuf| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("ensembles/{name}"), move || {
            let scratch = std::env::temp_dir().join(format!("ensemble-{}-{name}", std::process::id()));
            let verdict = ensemble::compare(&ensemble::load(&folder)?, &folder, &scratch);
            if verdict == Verdict::Passed {
                let _ = fs::remove_dir_all(&scratch);
            }
            conclude(verdict).map_err(Failed::from)
        })
    };
    libtest_mimic::run(&arguments, folders.into_iter().map(trial).collect()).exit_code()
}
