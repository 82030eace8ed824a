//! The example of the documentation passes; tests that are wrong say where and why.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::{Command, run};

fn example(name: &str) -> String {
    format!("{}/../docs/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn command(words: &[&str]) -> Command {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    Command::read(&words).expect("a good command line")
}

/// A file of its own in the temporary folder.
fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sip-proxy-unit-{}-{name}", std::process::id()));
    fs::write(&path, text).expect("the temporary folder can be written");
    path
}

#[test]
fn the_first_example_passes_and_covers_the_configuration() {
    let (junit, coverage) = (file("junit.xml", ""), file("coverage.info", ""));
    let mut command = command(&[&example("first.cfg"), &example("first.toml"), "--trace-call"]);
    command.junit = Some(junit.display().to_string());
    command.coverage = Some(coverage.display().to_string());
    let outcome = run(&command, || Duration::ZERO).expect("files that can be used");
    assert!(outcome.is_good, "{}", outcome.text);
    assert!(outcome.text.contains("4 tests, 0 failed\n"), "{}", outcome.text);
    assert!(outcome.text.contains("failure_route[BUSY]"), "the trace is shown: {}", outcome.text);
    let document = fs::read_to_string(junit).expect("it was written");
    assert!(document.contains("tests=\"4\" failures=\"0\""), "{document}");
    let lcov = fs::read_to_string(coverage).expect("it was written");
    assert!(lcov.contains("FNDA:2,failure_route[BUSY]"), "{lcov}");
    assert!(lcov.contains("DA:20,0"), "no test has too many hops: {lcov}");
}

#[test]
fn the_built_in_configuration_does_what_it_says() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/src/default.cfg");
    let outcome = run(&command(&[config, &example("default.toml")]), || Duration::ZERO).expect("good files");
    assert!(outcome.is_good && outcome.text.contains("6 tests, 0 failed"), "{}", outcome.text);
}

/// Each wrong test says step and reason.
#[test]
fn what_is_not_as_expected_is_told() {
    let config = file(
        "wrong.cfg",
        "loadmodule \"sl.so\"\nloadmodule \"xlog.so\"\nrequest_route { $var(x) = 7; xlog(\"seen\\n\"); sl_send_reply(\"404\", \"No\"); }",
    );
    let rows = [
        ("expect = [\"SIP/2.0 200 OK\"]", "step 1: expected \"SIP/2.0 200 OK\", got:\n    SIP/2.0 404 No"),
        ("expect = []", "a message came out that was not expected"),
        ("expect = [\"SIP/2.0 404 *\", \"SIP/2.0 500 *\"]", "nothing came out where \"SIP/2.0 500 *\""),
        ("expect = [{ line = \"*\", headers = { X = \"1\" } }]", "there is no header field X"),
        (
            "expect = [{ line = \"*\", headers = { CSeq = \"2 *\" } }]",
            "CSeq is \"1 OPTIONS\", expected \"2 *\"",
        ),
        ("expect = [{ line = \"*\", absent = [\"To\"] }]", "there is a header field To"),
        (
            "expect = [{ line = \"*\", to = \"192.0.2.9:1\" }]",
            "went to udp:127.0.0.1:5070, not to 192.0.2.9:1",
        ),
        ("log = [\"other\"]", "\"other\" was not logged; logged was:\n    seen"),
        ("no_log = [\"se*\"]", "\"seen\" was logged"),
        ("variables = { \"$var(x)\" = \"8\" }", "$var(x) is \"7\", expected \"8\""),
        ("variables = { \"$nonsense\" = \"8\" }", "variable $nonsense: "),
        ("wait = \"5s\"", "a step has one of send, answer and wait"),
        ("from = \"here\"", "here: expected [proto:]address:port"),
    ];
    for (line, expected) in rows {
        let text = format!("[[test]]\nname = \"t\"\n[[test.step]]\nsend = \"OPTIONS sip:a@b\"\n{line}\n");
        let tests = file("wrong.toml", &text);
        let outcome =
            run(&command(&[&config.display().to_string(), &tests.display().to_string()]), || Duration::ZERO)
                .expect(line);
        let told = outcome.text.replace("\n        ", "\n");
        assert!(!outcome.is_good && told.contains(expected), "{line}: {told}");
    }
}

#[test]
fn files_that_cannot_be_used_say_why() {
    let bad_tests = file("bad.toml", "[[test]]\nname = \"t\"\nsteps = []\n");
    let bad_config = file("bad.cfg", "request_route { nonsense(); }");
    for (config, tests, expected) in [
        (example("first.cfg"), bad_tests.display().to_string(), "unknown field `steps`"),
        (bad_config.display().to_string(), example("first.toml"), "unknown function nonsense()"),
        (example("none.cfg"), example("first.toml"), "cannot read"),
    ] {
        let why = run(&command(&[&config, &tests]), || Duration::ZERO).expect_err(expected);
        assert!(why.contains(expected), "{why}");
    }
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(Command::read(&words("a.cfg")).expect_err("no tests").starts_with("Usage: "));
    assert!(Command::read(&words("--nonsense")).expect_err("unknown").starts_with("unknown option"));
}
