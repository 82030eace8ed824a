//! Return codes, blocks, switch, while, recursion, and where a run ends.

use super::{lines, run};
use crate::api::{End, EndedBy};

#[test]
fn only_functions_and_routes_set_rc() {
    let body = "is_method(\"INVITE\"); setflag(1); $var(x) = 5; xlog(\"$rc\"); xlog(\"$rc\");";
    assert_eq!(lines(body), ["-1", "1"]);
}

#[test]
fn a_block_is_worth_its_last_action() {
    // The body of a route, and $rc after calling it.
    let rows = [
        ("is_method(\"INVITE\");", -1),
        ("is_method(\"INVITE\"); $var(x) = 1;", 1),
        ("is_method(\"INVITE\"); setflag(1);", 1),
        ("return;", 1),
        ("return();", 1),
        ("return 5;", 5),
        ("return -5;", -5),
        ("$var(t) = \"12\"; return $var(t);", 12),
        ("if (is_method(\"INVITE\")) $var(x) = 1;", 1),
        ("if (1 == 1) is_method(\"INVITE\");", -1),
        ("$var(i) = 0; while ($var(i) < 2) { $var(i) = $var(i) + 1; is_method(\"INVITE\"); }", -1),
        ("while (0 > 1) { is_method(\"INVITE\"); }", 1),
        ("is_method(\"INVITE\"); while (1 > 0) { break; }", 0),
        ("switch ($rm) { case \"OPTIONS\": is_method(\"INVITE\"); }", -1),
        ("switch ($rm) { case \"OPTIONS\": break; }", 0),
        ("switch ($rm) { case \"BYE\": is_method(\"INVITE\"); }", 1),
        ("$ru = $null;", -1),
        ("break;", 0),
        ("return is_method(\"OPTIONS\");", 1),
        ("return route(SEVEN);", 1),
        ("if (1 == 1) { while (1 == 1) { switch ($rm) { default: return 9; } } }", 9),
    ];
    for (body, expected) in rows {
        let outcome = run(&format!(
            "request_route {{ $var(v) = route(A); xlog(\"$rc $var(v)\"); }}
             route[A] {{ {body} }}
             route[SEVEN] {{ return 7; }}"
        ));
        let last = outcome.lines.last().cloned().unwrap_or_default();
        assert_eq!(last, format!("{expected} {expected}"), "{body}");
    }
}

#[test]
fn zero_ends_the_script_from_any_depth() {
    let rows = [
        ("return 0;", EndedBy::Zero, 0),
        ("return is_method(\"INVITE\");", EndedBy::Zero, 0),
        ("return $null;", EndedBy::Zero, 0),
        ("return $rm == \"INVITE\";", EndedBy::Zero, 0),
        ("exit;", EndedBy::Exit, 1),
        ("exit 4;", EndedBy::Exit, 4),
        ("drop;", EndedBy::Drop, 0),
        ("$var(x) = { return 0; };", EndedBy::Zero, 0),
    ];
    for (body, by, code) in rows {
        let outcome = run(&format!(
            "request_route {{ route(A); xlog(\"never\"); }} route[A] {{ route(B); }} route[B] {{ {body} }}"
        ));
        assert_eq!((outcome.end, outcome.lines.len()), (End { code, by }, 0), "{body}");
    }
}

#[test]
fn switch_falls_through_and_default_may_stand_anywhere() {
    let rows = [
        ("1", "one two default "),
        ("2", "two default "),
        ("3", "three "),
        ("9", "default "),
        ("\"2\"", "two default "),
        ("1/$var(zero)", "default "),
    ];
    for (value, expected) in rows {
        let body = format!(
            "$var(t) = \"\"; $var(zero) = 0;
            switch ({value}) {{
                case 3: $var(t) = $var(t) + \"three \"; break;
                case 1: $var(t) = $var(t) + \"one \";
                case 1+1: $var(t) = $var(t) + \"two \";
                default: $var(t) = $var(t) + \"default \";
            }}
            xlog(\"$var(t)\");"
        );
        assert_eq!(lines(&body).last().expect("a line"), expected, "{value}");
    }
}

#[test]
fn labels_of_texts_and_patterns_match_case() {
    let rows = [("x5", "def"), ("X5", "re"), ("abc", "abc"), ("ABC", "def")];
    for (value, expected) in rows {
        let body = format!(
            "switch (\"{value}\") {{ case \"abc\": xlog(\"abc\"); break; case /\"^X\": xlog(\"re\"); break;
             default: xlog(\"def\"); }}"
        );
        assert_eq!(lines(&body), [expected], "{value}");
    }
}

#[test]
fn loops_stop_after_the_limit_and_the_script_goes_on() {
    let outcome = lines("$var(i) = -1; while ($var(i)) { $var(n) = $var(n) + 1; } xlog(\"$var(n)\");");
    assert_eq!(outcome, ["test.cfg:5: runaway while (line 5): more then 100 loops", "100"]);
    let body = "$var(i) = 0; while ($var(i) < 3) { $var(i) = $var(i) + 1; if ($var(i) == 2) break; }
        xlog(\"$var(i)\"); while (is_method(\"INVITE\")) { xlog(\"never\"); }";
    assert_eq!(lines(body), ["2"]);
}

#[test]
fn limits_are_global_parameters() {
    let outcome = run("max_while_loops = 3
        request_route { while (1 > 0) { $var(n) = $var(n) + 1; } xlog(\"$var(n)\"); }");
    assert_eq!(outcome.lines.last().map(String::as_str), Some("3"));
}

#[test]
fn a_route_that_calls_itself_stops_at_the_limit() {
    let outcome = run(
        "request_route { route(A); xlog(\"$var(depth) $rc\"); } route[A] { $var(depth) = $var(depth) + 1; route(A); }",
    );
    assert_eq!(outcome.lines.len(), 2);
    assert!(outcome.lines[0].ends_with("too many recursive routing table lookups"), "{:?}", outcome.lines);
    assert_eq!(outcome.lines[1], "255 -1");
}

#[test]
fn routes_are_found_by_name_at_run_time() {
    let outcome = run("request_route {
            $var(x) = \"1\"; route($var(x)); route(\"R_\" + $rm); route(1);
            $var(x) = \"none\"; is_method(\"INVITE\"); if (route($var(x))) xlog(\"never\"); xlog(\"rc $rc\");
        }
        route[1] { xlog(\"one\"); }
        route[R_OPTIONS] { xlog(\"options\"); }");
    assert_eq!(outcome.lines, ["one", "options", "one", "test.cfg:7: route \"none\" not found", "rc -1"]);
}

#[test]
fn the_check_of_the_language_in_one_script() {
    let outcome = run("request_route {
        $avp(a) = 1; $avp(a) = \"two\";
        xlog(\"$(avp(a)[*])\\n\");
        $var(s) = \"3\" + 4; xlog(\"$var(s)\\n\");
        if ($avp(none) == 0 && $avp(none) == \"\") xlog(\"undef ok\\n\");
        switch (\"x5\") { case /\"^X\": xlog(\"re\\n\"); break; default: xlog(\"def\\n\"); }
        route(A); xlog(\"rc $rc\\n\");
        route(B); xlog(\"never\\n\");
    }
    route[A] { is_method(\"INVITE\"); }
    route[B] { return 0; }");
    assert_eq!(outcome.lines, ["two, 1", "34", "undef ok", "def", "rc -1"]);
}

#[test]
fn variables_of_the_worker_keep_their_values() {
    let text = "loadmodule \"xlog.so\"\nrequest_route { $var(n) = $var(n) + 1; xlog(\"$var(n)\"); }";
    let mut trial = crate::trial::Trial::load(text).expect("the test's configuration is right");
    assert_eq!(trial.run(crate::trial::OPTIONS).lines, ["1"]);
    assert_eq!(trial.run(crate::trial::OPTIONS).lines, ["2"]);
}

/// Kamailio 5.6.3 (measured): mode 0 evaluates it before the route, mode 1 around each action.
#[test]
fn log_lines_carry_the_prefix_of_their_message() {
    for (mode, expected) in [(0, ["{1 <null>} one", "{1 <null>} two"]), (1, ["{1 a} one", "{1 b} two"])] {
        let text = format!(
            "log_prefix=\"{{$mt $avp(x)}} \"\nlog_prefix_mode={mode}\nloadmodule \"xlog.so\"\n\
             request_route {{ $avp(x) = \"a\"; xlog(\"one\\n\"); $avp(x) = \"b\"; xlog(\"two\\n\"); }}"
        );
        let mut trial = crate::trial::Trial::load(&text).expect("the test's configuration is right");
        let lines = trial.run(crate::trial::OPTIONS).lines;
        let lines: Vec<String> = lines.iter().map(|line| line.replace("<script>: ", "")).collect();
        assert_eq!(lines, expected, "mode {mode}");
        assert!(trial.shard.log.prefix.is_empty());
    }
}
