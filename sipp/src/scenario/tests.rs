//! Scenarios that load, and what broken ones are told.

use super::{Context, Op, builtin, load};
use crate::infile::Infiles;

fn findings(text: &str) -> Vec<String> {
    let infiles = Infiles::default();
    let list = match load("t.xml", text.as_bytes(), Context { keys: &[], infiles: &infiles }) {
        Ok(loaded) => loaded.warnings,
        Err(list) => list,
    };
    list.iter().map(ToString::to_string).collect()
}

#[test]
fn every_builtin_loads_without_a_warning() {
    for builtin in builtin::TABLE {
        assert_eq!(findings(builtin.text), Vec::<String>::new(), "{}", builtin.name);
    }
}

#[test]
fn uac_has_the_steps_of_the_original() {
    let infiles = Infiles::default();
    let text = builtin::text("uac").expect("built in");
    let loaded = load("uac", text.as_bytes(), Context { keys: &[], infiles: &infiles }).expect("correct");
    let labels: Vec<_> = loaded.program.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(labels, ["INVITE", "100", "180", "183", "200", "ACK", "Pause", "BYE", "200"]);
    assert!(matches!(&loaded.program.steps[0].op, Op::Send(send) if send.retrans.is_some()));
    assert_eq!(loaded.program.timers[0].borders, [10, 20, 30, 40, 50, 100, 150, 200]);
}

#[test]
fn all_mistakes_are_reported_at_once_with_place_and_near_name() {
    let text = "<?xml version=\"1.0\"?>\n<scenario>\n<sedn/>\n  <send>\n<![CDATA[\n  INVITE sip:x SIP/2.0\n  \
        Via: [remot_ip]\n]]></send>\n<recv response=\"200\" next=\"9\"/>\n</scenario>\n";
    assert_eq!(
        findings(text),
        [
            "t.xml:3:1: error: Unknown element 'sedn' in xml scenario file, did you mean send?",
            "t.xml:7:8: error: Unsupported keyword 'remot_ip' in xml scenario file, did you mean remote_ip?",
            "t.xml:9:28: error: The label '9' was not defined (next attribute)",
        ]
    );
}
