//! Tests of xlog: levels, prefixes, nulls.

use crate::trial::{OPTIONS, Trial, compile};

fn lines(body: &str) -> Vec<String> {
    let text = format!("loadmodule \"xlog.so\"\nrequest_route {{\n{body}\n}}\n");
    let mut trial = Trial::load(&text).expect("the test's configuration is right");
    trial.run(OPTIONS).lines
}

#[test]
fn levels_decide_what_is_written() {
    // debug is 0 (WARN) by default.
    assert_eq!(lines(r#"xlog("one\n"); xinfo("two"); xlog("L_WARN", "three");"#), ["one", "three"]);
    assert_eq!(
        lines(r#"$var(l) = -1; xlog("$var(l)", "four"); $var(l) = 4; xlog("$var(l)", "no");"#),
        ["four"]
    );
}

#[test]
fn variables_are_replaced_and_null_is_shown() {
    assert_eq!(
        lines(r#"xlog("$rm from $fU $hdr(X-None) $(hdr(X-None){s.len}) $$5");"#),
        ["OPTIONS from alice <null>  $5"]
    );
}

#[test]
fn xlogl_shows_the_line() {
    assert_eq!(lines("xlogl(\"here\");"), ["3:here"]);
}

#[test]
fn a_bad_level_is_an_error_while_loading() {
    let (script, findings) = compile("loadmodule \"xlog.so\"\nrequest_route { xlog(\"L_FOO\", \"x\"); }");
    assert!(script.is_none());
    assert!(
        findings[0].to_string().starts_with("test.cfg:2:22: error: a level is one of"),
        "{}",
        findings[0]
    );
}
