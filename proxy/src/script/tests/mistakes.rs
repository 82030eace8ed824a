//! Mistakes found while loading, with their places and hints.

use crate::trial::compile;

#[test]
fn every_mistake_has_a_place_and_a_hint() {
    let rows = [
        ("loadmodule \"xlogg.so\"", "1:12: error: there is no module xlogg here, did you mean xlog?"),
        (
            "modparam(\"xlog\", \"prefix\", \"x\")",
            "1:10: error: modparam for xlog, which is not loaded above this line, put loadmodule \"xlog.so\" above it",
        ),
        (
            "loadmodule \"xlog.so\"\nmodparam(\"xlog\", \"prefx\", \"x\")",
            "2:18: error: module xlog has no parameter prefx, did you mean prefix?",
        ),
        (
            "loadmodule \"xlog.so\"\nmodparam(\"xlog\", \"prefix\", 5)",
            "2:28: error: prefix of module xlog is a text, put it into quotes",
        ),
        (
            "request_route { xlog(\"x\"); }",
            "1:17: error: unknown function xlog(), it needs loadmodule \"xlog.so\"",
        ),
        ("request_route { setflagg(1); }", "1:17: error: unknown function setflagg(), did you mean setflag?"),
        (
            "request_route { append_branch(\"a\", \"b\", \"c\"); }",
            "1:17: error: append_branch() takes 0 or 1 or 2 arguments, not 3",
        ),
        ("request_route { route(A); }\nroute[B] { exit; }", "1:23: error: there is no route[A]"),
        ("request_route { $si = \"x\"; }", "1:17: error: $si cannot be assigned"),
        ("request_route { $var(x) = $rUU2; }", "1:27: error: unknown variable $rUU2"),
        ("request_route { $var(x) = $foo; }", "1:27: error: unknown variable $foo"),
        (
            "request_route { $var(x) = $(ru{s.lenn}); }",
            "1:32: error: unknown transformation {s.lenn}, did you mean {s.len}?",
        ),
        ("request_route { if ($ru =~ \"a(\") exit; }", "1:28: error: not a regular expression: unmatched ("),
        ("request_route { $var(x) = $nosuch2(foo); }", "1:27: error: unknown variable $nosuch2"),
        ("request_route { $var(x) = $TV(foo); }", "1:31: error: $TV(foo): expected one of s u sn un Sn"),
        (
            "loadmodule \"tm.so\"\nbranch_route[X] { t_relay(); }",
            "2:19: error: t_relay() cannot be used in branch_route",
        ),
    ];
    for (text, expected) in rows {
        let (script, findings) = compile(text);
        assert!(script.is_none(), "{text}");
        let written: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(
            written.iter().any(|line| line.starts_with(&format!("test.cfg:{expected}"))),
            "{text}: {written:#?}"
        );
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let (_, findings) = compile("request_route {\n foo();\n $si = 1;\n route(X);\n}");
    let lines: Vec<u32> = findings.iter().map(|finding| finding.place.line).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[test]
fn event_routes_nobody_runs_are_warned_about() {
    let (script, findings) = compile("request_route { exit; }\nevent_route[tm:foo] { exit; }");
    assert!(script.is_some());
    assert!(findings[0].message.contains("is never run"), "{findings:?}");
}

/// Files of Kamailio 3 name modules that have another name today, or do nothing any more.
#[test]
fn modules_of_kamailio_3_load_with_a_warning() {
    let text = "loadmodule \"mysql.so\"\nloadmodule \"modules_k/uri.so\"\nloadmodule \"mi_fifo\"\n\
                modparam(\"mi_fifo\", \"fifo_name\", \"/tmp/x\")\nloadmodule \"xmlrpc.so\"\n\
                request_route { if (has_totag()) exit; }";
    let (script, findings) = compile(text);
    assert!(script.is_some());
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["C108", "C108", "C107", "C107"]);
}
