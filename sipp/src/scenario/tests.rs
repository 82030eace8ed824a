//! Scenarios that load, and what broken ones are told.

use super::{Context, Op, builtin, codes, load};
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

/// The page shows each as a ladder below a heading with its name.
#[test]
fn every_builtin_has_its_ladder_on_the_page() {
    let page = include_str!("../../../scenarios/README.md");
    for builtin in builtin::TABLE {
        let is_its_own = |section: &&str| {
            let heading = section.lines().next().unwrap_or_default();
            heading.split([' ', ',']).any(|word| word == builtin.name)
        };
        let section = page.split("\n## ").skip(1).find(is_its_own);
        assert!(section.is_some_and(|text| text.contains("```\n ")), "no ladder of {}", builtin.name);
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

/// One message for each code that a text alone can have, with its place. S006 takes 65,536 messages; S040 to S042
/// and S119 are about files.
#[test]
fn every_code_is_found_at_its_place() {
    let rows = [
        ("S004", "<DefaultMessage id=\"ackk\"><![CDATA[A b SIP/2.0]]></DefaultMessage><nop/>", "2:1"),
        ("S005", "<action/><nop/>", "2:1"),
        ("S007", "<label id=\"a\"/><label id=\"a\"/><nop next=\"a\"/>", "2:16"),
        ("S008", "<nopp/>", "2:1"),
        ("S009", "<init><pause/></init><nop/>", "2:7"),
        ("S010", "<nop><action><log message=\"[pid\"/></action></nop>", "2:28"),
        ("S011", "<nop><action><log message=\"[pidd]\"/></action></nop>", "2:28"),
        ("S012", "<nop><action><log message=\"[$]\"/></action></nop>", "2:28"),
        ("S013", "<nop><action><log message=\"[field0]\"/></action></nop>", "2:28"),
        ("S014", "<nop><action><insert file=\"a.csv\" value=\"x\"/></action></nop>", "2:28"),
        ("S015", "<send/>", "2:1"),
        ("S016", "<nop next=\"a\"/>", "2:12"),
        ("S017", "<nop><action><logg message=\"x\"/></action></nop>", "2:14"),
        ("S018", "<send><![CDATA[[pid] x SIP/2.0]]></send>", "2:16"),
        ("S019", "<recv/>", "2:1"),
        ("S021", "<nop><action><log/></action></nop>", "2:14"),
        ("S022", "<pause milliseconds=\"x\"/>", "2:22"),
        ("S023", "<pause distribution=\"exponential\" mean=\"1e12\"/>", "2:1"),
        ("S024", "<nop/><CallLengthRepartition value=\"1,x\"/>", "2:37"),
        ("S025", "<nop repeat_rtd=\"true\"/>", "2:1"),
        ("S026", "<recv request=\"(\" regexp_match=\"true\"/>", "2:16"),
        ("S027", "<recv request=\"A\" advance_state=\"false\"/>", "2:1"),
        ("S028", "<label id=\"a\"/><timewait next=\"a\"/>", "2:26"),
        ("S029", "<send ack_txn=\"t\"><![CDATA[A b SIP/2.0]]></send>", "2:7"),
        ("S030", "<nop/><Reference variables=\"v\"/>", "2:29"),
        ("S031", "", "1:1"),
        ("S032", "<recv request=\"A\" optional=\"true\"/><nop/>", "2:36"),
        ("S033", "<timewait/><nop/>", "2:1"),
        ("S034", "<nop start_rtd=\"1\"/>", "2:17"),
        ("S035", "<recv response=\"200\" response_txn=\"t\"/>", "2:36"),
        ("S036", "<nop condexec=\"v\"/>", "2:16"),
        ("S101", "<nop hdie=\"true\"/>", "2:6"),
        ("S102", "<nop><action/><action/></nop>", "2:15"),
        ("S103", "<nop><action><exec int_cmd=\"stop\"/></action></nop>", "2:29"),
        ("S110", "<nop condexec=\"v\"/><nop condexec=\"v\"/>", "2:16"),
        ("S111", "<nop><action><index assign_to=\"v\"/><index assign_to=\"v\"/></action></nop>", "2:32"),
        ("S112", "<label id=\"a\"/><nop/>", "2:1"),
        ("S113", "<nop next=\"a\"/><nop/><label id=\"a\"/><nop/>", "2:16"),
        ("S114", "<recv request=\"invite\"/>", "2:1"),
        ("S115", "<send><![CDATA[A b SIP/2.0\nx]]></send>", "3:1"),
        ("S116", "<send><![CDATA[A b SIP/2.0\nl: 3]]></send>", "3:1"),
        ("S117", "<send><![CDATA[A b SIP/2.0]]></send>", "2:16"),
        ("S118", "<send><![CDATA[A b SIP/2.0\nCSeq: 1 B]]></send>", "3:1"),
    ];
    let told = rows
        .iter()
        .map(|(code, ..)| *code)
        .chain(["S001", "S002", "S003", "S006", "S040", "S041", "S042", "S119"]);
    let mut told: Vec<&str> = told.collect();
    told.sort_unstable();
    assert_eq!(told, codes::TABLE.iter().map(|(code, _)| *code).collect::<Vec<_>>());
    assert_eq!(coded("<scenario>\n<nop></send>"), ["S001 2:6"]);
    assert_eq!(coded("<scenario>\n<nop>"), ["S002 2:1"]);
    assert_eq!(coded("<other/>"), ["S003 1:1"]);
    for (code, messages, place) in rows {
        let found = coded(&format!("<scenario>\n{messages}\n</scenario>"));
        let expected = format!("{code} {place}");
        assert!(found.contains(&expected), "{messages}: {expected} is not among {found:?}");
    }
}

/// Code and place of everything found in a text.
fn coded(text: &str) -> Vec<String> {
    let infiles = Infiles::default();
    let list = match load("t.xml", text.as_bytes(), Context::new(&[], &infiles)) {
        Ok(loaded) => [loaded.warnings, loaded.advice].concat(),
        Err(list) => list,
    };
    list.iter().map(|found| format!("{} {}:{}", found.code, found.place.line, found.place.column)).collect()
}

/// A mistake in one part of a message hides none in another, nor does it make others appear.
#[test]
fn mistakes_behind_mistakes_are_found() {
    let text = "<scenario><recv response=\"200\" optional=\"yes\" timeout=\"x\" next=\"a\" chance=\"2\" ontimeout=\"b\">\n\
                <action><log message=\"[x] [y]\"/><ereg regexp=\"(\" assign_to=\"v\"/>\n\
                <log message=\"[$v]\"/></action></recv>\n<timewait/><nop/></scenario>";
    let expected = ["S022 1:42", "S022 1:56", "S016 1:65", "S022 1:76", "S016 1:90"];
    let second = ["S011 2:23", "S011 2:27", "S026 2:47", "S033 4:1"];
    assert_eq!(coded(text), [&expected[..], &second[..]].concat());
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
