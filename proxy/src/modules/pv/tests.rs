//! Tests of module pv: shared variables, questions, structures.

use crate::trial::{OPTIONS, Trial, compile};

fn lines(head: &str, body: &str) -> Vec<String> {
    let text =
        format!("loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\n{head}\nrequest_route {{\n{body}\n}}\n");
    let mut trial = Trial::load(&text).unwrap_or_else(|findings| panic!("{body}: {}", findings[0]));
    trial.run(OPTIONS).lines
}

#[test]
fn shared_variables_start_with_their_value_and_are_never_null() {
    let head = "modparam(\"pv\", \"shvset\", \"n=i:5\")\nmodparam(\"pv\", \"varset\", \"t=s:five\")";
    assert_eq!(lines(head, r#"xlog("$shv(n) $shv(none) $var(t)");"#), ["5 0 five"]);
    assert_eq!(
        lines(head, r#"$shv(n) = $shv(n) + 1; xlog("$shv(n)"); $shv(n) = $null; xlog("$shv(n)");"#),
        ["6", "0"]
    );
}

#[test]
fn a_bad_first_value_stops_the_start() {
    let (script, findings) =
        compile("loadmodule \"pv.so\"\nmodparam(\"pv\", \"shvset\", \"n=5\")\nrequest_route { exit; }");
    assert!(script.is_none());
    assert!(findings[0].message.contains("expected name=s:text or name=i:number"), "{}", findings[0]);
}

#[test]
fn questions_about_values() {
    let rows = [
        ("pv_isset(\"$avp(a)\")", -1),
        ("$avp(a) = 1; pv_isset(\"$avp(a)\")", 1),
        ("$avp(a) = 1; pv_unset(\"$avp(a)\"); pv_isset(\"$avp(a)\")", -1),
        ("is_int(\"$var(x)\")", 1),
        ("is_int(\"$rU\")", -1),
        ("typeof(\"$rU\", \"str\")", 1),
        ("typeof(\"$avp(a)\", \"null\")", 1),
        ("not_empty(\"$var(x)\")", -1),
        ("not_empty(\"$rU\")", 1),
        ("xavp_rm(\"r\")", 1),
    ];
    for (body, expected) in rows {
        assert_eq!(lines("", &format!("{body}; xlog(\"$rc\");")), [expected.to_string()], "{body}");
    }
}

#[test]
fn lists_become_fields_and_back() {
    let body = r#"xavp_params_explode("a=1;b=\"two\"", "r"); xlog("$xavp(r=>a) $xavp(r=>b)");
        xavp_child_seti("r", "a", "7"); xavp_params_implode("r", "$var(x)"); xlog("$var(x)");
        xavp_child_rm("r", "a"); xlog("$xavp(r=>a)");"#;
    assert_eq!(lines("", body), ["1 two", "a=7;b=two;", "<null>"]);
}
