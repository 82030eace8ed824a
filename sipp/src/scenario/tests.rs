//! Scenarios that load, and what broken ones are told.

use super::{Context, Op, builtin, load};
use crate::infile::Infiles;

fn findings(text: &str) -> Vec<String> {
    let infiles = Infiles::default();
    let list = match load("t.xml", text.as_bytes(), Context::new(&[], &infiles)) {
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
    let loaded = load("uac", text.as_bytes(), Context::new(&[], &infiles)).expect("correct");
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
    assert!(load("t.xml", latin, Context::new(&[], &infiles)).is_ok());
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

fn advice(text: &str) -> Vec<String> {
    let infiles = Infiles::default();
    match load("t.xml", text.as_bytes(), Context::new(&[], &infiles)) {
        Ok(loaded) => loaded.advice.iter().map(|advice| format!("{} {advice}", advice.code)).collect(),
        Err(list) => panic!("{list:?}"),
    }
}

#[test]
fn built_in_scenarios_need_no_advice_but_for_their_originals_sake() {
    for builtin in builtin::TABLE {
        // branchc: no Max-Forwards in REGISTER and a second 200 nobody reaches, like the original.
        let expected = if builtin.name == "branchc" { vec!["S117", "S113"] } else { vec![] };
        let found = advice(builtin.text);
        let codes: Vec<&str> = found.iter().map(|advice| &advice[..4]).collect();
        assert_eq!(codes, expected, "{}: {found:#?}", builtin.name);
    }
}

#[test]
fn advice_names_what_is_probably_not_meant() {
    let rows = [
        (
            "<nop condexec=\"x\"/><nop condexec=\"x\"/>",
            "S110 t.xml:1:26: warning: Variable $x is never given",
        ),
        (
            "<nop><action><assign assign_to=\"x\" value=\"1\"/><assign assign_to=\"x\" value=\"2\"/></action></nop>",
            "S111 t.xml:1:43: warning: The value of variable $x is never read",
        ),
        ("<label id=\"a\"/><nop/>", "S112 t.xml:1:11: warning: Nothing jumps to the label 'a'"),
        (
            "<nop next=\"a\"/><nop/><label id=\"a\"/><nop/>",
            "S113 t.xml:1:26: warning: <nop> is never reached",
        ),
        ("<nop/><recv response=\"200\"/>", "S114 t.xml:1:17: warning: No request is sent before this recv"),
        ("<recv request=\"invite\"/>", "S114 t.xml:1:11: warning: Methods are case-sensitive"),
        ("<recv request=\"IN VITE\"/>", "S114 t.xml:1:11: warning: No request has the method 'IN VITE'"),
        ("<recv response=\"800\"/>", "S114 t.xml:1:11: warning: No response has the status 800"),
    ];
    for (messages, expected) in rows {
        let found = advice(&format!("<scenario>{messages}</scenario>"));
        assert!(found.iter().any(|advice| advice.starts_with(expected)), "{messages}: {found:#?}");
    }
    let quiet = [
        "<nop><action><jump value=\"2\"/></action></nop><nop/><nop/>",
        "<label id=\"_unexp.main\"/><nop/>",
        "<recv request=\"INVITE\" optional=\"true\" next=\"a\"/><recv request=\"BYE\"/><label id=\"a\"/><nop/>",
        "<nop><action><assign assign_to=\"x\" value=\"1\"/></action></nop><Reference variables=\"x\"/>",
    ];
    for messages in quiet {
        assert_eq!(advice(&format!("<scenario>{messages}</scenario>")), Vec::<String>::new(), "{messages}");
    }
}

/// RFC 3261 7 (the empty line), 20.14 (Content-Length), 8.1.1 and 8.2.6.2 (mandatory headers).
#[test]
fn advice_names_messages_that_cannot_be_valid() {
    const HEAD: &str =
        "OPTIONS sip:a SIP/2.0\n v: x\n f: x\n t: x\n i: x\n CSeq: 1 OPTIONS\n Max-Forwards: 70\n";
    let rows = [
        ("v=0\n", Some("S115 t.xml:8:1: warning: A header line without colon, is the empty line")),
        (" Content-Length: 0\n", None),
        (" l: 3\n", Some("S116 t.xml:8:2: warning: Content-Length is 3, but there is no body")),
        (" l: 0\n\n v=[pid]\n", Some("S116 t.xml:8:2: warning: Content-Length is 0, but there is a body")),
        (" l: 5\n\n v=0\n", None),
        (" l: 4\n\n v=0\n", Some("S116 t.xml:8:2: warning: Content-Length is 4, but the body has 5 bytes")),
        (" l: [len]\n\n v=0\n", None),
    ];
    for (rest, expected) in rows {
        let found = advice(&format!("<scenario><send><![CDATA[{HEAD}{rest}]]></send></scenario>"));
        match expected {
            Some(text) => assert!(found.len() == 1 && found[0].starts_with(text), "{rest}: {found:#?}"),
            None => assert_eq!(found, Vec::<String>::new(), "{rest}"),
        }
    }
    let absent = |text: &str| advice(&format!("<scenario><send><![CDATA[{text}]]></send></scenario>"));
    assert_eq!(
        absent("SIP/2.0 200 OK\n[last_Via]\n[last_f:]\n[last_To:];tag=x\n[last_CSeq:]\n"),
        ["S117 t.xml:1:26: warning: The response has no Call-ID"]
    );
    let variable = absent("SIP/2.0 200 OK\n[$x]\n[$x]");
    assert!(!variable.iter().any(|advice| advice.starts_with("S117")), "a variable may be any header");
}
