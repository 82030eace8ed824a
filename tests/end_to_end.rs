//! Every folder below `cases/` that holds an `expect.toml`, once for each of its variants.

use std::path::Path;
use std::process::ExitCode;

use e2e::case;
use e2e::run::{conclude, run};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The programs take turns on few cores; more at once only makes them late.
    arguments.test_threads = arguments.test_threads.or(Some(4));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let cases = match case::load_all(&folder) {
        Ok(cases) => cases,
        Err(what) => {
            eprintln_and_fail(&what);
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for case in cases {
        let case = std::sync::Arc::new(case);
        let variants =
            if case.plan.variant.is_empty() { vec![Default::default()] } else { case.plan.variant.clone() };
        for words in variants {
            let variant = words.get("name").map(|name| format!("/{name}")).unwrap_or_default();
            let case = case.clone();
            trials.push(Trial::test(format!("{}{variant}", case.name), move || {
                let scratch = std::env::temp_dir().join(format!("e2e-{}", std::process::id()));
                conclude(run(&case, &words, &scratch)).map_err(Failed::from)
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[expect(clippy::print_stderr, reason = "a test runner speaks to its terminal")]
fn eprintln_and_fail(what: &str) {
    eprintln!("{what}");
}
