//! The module through scripts.

use std::time::Duration;

use crate::api::IoAnswer;
use crate::trial::{OPTIONS, Trial};

fn trial(definition: &str, body: &str) -> Trial {
    let text = format!(
        "loadmodule \"htable.so\"\nloadmodule \"xlog.so\"\n\
         modparam(\"htable\", \"htable\", \"{definition}\")\nrequest_route {{ {body} }}"
    );
    Trial::load(&text).expect("the test's configuration is right")
}

#[test]
fn a_ban_holds_until_it_expires() {
    let body = "if ($sht(ipban=>$si) != $null) { xlog(\"banned\\n\"); exit; } \
                xlog(\"free\\n\"); $sht(ipban=>$si) = 1;";
    let mut trial = trial("ipban=>size=8;autoexpire=300;", body);
    assert_eq!(trial.run(OPTIONS).lines, ["free"]);
    assert_eq!(trial.run(OPTIONS).lines, ["banned"]);
    trial.shard.now += Duration::from_secs(301);
    assert_eq!(trial.run(OPTIONS).lines, ["free"]);
}

#[test]
fn patterns_count_names_and_values() {
    // Measured on Kamailio 5.6.3.
    let body = "$sht(a=>k1) = \"v1\"; $sht(a=>k2) = 4; $sht(a=>k3) = \"3\"; $sht(a=>init) = \"boot\"; \
        xlog(\"$shtcn(a=>~~^k) $shtcn(a=>**) $shtcn(a=>==k1) $shtcn(a=>%~k) $shtcn(a=>~%3)\\n\"); \
        xlog(\"$shtcv(a=>==v1) $shtcv(a=>eq4) $shtcv(a=>**)\\n\"); \
        sht_rm(\"a\", \"k1\"); xlog(\"[$sht(a=>k1)] $shtinc(a=>k2) $shtdec(a=>k2) [$shtinc(a=>none)]\\n\"); \
        if (sht_match_name(\"a\", \"sw\", \"in\")) xlog(\"has\\n\"); \
        sht_rm_name_re(\"a=>^k\"); xlog(\"$shtcn(a=>**)\\n\"); sht_reset(\"a\"); xlog(\"$shtcn(a=>**)\\n\");";
    let mut trial = trial("a=>size=4", body);
    assert_eq!(trial.run(OPTIONS).lines, ["3 4 1 3 1", "1 1 4", "[<null>] 5 4 [<null>]", "has", "1", "0"]);
}

#[test]
fn a_table_that_is_not_defined_is_an_error() {
    let text = "loadmodule \"htable.so\"\nrequest_route { $sht(b=>x) = 1; }";
    let findings = Trial::load(text).expect_err("there is no table b");
    assert!(
        findings.iter().any(|finding| finding.message.contains("table b is not defined")),
        "{findings:?}"
    );
}

#[test]
fn a_run_that_cannot_be_made_to_wait_goes_on_without_the_lock() {
    let mut trial =
        trial("a=>size=4", "if (sht_lock(\"a=>x\")) xlog(\"mine\\n\"); else xlog(\"not mine\\n\");");
    assert_eq!(trial.run(OPTIONS).lines, ["mine"]);
    trial.shard.number = 1;
    trial.outside = |_| IoAnswer::Failed("too many wait".to_owned());
    let lines = trial.run(OPTIONS).lines;
    assert!(lines[0].contains("sht_lock: too many wait") && lines[1] == "not mine", "{lines:?}");
}
