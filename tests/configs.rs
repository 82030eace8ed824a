//! Every suite below `cases/language/`: each of its cases must do the same with ours as with Kamailio.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use e2e::programs::Missing;
use e2e::run::{Verdict, conclude};
use e2e::suite::{Case, Outcome, Outcomes, Suite};
use libtest_mimic::{Arguments, Failed, Trial};

/// What both programs did with a suite; run once, by the first case that asks.
type Both = Result<(Outcomes, Outcomes), Missing>;

/// Suites run at once. They wait most of their time, for timers and for called sides.
const AT_ONCE: usize = 8;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/language");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    let mut suites = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match Suite::load(&file) {
            Ok(suite) => suites.push((suite.patience(), cases(&name, suite))),
            Err(what) => {
                suites.push((Duration::ZERO, vec![Trial::test(name, move || Err(Failed::from(what)))]))
            }
        }
    }
    libtest_mimic::run(&arguments, interleave(suites)).exit_code()
}

/// The first cases of all suites, the most patient suite first, then the others: the first case of a suite runs all
/// of it, and no thread shall wait for a suite that another one runs as long as there are suites to start.
fn interleave(mut suites: Vec<(Duration, Vec<Trial>)>) -> Vec<Trial> {
    suites.sort_by_key(|(patience, _)| Reverse(*patience));
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for (_, trials) in suites {
        let mut trials = trials.into_iter();
        first.extend(trials.next());
        others.extend(trials);
    }
    first.extend(others);
    first
}

fn cases(name: &str, suite: Suite) -> Vec<Trial> {
    let suite = Arc::new(suite);
    let both: Arc<OnceLock<Both>> = Arc::default();
    (0..suite.case.len())
        .map(|number| {
            let (suite, both, name) = (suite.clone(), both.clone(), name.to_string());
            let has_known_gap = suite.case[number].known_gap.is_some();
            Trial::test(format!("language/{name}/{}", suite.case[number].name), move || {
                let outcomes = both.get_or_init(|| run_both(&suite, &name));
                conclude(judge(&suite.case[number], outcomes)).map_err(Failed::from)
            })
            .with_ignored_flag(has_known_gap)
        })
        .collect()
}

fn run_both(suite: &Suite, name: &str) -> Both {
    let scratch = std::env::temp_dir().join(format!("suite-{}-{name}", std::process::id()));
    let run = |program: &str| suite.run(program, &scratch.join(program));
    let (original, ours) = thread::scope(|scope| {
        let original = scope.spawn(|| run("kamailio"));
        let ours = run("sip-proxy");
        (original.join(), ours)
    });
    let _ = fs::remove_dir_all(&scratch);
    let original = original.map_err(|_| Missing::Broken("the run of the original panicked".to_string()))?;
    Ok((original?, ours?))
}

fn judge(case: &Case, both: &Both) -> Verdict {
    let (original, ours) = match both {
        Ok(both) => both,
        Err(Missing::Original(what)) => return Verdict::Skipped(what.clone()),
        Err(Missing::Broken(what)) => return Verdict::Failed(what.clone()),
    };
    let (Some(original), Some(ours)) = (original.get(&case.name), ours.get(&case.name)) else {
        return Verdict::Failed("the case did not run".to_string());
    };
    if *original == Outcome::default() && !case.silent {
        return Verdict::Failed("the original does nothing that could be compared".to_string());
    }
    if let Some(line) = &case.ours_refuses {
        return match (&ours.replies[..], &ours.logs[..]) {
            ([reply], []) if reply.starts_with(line.as_str()) => Verdict::Passed,
            _ => Verdict::Failed(format!("--- expected only\n{line}\n--- ours\n{}", show(ours))),
        };
    }
    let mut expected =
        Outcome { logs: case.ours_logs.clone().unwrap_or(original.logs.clone()), ..original.clone() };
    for omitted in &case.ours_omits {
        let Some(at) = expected.replies.iter().position(|reply| reply.starts_with(omitted.as_str())) else {
            return Verdict::Failed(format!("the original does not send {omitted}"));
        };
        expected.replies.remove(at);
    }
    if expected == *ours {
        return Verdict::Passed;
    }
    Verdict::Failed(format!("--- original\n{}--- ours\n{}", show(&expected), show(ours)))
}

fn show(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (name, list) in [
        ("reply", &outcome.replies),
        ("forwarded", &outcome.forwarded),
        ("log", &outcome.logs),
        ("row", &outcome.rows),
    ] {
        text.extend(list.iter().map(|item| format!("{name}: {}\n", item.trim_end())));
    }
    text
}
