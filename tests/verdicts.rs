//! Every small configuration of the tables below `cases/config`: the packaged Kamailio and ours accept or refuse it
//! (`-c`) as the table says.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use e2e::programs::{Missing, Running, locate};
use e2e::run::{self, conclude};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;

/// The tables below `cases/config`.
const TABLES: [&str; 3] = ["verdicts", "measured", "parameters"];

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

/// A row; its other fields are for readers and for the parser's own test.
#[derive(Deserialize)]
struct Case {
    name: String,
    config: String,
    original: Verdict,
    ours: Verdict,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accept,
    Reject,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/config");
    let scratch = std::env::temp_dir().join(format!("verdicts-{}", std::process::id()));
    let mut trials = Vec::new();
    for name in TABLES {
        let text = fs::read_to_string(folder.join(format!("{name}.toml")));
        let text = text.expect("the table is part of the repository");
        let table: Table = toml::from_str(&text).expect("the table has the form of its struct");
        trials.extend(table.case.into_iter().map(|case| {
            let directory = scratch.join(name).join(&case.name);
            Trial::test(format!("{name}/{}", case.name), move || {
                conclude(compare(&case, &directory)).map_err(Failed::from)
            })
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let _ = fs::remove_dir_all(&scratch);
    conclusion.exit_code()
}

/// Ours goes first: its verdict is checked also where the original is missing.
fn compare(case: &Case, directory: &Path) -> run::Verdict {
    let file = directory.join("case.cfg");
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&file, &case.config));
    if let Err(error) = written {
        return run::Verdict::Failed(format!("{}: {error}", file.display()));
    }
    for (program, expected) in [("sip-proxy", case.ours), ("kamailio", case.original)] {
        let path = match locate(program) {
            Ok(path) => path,
            Err(Missing::Original(what)) => return run::Verdict::Skipped(what),
            Err(Missing::Broken(what)) => return run::Verdict::Failed(what),
        };
        match check(&path, program, directory) {
            Ok((verdict, _)) if verdict == expected => {}
            Ok((verdict, words)) => {
                return run::Verdict::Failed(format!(
                    "{program}: {verdict:?}, the table says {expected:?}\n{words}"
                ));
            }
            Err(what) => return run::Verdict::Failed(what),
        }
    }
    run::Verdict::Passed
}

/// What a program says of the configuration in `directory`, and its words.
fn check(path: &Path, program: &str, directory: &Path) -> Result<(Verdict, String), String> {
    let args = ["-c", "-f", "case.cfg"].map(str::to_string);
    let mut running = Running::start(path, &args, directory, program)?;
    let status = running.wait(LIMIT)?;
    let words = running.output("out") + &running.output("err");
    match status.code() {
        Some(0) => Ok((Verdict::Accept, words)),
        Some(_) => Ok((Verdict::Reject, words)),
        None => Err(format!("{program} ended by a signal: {status}\n{words}")),
    }
}

/// Both need some hundredths of a second.
const LIMIT: Duration = Duration::from_secs(20);
