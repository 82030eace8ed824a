//! Keywords, text rules and actions: one row each, seen from the outside: what is sent, logged or complained.

use sip::time::Time;

use super::{Cause, Effect, Origin, Outcome, Output, Side, scenario};
use crate::infile::{Infile, Infiles};
use crate::lang::{actions, keywords};
use crate::state::{CircuitTable, Compat, WallClock};

pub(super) fn infiles() -> Infiles {
    let mut infiles = Infiles::default();
    let text = "SEQUENTIAL\nann;secret;a b\nbob;hidden;[call_id]\n";
    let mut file = Infile::parse("users.csv", text.as_bytes().to_vec()).expect("valid");
    file.build_index(0);
    infiles.push(file);
    let other = Infile::parse("auth.csv", b"SEQUENTIAL\n[authentication username=x]\n".to_vec());
    infiles.push(other.expect("valid"));
    infiles
}

/// A call that runs these actions in one nop.
fn run_actions(list: &str) -> Side {
    let text = scenario(&format!("<nop><action>{list}</action></nop>"));
    let mut side = Side::with_infiles(&text, infiles(), |settings| {
        settings.wall = WallClock { origin_unix_micros: 1_635_146_455_000_123, utc_offset_secs: 3600 };
        settings.circuits = CircuitTable::parse("{2-2}{7}{3-3}{1-1}").ok();
    });
    side.world.add_circuits(side.settings.circuits.iter().flat_map(CircuitTable::all));
    side.open(Time::from_millis(1234), Origin::Opened);
    side
}

fn log(message: &str) -> String {
    run_actions(&format!("<log message=\"{message}\"/>")).logged().join("|")
}

/// What each keyword prints in an action; actions see the index of the message before.
#[test]
fn keywords_print_what_sipp_prints() {
    let rows = [
        ("service", "[service]", "service"),
        ("remote_ip", "[remote_ip]", "127.0.0.1"),
        ("remote_host", "[remote_host]", "127.0.0.1"),
        ("remote_port", "[remote_port] [remote_port+2]", "5060 5062"),
        ("local_ip", "[local_ip]", "127.0.0.1"),
        ("local_ip_type", "[local_ip_type]", "4"),
        ("local_port", "[local_port-1]", "5059"),
        ("server_ip", "[server_ip]", "0.0.0.0"),
        ("transport", "[transport]", "UDP"),
        ("media_ip", "[media_ip]", "127.0.0.1"),
        ("media_ip_type", "[media_ip_type]", "4"),
        ("media_port", "[media_port+2]", "6002"),
        ("auto_media_port", "[auto_media_port]", "6000"),
        ("rtpstream_audio_port", "[rtpstream_audio_port] [rtpstream_audio_port+1]", "6004 6005"),
        ("rtpstream_video_port", "[rtpstream_audio_port] [rtpstream_video_port]", "6004 6006"),
        ("call_id", "[call_id]", "1-42@127.0.0.1"),
        ("call_number", "[call_number]", "1"),
        ("cseq", "[cseq] [cseq+1]", "0 1"),
        ("branch", "[branch]", "z9hG4bK-42-1--1"),
        ("msg_index", "[msg_index]", "-1"),
        ("pid", "[pid]", "42"),
        ("users", "[users]", "-1"),
        ("userid", "[userid]", "0"),
        ("dynamic_id", "[dynamic_id] [dynamic_id]", "10000 10004"),
        ("tdmmap", "[tdmmap]", "2.7.3/1"),
        ("sipp_version", "[sipp_version]", env!("CARGO_PKG_VERSION")),
        ("len", "[len]", "    0"),
        ("peer_tag_param", "[peer_tag_param]", ""),
        ("routes", "[routes]", ""),
        ("next_url", "[next_url]", ""),
        ("last_message", "[last_message]", ""),
        ("last_Request_URI", "[last_Request_URI]", ""),
        ("last_cseq_number", "[last_cseq_number+1]", "1"),
        ("timestamp", "[timestamp]", "2021-10-25\t08:20:56.234123\t1635146456.234123"),
        ("date", "[date]", "Mon, 25 Oct 2021 07:20:56 GMT"),
        ("clock_tick", "[clock_tick]", "1234"),
        ("file", "[file name=/dev/null]", ""),
        ("fill", "", ""),
        ("authentication", "", ""),
        ("last_", "x[last_Via]y", "xy"),
        (
            "field",
            "[field0] [field1] [field2 line=1] [field0 file=users.csv line=9]",
            "ann secret [call_id] ",
        ),
        ("$", "", ""),
    ];
    for (def, (name, text, printed)) in keywords::TABLE.iter().zip(rows) {
        assert_eq!(def.name, name, "one row of the test per row of the table");
        assert_eq!(log(text), printed, "[{name}]");
    }
    assert_eq!(log("[greeting] \\x5bx] [[pid]]"), "hello [x] [42]", "-key, escapes, literal brackets");
}

#[test]
fn variables_print_by_type_and_fill_by_number() {
    let list = "<assign assign_to=\"n\" value=\"2.5\"/><assignstr assign_to=\"t\" value=\"a [pid]\"/>\
        <test assign_to=\"b\" variable=\"n\" compare=\"equal\" value=\"2.5\"/>\
        <log message=\"[$n]|[$t]|[$b]|[fill text=&quot;ab&quot; variable=&quot;n&quot;]|[fill variable=n]\"/>";
    assert_eq!(run_actions(list).logged(), ["2.500000|a 42|true|ab|XX"]);
}

/// Rows: action, list of actions, what is logged.
const ACTIONS: &[(&str, &str, &str)] = &[
    (
        "ereg",
        "<assignstr assign_to=\"s\" value=\"x 12 y\"/><ereg regexp=\"([0-9])([0-9])\" search_in=\"var\" variable=\"s\" assign_to=\"v,a,w\"/><log message=\"[$v] [$a] [$w]\"/>",
        "12 1 2",
    ),
    ("log", "<log message=\"a\\tb &amp;lt; [pid]\"/>", "a\tb &lt; 42"),
    (
        "assign",
        "<assign assign_to=\"v\" value=\"3\"/><assign assign_to=\"w\" variable=\"v\"/><log message=\"[$w]\"/>",
        "3.000000",
    ),
    ("assignstr", "<assignstr assign_to=\"v\" value=\"\"/><log message=\"([$v])\"/>", "()"),
    (
        "sample",
        "<sample assign_to=\"v\" distribution=\"fixed\" value=\"7\"/><log message=\"[$v]\"/>",
        "7.000000",
    ),
    ("index", "<index assign_to=\"v\"/><log message=\"([$v])\"/>", "()"),
    (
        "gettimeofday",
        "<gettimeofday assign_to=\"v,w\"/><log message=\"[$v] [$w]\"/>",
        "1635146456.000000 234123.000000",
    ),
    (
        "add",
        "<assign assign_to=\"v\" value=\"1\"/><add assign_to=\"v\" value=\"2\"/><log message=\"[$v]\"/>",
        "3.000000",
    ),
    (
        "add",
        "<assignstr assign_to=\"v\" value=\"9\"/><add assign_to=\"v\" value=\"2\"/><log message=\"[$v]\"/>",
        "2.000000",
    ),
    (
        "subtract",
        "<assign assign_to=\"v\" value=\"1\"/><subtract assign_to=\"v\" value=\"2\"/><log message=\"[$v]\"/>",
        "-1.000000",
    ),
    (
        "multiply",
        "<assign assign_to=\"v\" value=\"4\"/><multiply assign_to=\"v\" variable=\"v\"/><log message=\"[$v]\"/>",
        "16.000000",
    ),
    (
        "divide",
        "<assign assign_to=\"v\" value=\"1\"/><divide assign_to=\"v\" value=\"4\"/><log message=\"[$v]\"/>",
        "0.250000",
    ),
    (
        "todouble",
        "<assignstr assign_to=\"s\" value=\"0x1F\"/><todouble assign_to=\"v\" variable=\"s\"/><log message=\"[$v]\"/>",
        "31.000000",
    ),
    (
        "todouble",
        "<assignstr assign_to=\"s\" value=\"1e3\"/><todouble assign_to=\"v\" variable=\"s\"/><log message=\"[$v]\"/>",
        "1000.000000",
    ),
    (
        "todouble",
        "<assignstr assign_to=\"s\" value=\"12abc\"/><todouble assign_to=\"v\" variable=\"s\"/><log message=\"([$v])\"/>",
        "()",
    ),
    (
        "trim",
        "<assignstr assign_to=\"v\" value=\"  a b \"/><trim assign_to=\"v\"/><log message=\"([$v])\"/>",
        "(a b)",
    ),
    (
        "urlencode",
        "<assignstr assign_to=\"v\" value=\"a b&amp;c/d+e~%\"/><urlencode variable=\"v\"/><log message=\"[$v]\"/>",
        "a%20b%26c%2Fd%2Be~%25",
    ),
    (
        "urldecode",
        "<assignstr assign_to=\"v\" value=\"a%20b+c%2\"/><urldecode variable=\"v\"/><log message=\"[$v]\"/>",
        "a b c%2",
    ),
    (
        "test",
        "<assign assign_to=\"v\" value=\"2\"/><test assign_to=\"b\" variable=\"v\" compare=\"greater_than\" value=\"1\"/><log message=\"[$b]\"/>",
        "true",
    ),
    (
        "test",
        "<test assign_to=\"b\" variable=\"u\" compare=\"equal\" value=\"0\"/><log message=\"[$b][$u]\"/>",
        "true",
    ),
    (
        "strcmp",
        "<assignstr assign_to=\"v\" value=\"a\"/><strcmp assign_to=\"n\" variable=\"v\" value=\"b\"/><log message=\"[$n]\"/>",
        "-1.000000",
    ),
    (
        "lookup",
        "<lookup assign_to=\"v\" file=\"users.csv\" key=\"bob\"/><log message=\"[field1 line=&quot;[$v]&quot;] [field1 line=[$v]]\"/>",
        "hidden hidden",
    ),
    (
        "lookup",
        "<lookup assign_to=\"v\" file=\"users.csv\" key=\"eve\"/><log message=\"[$v]\"/>",
        "-1.000000",
    ),
    ("insert", "<insert file=\"users.csv\" value=\"eve;[pid]\"/><log message=\"[field1 line=2]\"/>", "42"),
    (
        "replace",
        "<replace file=\"users.csv\" line=\"0\" value=\"joe;new\"/><log message=\"[field0] [field1]\"/>",
        "joe new",
    ),
];

#[test]
fn actions_do_what_sipp_does() {
    for (name, list, logged) in ACTIONS {
        let side = run_actions(list);
        assert_eq!(side.logged().join("|"), *logged, "{name}: {list} {:?}", side.complaints());
    }
}

/// Every action is in one of the tables of this file or its neighbour.
#[test]
fn every_action_has_a_test() {
    let files = concat!(include_str!("language.rs"), include_str!("authentication.rs"));
    for def in actions::TABLE {
        assert!(files.contains(&format!("<{}", def.name)), "no test of <{}>", def.name);
    }
}

#[test]
fn actions_ask_the_shell_for_what_they_cannot_do() {
    let rows = [
        ("<warning message=\"w\"/>", Effect::Warning("w".into())),
        ("<error message=\"e\"/>", Effect::Fatal("e".into())),
        ("<exec command=\"ls &gt;x\"/>", Effect::Command(b"ls >x".to_vec())),
        ("<exec int_cmd=\"stop_now\"/>", Effect::StopNow),
        ("<exec int_cmd=\"stop_gracefully\"/>", Effect::StopGracefully),
        ("<exec play_dtmf=\"1#,100\"/>", Effect::PlayDtmf(b"1#,100".to_vec())),
        ("<exec rtp_stream=\"a.wav,2\"/>", Effect::RtpStream(b"a.wav,2".to_vec())),
        ("<closecon/>", Effect::CloseConnection),
        ("<rtp_echo value=\"0\"/>", Effect::RtpEcho(crate::lang::EchoSwitch::Off)),
    ];
    for (list, effect) in rows {
        assert!(run_actions(list).log.contains(&Output::Effect(effect)), "{list}");
    }
}

#[test]
fn setdest_changes_where_messages_go() {
    let text = scenario(
        "<nop><action><setdest host=\"127.0.0.9\" port=\"5070\" protocol=\"udp\"/></action></nop>\
         <send><![CDATA[\nOPTIONS sip:[remote_ip]:[remote_port] SIP/2.0\nVia: x\n]]></send>",
    );
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, Origin::Opened);
    let to = side.log.iter().find_map(|output| match output {
        Output::Send(outgoing) => Some(outgoing.to.addr.to_string()),
        _ => None,
    });
    assert_eq!(to.as_deref(), Some("127.0.0.9:5070"));
    assert!(side.sent[0].1.starts_with(b"OPTIONS sip:127.0.0.1:5060"));
}

/// A failed check is remembered, the scenario goes on, the rest of the actions does not.
#[test]
fn failed_checks_fail_the_call_at_its_end() {
    let rows = [
        (
            "<test variable=\"v\" compare=\"equal\" value=\"1\" check_it=\"true\"/>",
            Cause::TestDoesntMatch,
            "test \"v:0.000000 == :1.000000\" with check_it failed",
        ),
        (
            "<test variable=\"v\" compare=\"equal\" value=\"0\" check_it_inverse=\"true\"/>",
            Cause::TestShouldntMatch,
            "test \"v:0.000000 == :0.000000\" with check_it_inverse failed",
        ),
        (
            "<strcmp variable=\"v\" value=\"x\" check_it=\"true\"/>",
            Cause::StrcmpDoesntMatch,
            "strcmp v:\"\" and :\"x\" with check_it returned -1",
        ),
        (
            "<strcmp variable=\"v\" value=\"\" check_it_inverse=\"true\"/>",
            Cause::StrcmpShouldntMatch,
            "strcmp v:\"\" and :\"\" with check_it_inverse returned 0",
        ),
        (
            "<ereg regexp=\"x\" search_in=\"var\" variable=\"v\" check_it=\"true\" assign_to=\"v\"/>",
            Cause::RegexpDoesntMatch,
            "Failed regexp match: looking in '', with regexp 'x'",
        ),
        (
            "<ereg regexp=\"^$\" search_in=\"var\" variable=\"v\" check_it_inverse=\"true\" assign_to=\"v\"/>",
            Cause::RegexpShouldntMatch,
            "Regexp matched but should not: looking in '', with regexp '^$'",
        ),
        (
            "<ereg regexp=\"x\" search_in=\"hdr\" header=\"To:\" check_it=\"true\" assign_to=\"v\"/>",
            Cause::RegexpHdrNotFound,
            "Failed regexp match: header To: not found in message\n",
        ),
    ];
    for (list, cause, warning) in rows {
        let side = run_actions(&format!("{list}<log message=\"skipped [$v]\"/>"));
        assert_eq!(side.outcome, Some(Outcome::Failed(Some(cause))), "{list}");
        assert_eq!(side.complaints(), [warning], "{list}");
        assert_eq!(side.logged().len(), 0, "{list}");
    }
}

#[test]
fn a_division_by_zero_is_a_warning() {
    let side = run_actions(
        "<assign assign_to=\"a\" value=\"1\"/><assign assign_to=\"b\" value=\"0\"/>\
         <divide assign_to=\"a\" variable=\"b\"/><log message=\"[$a]\"/>",
    );
    assert_eq!(side.logged(), ["1.000000"]);
    assert_eq!(side.complaints(), ["Action failure: Can not divide by zero ($a/$b)!"]);
}

#[test]
fn stop_call_rejects_the_call_and_skips_the_rest() {
    let side = run_actions("<exec int_cmd=\"stop_call\"/><log message=\"never\"/>");
    assert_eq!(side.outcome, Some(Outcome::Failed(Some(Cause::CallRejected))));
    assert_eq!(side.logged().len(), 0);
}

/// Later actions of the same list still run, then the jump.
#[test]
fn jump_and_pauserestore_change_the_position() {
    let text = scenario(
        "<nop><action><jump value=\"2\"/><log message=\"still\"/></action></nop>\
         <nop><action><log message=\"never\"/></action></nop>\
         <nop><action><pauserestore value=\"500\"/></action></nop><pause milliseconds=\"9000\"/>",
    );
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, Origin::Opened);
    assert_eq!(side.logged(), ["still"]);
    assert_eq!(side.deadline(), Some(Time::from_millis(500)));
    let far = run_actions("<jump value=\"9\"/>");
    assert_eq!(
        far.complaints(),
        ["test:1: Jump statement out of range (9 not in 0..0, or to itself) (call 1-42@127.0.0.1)"]
    );
}

/// Text rules: indentation and trailing blanks go, lines end in CRLF, empty keyword lines vanish.
#[test]
fn message_texts_are_normalised() {
    let rows = [
        ("\n  A sip:b SIP/2.0  \n\tVia: x\t\n", "A sip:b SIP/2.0\r\nVia: x\r\n\r\n"),
        ("\nA b SIP/2.0\n[routes]\nX: 1\n", "A b SIP/2.0\r\nX: 1\r\n\r\n"),
        ("\nA b SIP/2.0\n[last_Foo:]  gone\n", "A b SIP/2.0\r\ngone\r\n\r\n"),
        ("\nA b SIP/2.0\n[routes]\n\nbody\n\n", "A b SIP/2.0\r\n\r\nbody\r\n"),
        ("\nA b SIP/2.0\nL: [len]\n\nbody", "A b SIP/2.0\r\nL:     4\r\n\r\nbody"),
        ("\nA b SIP/2.0\nL: [len]\nX: kept\n", "A b SIP/2.0\r\nL:     0\r\nX: kept\r\n\r\n"),
        ("\nA b SIP/2.0\nL: [len+5]\n\n\\x41\\x5b]\n", "A b SIP/2.0\r\nL:    10\r\n\r\nA[]\r\n"),
    ];
    for (text, sent) in rows {
        let mut side = Side::new(&scenario(&format!("<send><![CDATA[{text}]]></send>")), |_| {});
        side.open(Time::ZERO, Origin::Opened);
        assert_eq!(String::from_utf8_lossy(&side.sent[0].1), sent, "{text:?}");
    }
}

/// Behind a keyword that leaves the text at the beginning of a line (without a value, or with one that ended its line
/// itself) white space goes (SIPp 3.6.1, measured); but the header of a message keeps its end, which there goes too.
#[test]
fn lines_of_keywords_without_value_vanish() {
    let rows = [
        ("\nA b SIP/2.0\n[$line]\nX: 1\n", "A b SIP/2.0\r\nY: 2\r\nX: 1\r\n\r\n"),
        ("\nA b SIP/2.0\n[$line]\n", "A b SIP/2.0\r\nY: 2\r\n\r\n"),
        ("\nA b SIP/2.0\nL: [len]\n[$line]\n\nbody", "A b SIP/2.0\r\nL:     4\r\nY: 2\r\n\r\nbody"),
        ("\nA b SIP/2.0\nL: [len]\n[$none]\n\nbody", "A b SIP/2.0\r\nL:     4\r\n\r\nbody"),
        ("\nA b SIP/2.0\n\na\n[$none]\n\n\nb\n", "A b SIP/2.0\r\n\r\na\r\nb\r\n"),
        ("\nA b SIP/2.0\n\na\n[$none] [$none]\nb[$none]\nc", "A b SIP/2.0\r\n\r\na\r\nb\r\nc"),
        ("\nA b SIP/2.0\n[$whole]\n", "A b SIP/2.0\r\nT: x\r\n\r\nbody\r\n"),
    ];
    let values = "<assignstr assign_to=\"none\" value=\"\"/><assignstr assign_to=\"line\" value=\"Y: 2\\x0d\\x0a\"/>\
        <assignstr assign_to=\"whole\" value=\"T: x\\x0d\\x0a\\x0d\\x0abody\\x0d\\x0a\"/>";
    for (text, sent) in rows {
        let body = format!(
            "<Reference variables=\"none,line,whole\"/><nop><action>{values}</action></nop>\
             <send><![CDATA[{text}]]></send>"
        );
        let mut side = Side::new(&scenario(&body), |_| {});
        side.open(Time::ZERO, Origin::Opened);
        assert_eq!(String::from_utf8_lossy(&side.sent[0].1), sent, "{text:?}");
    }
}

/// SIPp 3.6.1 prints nothing then (measured), and a request line without URI is none.
#[test]
fn the_next_url_is_the_last_to_until_a_target_is_recorded() {
    let text = scenario("<recv request=\"A\"/><send><![CDATA[\nB [next_url] SIP/2.0\n]]></send>");
    let mut side = Side::new(&text, |_| {});
    side.message(Time::ZERO, b"A sip:b SIP/2.0\r\nTo: b <sip:b@c>;tag=1\r\nCall-ID: e\r\n\r\n");
    assert_eq!(String::from_utf8_lossy(&side.sent[0].1), "B sip:b@c SIP/2.0\r\n\r\n");
}

/// A command ends its header too, as SIPp's does (3.6.1, measured), but not behind a value with lines of its own.
#[test]
fn commands_get_the_end_of_their_header() {
    let rows = [
        ("\nCall-ID: x\nFrom: m\n", "Call-ID: x\r\nFrom: m\r\n\r\n"),
        ("\nA: b\n[$1]\n", "A: b\r\nC: d\r\n"),
    ];
    for (text, sent) in rows {
        let body = format!(
            "<nop><action><assignstr assign_to=\"1\" value=\"C: d\\x0d\\x0a\"/></action></nop>\
             <Reference variables=\"1\"/><sendCmd><![CDATA[{text}]]></sendCmd>"
        );
        let mut side = Side::new(&scenario(&body), |_| {});
        side.open(Time::ZERO, Origin::Opened);
        assert_eq!(side.commands[0], format!("{sent}\x1b").as_bytes(), "{text:?}");
    }
}

/// SIPp 3.6.1 prints the line as received, 3.7 the keyword's spelling (measured); both find compact forms.
#[test]
fn last_headers_are_printed_as_the_version_does() {
    let text = scenario(
        "<recv request=\"A\"/><send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:];x\n[last_X-None:]\n]]></send>",
    );
    let request = b"A sip:b SIP/2.0\r\nv: one\r\nVia:   two \r\nf:  <sip:c>\r\nTo: d\r\nCall-ID: e\r\n\r\n";
    for (compat, expected) in [
        (Compat::V36, "SIP/2.0 200 OK\r\nv: one, two\r\nf:  <sip:c>;x\r\n\r\n"),
        (Compat::V37, "SIP/2.0 200 OK\r\nVia: one, two\r\nFrom: <sip:c>;x\r\n\r\n"),
    ] {
        let mut side = Side::new(&text, |settings| settings.compat = compat);
        side.message(Time::ZERO, request);
        assert_eq!(String::from_utf8_lossy(&side.sent[0].1), expected);
    }
}

/// Names in `setdest` go through the resolver of the shell, each once.
#[test]
fn setdest_takes_host_names() {
    let run = |host: &str| {
        let text =
            format!("<nop><action><setdest host=\"{host}\" port=\"5070\" protocol=\"udp\"/></action></nop>");
        let mut client = Side::new(&scenario(&text), |_| {});
        client.world.resolve_with(|name| (name == "proxy.example").then(|| [192, 0, 2, 7].into()));
        client.open(Time::ZERO, Origin::Opened);
        client
    };
    let client = run("proxy.example");
    let peer = client.call.as_ref().and_then(|call| call.state().peer).expect("a destination");
    assert_eq!(peer.addr, ([192, 0, 2, 7], 5070).into());
    assert_eq!(
        run("nowhere.example").complaints(),
        ["test:1: setdest: 'nowhere.example:5070' is no address and port (call 1-42@127.0.0.1)"]
    );
}
