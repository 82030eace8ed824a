//! What the program does without traffic, through its command line: `-check` and `-dry-run`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use sipp::engine::{Console, Terminal};
use sipp::{Exit, Plan};

/// Collects what is printed.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no writer panics")).into_owned()
    }
}

/// Exit code, standard output and standard error of a command line that starts no run.
fn say(line: &str) -> (Exit, String, String) {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let (out, err) = (Paper::default(), Paper::default());
    let mut console =
        Console { out: Box::new(out.clone()), err: Box::new(err.clone()), terminal: Terminal::Headless };
    match sipp::plan(&words, &mut console) {
        Plan::Told(exit, _) | Plan::Done(exit) => (exit, out.text(), err.text()),
        Plan::Run(_) => panic!("{line} starts a run"),
    }
}

/// A file of this test.
fn file(name: &str, text: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("sipp-tools-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a temporary file");
    path
}

#[test]
fn a_check_names_all_mistakes_with_their_lines() {
    let path =
        file("broken.xml", "<scenario>\n<sedn/>\n<recv request=\"INVITE\" next=\"9\"/>\n</scenario>\n");
    let shown = path.display();
    let (exit, out, _) = say(&format!("--check {shown}"));
    assert_eq!(exit, Exit::Failed);
    let expected =
        format!("{shown}:2:1: error: Unknown element 'sedn' in xml scenario file, did you mean send?");
    assert!(out.starts_with(&expected) && out.contains("[S008]\n"), "{out}");
    assert!(out.contains(&format!("{shown}:3:30: error: The label '9' was not defined")), "{out}");
    let (_, json, _) = say(&format!("-check {shown} -format json"));
    assert!(json.contains("\"code\": \"S016\"") && json.contains("\"line\": 3"), "{json}");
    let (_, sarif, _) = say(&format!("-check {shown} -format sarif"));
    assert!(sarif.contains("\"version\": \"2.1.0\"") && sarif.contains("\"ruleId\": \"S008\""), "{sarif}");
}

#[test]
fn a_check_of_a_good_scenario_succeeds() {
    let path = file("good.xml", "<scenario><recv request=\"INVITE\"/></scenario>");
    let (exit, out, _) = say(&format!("-check {}", path.display()));
    assert_eq!((exit, out), (Exit::Success, format!("{}: nothing found\n", path.display())));
    let (exit, out, _) = say("-check /nowhere/x.xml");
    assert_eq!((exit, out.as_str()), (Exit::Failed, ""));
}

#[test]
fn a_check_reads_injection_files_too() {
    let scenario =
        file("field.xml", "<scenario><nop><action><log message=\"[field0]\"/></action></nop></scenario>");
    let good = file("good.csv", "SEQUENTIAL\na;b\n");
    let bad = file("bad.csv", "a;b\n");
    let line = |csv: &PathBuf| format!("-check {} -inf {}", scenario.display(), csv.display());
    assert_eq!(say(&line(&good)).0, Exit::Success);
    let (exit, out, _) = say(&line(&bad));
    let expected = format!("{}:1:1: error: Unknown file type", bad.display());
    assert!(exit == Exit::Failed && out.contains(&expected), "{out}");
}

#[test]
fn a_dry_run_prints_a_ladder_and_says_how_calls_ended() {
    let (exit, out, err) = say("-dry-run uac -against uas -loss 5% -seed 7 -m 3");
    assert_eq!((exit, err.as_str()), (Exit::Success, ""));
    assert_eq!(out.matches("uac: call succeeded").count(), 3, "{out}");
    assert_eq!(say("-dry-run uac -against uas -loss 5% -seed 7 -m 3").1, out, "equal seeds, equal ladders");
    let (exit, out, _) = say("-dry-run uac -loss 100%");
    assert_eq!(exit, Exit::Failed);
    let last = "   31.500  = uac: call failed at message 1 (FailedMaxUDPRetrans) after 31.500 s";
    assert!(out.contains(last), "{out}");
    let (exit, _, err) = say("-dry-run uas -against uas");
    assert!(exit == Exit::Failed && err.contains("needs one scenario that opens calls"), "{err}");
}
