//! What the program does without traffic, through its command line: `-check` and `-dry-run`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sipp::{Exit, Plan};

use super::{console, file, words};

/// Exit code, standard output and standard error of a command line that starts no run.
fn say(line: &str) -> (Exit, String, String) {
    let (mut console, out, err) = console();
    match sipp::plan(&words(line), &mut console) {
        Plan::Told(exit, _) | Plan::Done(exit) => (exit, out.text(), err.text()),
        Plan::Run(_) => panic!("{line} starts a run"),
    }
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
    let report = |format| {
        let (exit, text, _) = say(&format!("-check {shown} -format {format}"));
        assert_eq!(exit, Exit::Failed);
        serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON")
    };
    let expected = serde_json::json!({ "findings": [
        {
            "severity": "error", "code": "S008", "source": shown.to_string(), "line": 2, "column": 1,
            "message": "Unknown element 'sedn' in xml scenario file", "hint": "did you mean send?",
        },
        {
            "severity": "error", "code": "S016", "source": shown.to_string(), "line": 3, "column": 30,
            "message": "The label '9' was not defined (next attribute)", "hint": null,
        },
    ]});
    assert_eq!(report("json"), expected);
    let sarif = report("sarif");
    let run = &sarif["runs"][0];
    for (result, (code, line)) in [("S008", 2), ("S016", 3)].into_iter().enumerate() {
        let result = &run["results"][result];
        let rule = result["ruleIndex"].as_u64().expect("a rule") as usize;
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], code);
        assert_eq!((&result["ruleId"], &result["level"]), (&code.into(), &"error".into()));
        assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], line);
    }
    assert_eq!(run["results"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_check_of_a_good_scenario_succeeds() {
    let path = file("good.xml", "<scenario><recv request=\"INVITE\"/></scenario>");
    let (exit, out, _) = say(&format!("-check {}", path.display()));
    assert_eq!((exit, out), (Exit::Success, format!("{}: nothing found\n", path.display())));
    let (exit, out, _) = say("-check /nowhere/x.xml");
    let expected = "/nowhere/x.xml:1:1: error: Unable to load or parse '/nowhere/x.xml' xml scenario file";
    assert!(exit == Exit::Failed && out.starts_with(expected) && out.contains("[S042]\n"), "{out}");
}

/// The option goes in front of any command line: its own scenario, that of `-sf`, or a built-in one is checked.
#[test]
fn a_check_needs_no_file_when_the_scenario_is_named() {
    let path = file("named.xml", "<scenario><recv request=\"INVITE\"/><nop tset=\"x\"/></scenario>");
    let shown = path.display();
    let warned =
        format!("{shown}:1:40: warning: <nop> has no attribute tset; it is ignored, did you mean test?");
    for line in [
        format!("--check {shown}"),
        format!("-sf {shown} --check"),
        format!("--check -sf {shown} 127.0.0.1:5060 -m 10"),
        format!("--check 127.0.0.1:5060 -sf {shown} -m 10"),
    ] {
        let (exit, out, err) = say(&line);
        assert_eq!((exit, err.as_str()), (Exit::Success, ""), "{line}");
        assert!(out.starts_with(&warned), "{line}: {out}");
    }
    assert_eq!(say("-sn uas --check").1, "uas: nothing found\n");
    for (line, name) in [("--check", "check"), ("-m 1 --dry-run -loss 5%", "dry-run")] {
        let (exit, _, err) = say(line);
        let told =
            format!("Missing argument for param '-{name}': a scenario file, unless -sf or -sn names one");
        assert!(exit == Exit::Failed && err.contains(&told), "{line}: {err}");
    }
    assert_eq!(say("-sn uac --dry-run").1, say("--dry-run uac").1);
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
    let short = file("short-line.csv", "SEQUENTIAL\na\n# b\n\n");
    let second =
        file("second.xml", "<scenario><nop><action><log message=\"[field1]\"/></action></nop></scenario>");
    let (exit, out, _) = say(&format!("-check {} -inf {}", second.display(), short.display()));
    let expected = "short-line.csv:2:1: warning: Field 1 not found in the file short-line.csv: its line 2 has 1 field, \
                    a call that takes the line and prints the field fails; an empty field is written with its ; \
                    [S119]\n    a\n    ^\n";
    assert_eq!((exit, out.as_str()), (Exit::Success, expected));
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

/// Half a minute of timers on the simulated clock is a matter of milliseconds.
#[test]
fn a_dry_run_does_not_wait() {
    let started = Instant::now();
    let (_, out, _) = say("-dry-run uac -loss 100% -m 10");
    assert_eq!(out.matches("after 31.500 s").count(), 10, "{out}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?} for 315 seconds of timers", started.elapsed());
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
