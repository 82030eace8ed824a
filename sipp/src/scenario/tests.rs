//! Scenarios that load, and what broken ones are told.

use super::{Context, Op, builtin, load};
use crate::infile::Infiles;

fn findings(text: &str) -> Vec<String> {
    let infiles = Infiles::default();
    let list = match load("t.xml", text.as_bytes(), Context { keys: &[], infiles: &infiles, stream_type: 8 })
    {
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
    let loaded = load("uac", text.as_bytes(), Context { keys: &[], infiles: &infiles, stream_type: 8 })
        .expect("correct");
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

/// What SIPp's own readers accept: text before the declaration, raw `<`, `>` and `&` and `\"` in attributes, bytes
/// of any encoding, no `</scenario>`.
#[test]
fn lenient_xml_is_read() {
    let log = |written: &str| {
        let text = format!("\n<!-- c --><scenario><nop><action><log message={written}/></action></nop>");
        findings(&text)
    };
    for written in [r#""a \"b\" c""#, r#""1 < 2 > 0 & x""#, "'single \"quoted\"'", r#""&#65;&amp;&lt;""#] {
        assert_eq!(log(written), Vec::<String>::new(), "{written}");
    }
    let infiles = Infiles::default();
    let latin = b"<scenario name=\"\xE9\"><nop display=\"\xE9\"/></scenario>";
    assert!(load("t.xml", latin, Context { keys: &[], infiles: &infiles, stream_type: 8 }).is_ok());
}

#[test]
fn mistakes_name_their_place() {
    let rows = [
        ("<scenario><nop></scenario>", "Invalid XML in scenario near line 1"),
        ("<other/>", "1:1: error: Invalid root element 'other', expected <scenario>"),
        ("<scenario/>", "Did not find any messages inside of scenario!"),
        ("<scenario><send/></scenario>", "1:11: error: No CDATA in <send>"),
        ("<scenario><recv/></scenario>", "1:11: error: <recv> needs request or response"),
        (
            "<scenario><recv response=\"2x\"/></scenario>",
            "1:27: error: response=\"2x\" is not valid, expected a status code",
        ),
        ("<scenario><nop chance=\"2\" next=\"a\"/><label id=\"a\"/></scenario>", "chance=\"2\" is not valid"),
        ("<scenario><nop condexec=\"x\"/></scenario>", "Variable $x is referenced 1 times!"),
        ("<scenario><nop start_rtd=\"1\"/></scenario>", "never stopped it!"),
        (
            "<scenario><recv request=\"A\" optional=\"true\"/><nop/></scenario>",
            "Please remove one 'optional=true' (element 2).",
        ),
        ("<scenario><timewait/><nop/></scenario>", "<timewait> must be the last message"),
        ("<scenario><nop/><label id=\"a\"/><label id=\"a\"/></scenario>", "The label 'a' is defined twice"),
        (
            "<scenario><nop optoinal=\"true\" hdie=\"true\"/></scenario>",
            "1:32: warning: <nop> has no attribute hdie; it is ignored, did you mean hide?",
        ),
        (
            "<scenario><nop><action><erg/></action></nop></scenario>",
            "Unknown action: erg, did you mean ereg?",
        ),
        (
            "<scenario><nop><action><ereg regexp=\"(\" assign_to=\"_\"/></action></nop></scenario>",
            "'(' is no regular expression",
        ),
        (
            "<scenario><nop><action><log message=\"[fild0\"/></action></nop></scenario>",
            "Syntax error or invalid [keyword]",
        ),
        ("<scenario><pause distribution=\"nromal\"/></scenario>", "did you mean normal?"),
        (
            "<scenario><nop><action><log message=\"[field0]\"/></action></nop></scenario>",
            "[field] needs an injection file (-inf)",
        ),
    ];
    for (text, expected) in rows {
        let found = findings(text);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{text}: {found:#?}");
    }
}

#[test]
fn a_scenario_cut_anywhere_is_no_panic() {
    let text = builtin::text("regexp").expect("built in");
    for end in (0..text.len()).step_by(7) {
        findings(&text[..end]);
    }
}
