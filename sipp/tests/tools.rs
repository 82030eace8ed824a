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

/// What would have no effect, or would wait for ever, is refused by its name; what a program would do besides sending is
/// told in words.
#[test]
fn a_dry_run_refuses_what_it_cannot_play_and_tells_what_it_leaves() {
    let twin = say("-dry-run 3pcc-C-A -against 3pcc-A");
    assert!(
        twin.0 == Exit::Failed && twin.2.contains("passes commands to a twin, which -dry-run has not"),
        "{twin:?}"
    );
    for (option, name) in [("-rxsn uas", "-rxsf"), ("-oocsn ooc_default", "-oocsf"), ("-3pcc a:1", "-3pcc")] {
        let (exit, _, err) = say(&format!("-dry-run uac -against uas {option}"));
        assert!(
            exit == Exit::Failed && err.contains(&format!("{name} has no place in it")),
            "{option}: {err}"
        );
    }
    let message = "<send retrans=\"500\"><![CDATA[OPTIONS sip:a SIP/2.0\nv: x;branch=[branch]\nf: a;tag=1\nt: b\n\
                   i: [call_id]\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nX: [field0]\n]]></send>";
    let actions = "<nop><action><exec command=\"touch x\"/><exec play_dtmf=\"1#\"/><closecon/>\
                   <setdest host=\"192.0.2.9\" port=\"7\" protocol=\"udp\"/></action></nop>";
    let caller =
        file("caller.xml", &format!("<scenario>{actions}{message}<recv response=\"200\"/></scenario>"));
    let called =
        file("called.xml", "<scenario><recv request=\"OPTIONS\"/><recv request=\"BYE\"/></scenario>");
    let lines = file("lines.csv", "SEQUENTIAL\nfirst\n");
    let (caller, called, lines) = (caller.display(), called.display(), lines.display());
    let (exit, out, _) = say(&format!("-dry-run {caller} -against {called} -inf {lines} -max_retrans 2"));
    assert_eq!(exit, Exit::Failed);
    for text in [
        "* caller: would run: touch x",
        "* caller: would play the digits 1#",
        "* caller: would close its connection",
        "* caller: would send on to 192.0.2.9:7 over UDP; here it reaches the other end",
        "! called: 1 call is open, and nothing more can happen",
    ] {
        assert!(out.contains(text), "no {text:?} in\n{out}");
    }
}
