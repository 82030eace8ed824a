//! Warnings about what cannot be meant, and silence about what can.

use crate::trial::compile;

const MODULES: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"siputils.so\"\nloadmodule \"textops.so\"\nloadmodule \"tm.so\"\nloadmodule \"auth.so\"\nloadmodule \"auth_db.so\" loadmodule \"db_sqlite.so\" modparam(\"auth_db\", \"db_url\", \"sqlite:///tmp/none.db\")\n";

/// What is found in a text behind the lines that load modules.
fn findings(text: &str) -> Vec<String> {
    let (script, findings) = compile(&format!("{MODULES}{text}"));
    assert!(script.is_some(), "{text}: {findings:?}");
    findings.iter().map(|finding| format!("{} {finding}", finding.code)).collect()
}

#[test]
fn what_cannot_be_meant_is_warned_about() {
    // The body of a request route, which begins at column 17 of line 8; code, column and words of the finding.
    let rows = [
        (
            "if ($rm == \"INVITTE\") exit;",
            "C130",
            21,
            "never holds: there is no method INVITTE, did you mean INVITE?",
        ),
        (
            "if ($rm == \"invite\") exit;",
            "C130",
            21,
            "never holds: $rm is compared letter by letter, write \"INVITE\"",
        ),
        (
            "if (method == \"INVITE|BYE\") exit;",
            "C130",
            21,
            "is not a method, is_method(\"INVITE|BYE\") looks for several",
        ),
        ("if (method != INVTE) exit;", "C130", 21, "always holds: there is no method INVTE"),
        ("if ($proto == \"UDP\") exit;", "C130", 21, "written in small letters, write \"udp\""),
        (
            "if (proto == \"udp\") exit;",
            "C130",
            21,
            "the right side is not a number, write UDP without quotes",
        ),
        ("if (src_port == \"5060\") exit;", "C130", 21, "the right side is not a number"),
        ("if ($si == \"10.0.0.0/8\") exit;", "C130", 21, "$si is an address"),
        ("if ($sp == 70000) exit;", "C130", 21, "$sp is a port"),
        ("if ($rs == 99) exit;", "C130", 21, "$rs is a status code"),
        ("if (is_method(\"ACK\") == -1) exit;", "C130", 21, "a call inside an expression counts as 1 or 0"),
        ("if (is_method(\"ACK\") < 0) exit;", "C130", 21, "and test $rc"),
        (
            "if ($rU == \"a\" && $ru == \"s\" && $rU == \"b\") exit;",
            "C130",
            49,
            "$rU cannot be both a and b, || was meant",
        ),
        (
            "if ($rU != \"a\" || $rU != \"b\") exit;",
            "C130",
            35,
            "always holds: $rU cannot be both a and b, && was meant",
        ),
        ("if (method == INVITE && method == ACK) exit;", "C130", 41, "never holds: method cannot be both"),
        ("$var(a) = 1; xlog(\"$var(b)\\n\");", "C131", 35, "$var(b) is read, but nothing sets it"),
        (
            "$avp(user) = 1; $var(x) = $avp(uesr); xlog(\"$var(x)\");",
            "C131",
            43,
            "nothing sets it, did you mean $avp(user)?",
        ),
        ("exit; xlog(\"x\");", "C035", 23, "this never runs: exit stands before it"),
        ("if ($rU == \"a\") { drop; $var(x) = 1; }", "C035", 41, "this never runs: drop stands before it"),
        (
            "switch ($rU) { case \"a\": break; $var(x) = 1; }",
            "C035",
            49,
            "this never runs: break stands before it",
        ),
    ];
    for (body, code, column, words) in rows {
        let found = findings(&format!("request_route {{ {body} }}"));
        let start = format!("{code} test.cfg:8:{column}: warning: ");
        assert!(
            found.len() == 1 && found[0].starts_with(&start) && found[0].contains(words),
            "{body}: {found:#?}"
        );
    }
}

#[test]
fn a_status_in_a_failure_route_is_the_uri() {
    let found =
        findings("request_route { t_on_failure(\"F\"); }\nfailure_route[F] { if (status == \"486\") exit; }");
    assert!(found[0].contains("status its URI, t_check_status(\"486\") looks at the reply"), "{found:?}");
    assert!(
        findings("request_route { exit; }\nonreply_route[R] { if (status == \"486\") exit; }").is_empty()
    );
}

#[test]
fn what_can_be_meant_is_passed_over() {
    let rows = [
        "if (is_method(\"ACK\") == 1 || is_method(\"BYE\") > 0 || $rm == \"FOO\" || method == \"invite\") exit;",
        "if ($rs == 0 || $sp == 5060 || $si == \"::1\" || $proto == \"tcp\" || src_ip == \"10.0.0.0/8\") exit;",
        "if ($rU == \"a\" || $rU == \"b\" && $ru != \"c\") exit;",
        "if ($(rU{s.len}) == 1 && $(rU{s.len}) != 2) exit;",
        "$var(a) = 1; $var(b) = $var(a) + 1; xlog(\"$(var(b){s.len})\");",
        "$avp(s:x) = 1; xlog(\"$avp(x) $(avp(x)[1])\");",
        "$(avp(y)[0]) = 1; xlog(\"$avp(y)\");",
        "if ($var(c) = 1) xlog(\"$var(c)\");",
        "if (1 && $rU) { exit; } else { return; }",
        "drop; exit;",
        "exit;\n#!ifdef NONE\nexit;\n#!endif\n$var(x) = 1;",
        "switch ($rU) { case \"a\": exit; case \"b\": break; default: return; } exit;",
    ];
    for body in rows {
        let found: Vec<String> = findings(&format!("request_route {{ {body} }}"))
            .into_iter()
            .filter(|finding| !finding.contains("C027"))
            .collect();
        assert!(found.is_empty(), "{body}: {found:#?}");
    }
    // A parameter that names a variable may set it.
    let named = "modparam(\"auth_db\", \"load_credentials\", \"$avp(i)=id\")\nmodparam(\"pv\", \"varset\", \"v=i:1\")\n\
                 request_route { xlog(\"$avp(i) $var(v)\"); }";
    assert!(findings(named).is_empty(), "{:?}", findings(named));
}
