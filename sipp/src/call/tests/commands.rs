//! Commands between twins: early ones, aborts in both directions.

use super::*;

const TWO_COMMANDS: &str = "<sendCmd><![CDATA[\nCall-ID: [call_id]\nX: 1\n]]></sendCmd>\
    <recv request=\"INFO\"/>\
    <recvCmd><action><ereg regexp=\"n=.\" assign_to=\"a\"/><log message=\"first [$a]\"/></action></recvCmd>\
    <recvCmd><action><ereg regexp=\"n=.\" assign_to=\"b\"/><log message=\"second [$b]\"/></action></recvCmd>";

const INFO: &str = "INFO sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\nFrom: <sip:a>;tag=a\r\n\
    To: <sip:b>\r\nCall-ID: 1-42@127.0.0.1\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n";

fn command(side: &mut Side, text: &str) {
    side.input(Time::ZERO, Input::Command { text: text.as_bytes(), from: None });
}

#[test]
fn commands_that_come_early_wait_for_their_turn() {
    let mut side = Side::new(&scenario(TWO_COMMANDS), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    command(&mut side, "Call-ID: 1-42@127.0.0.1\r\nn=1\r\n");
    command(&mut side, "Call-ID: 1-42@127.0.0.1\r\nn=2\r\n");
    assert_eq!(side.logged(), Vec::<String>::new());
    side.message(Time::ZERO, INFO.as_bytes());
    assert_eq!(side.logged(), ["first n=1", "second n=2"]);
    assert_eq!(side.outcome, Some(Outcome::Succeeded));
}

#[test]
fn a_twin_that_floods_is_rejected_and_told() {
    let mut side = Side::new(&scenario(TWO_COMMANDS), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    for _ in 0..9 {
        command(&mut side, "Call-ID: 1-42@127.0.0.1\r\n");
    }
    assert_eq!(side.outcome, Some(Outcome::Failed(Some(Cause::CallRejected))));
    let last = String::from_utf8_lossy(&side.commands[1]).into_owned();
    // Measured on SIPp 3.6.1.
    assert_eq!(last, "call-id: 1-42@127.0.0.1\r\ninternal-cmd: abort_call\r\n\r\n\x1b");
}

#[test]
fn a_twin_that_aborts_is_not_told_again() {
    let mut side = Side::new(&scenario(TWO_COMMANDS), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    command(&mut side, "call-id: 1-42@127.0.0.1\r\ninternal-cmd: abort_call\r\n\r\n");
    assert_eq!(side.outcome, Some(Outcome::Failed(None)));
    assert_eq!(side.commands.len(), 1, "only the command of the scenario");
}

#[test]
fn only_a_call_that_stands_on_a_command_ends_with_its_twin() {
    let mut side = Side::new(&scenario(TWO_COMMANDS), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    side.input(Time::ZERO, Input::Deserted);
    assert_eq!(side.outcome, None, "it waits for INFO");
    side.message(Time::ZERO, INFO.as_bytes());
    side.input(Time::ZERO, Input::Deserted);
    assert_eq!(side.outcome, Some(Outcome::Aborted));
}

/// The lines of `-trace_calldebug` (texts measured on SIPp 3.6.1).
#[test]
fn debug_lines_tell_what_a_call_did() {
    let mut client = Side::new("uac", |settings| settings.call_debug = true);
    client.open(Time::ZERO, Origin::Opened);
    client.input(Time::from_millis(500), Input::Deadline);
    client.message(Time::from_millis(510), &reply(&client.sent[0].1.clone(), "404 Not Found"));
    let first_line = |output: &Output| match output {
        Output::Debug(text) => {
            let line = text.lines().next().unwrap_or_default();
            Some(line.split(" (hash").next().unwrap_or_default().split(", hash").next()?.to_owned())
        }
        _ => None,
    };
    let lines: Vec<String> = client.log.iter().filter_map(first_line).collect();
    assert_eq!(
        lines,
        [
            "Starting call 1-42@127.0.0.1",
            "Processing message 0 of type 2 for call 1-42@127.0.0.1 at 0.",
            "Sending UDP message for call 1-42@127.0.0.1 (index 0",
            "Processing message 1 of type 3 for call 1-42@127.0.0.1 at 0.",
            "Retransmisison required (1 retransmissions, max 5)",
            "Sending UDP message for call 1-42@127.0.0.1 (index 0",
            "Processing 246 byte incoming message for call-ID 1-42@127.0.0.1",
            "Unexpected UDP message received (index 1",
            "Aborting call 1-42@127.0.0.1 (index 1).",
            "Sending UDP message for call 1-42@127.0.0.1 (index -1",
        ]
    );
}

/// An `error` action ends the program: nothing more of the scenario is sent.
#[test]
fn nothing_is_sent_after_a_fatal_action() {
    for action in ["<error message=\"x\"/>", "<exec int_cmd=\"stop_now\"/>"] {
        let text = format!(
            "<nop><action>{action}<log message=\"y\"/></action></nop>\
             <send><![CDATA[\nOPTIONS sip:a SIP/2.0\nVia: x\n]]></send>"
        );
        let mut client = Side::new(&scenario(&text), |_| {});
        client.open(Time::ZERO, Origin::Opened);
        assert!(client.sent.is_empty() && client.logged().is_empty(), "{action}: {:?}", client.log);
    }
}

/// A message whose keyword cannot be written is not sent.
#[test]
fn a_message_with_a_fatal_keyword_is_not_sent() {
    let text = "<send><![CDATA[\nREGISTER sip:a SIP/2.0\nVia: x\n[authentication]\n]]></send>";
    let mut client = Side::new(&scenario(text), |_| {});
    client.open(Time::ZERO, Origin::Opened);
    assert!(client.sent.is_empty());
    let complaint = "test:1: Authentication keyword without dialog_authentication! (call 1-42@127.0.0.1)";
    assert_eq!(client.complaints(), [complaint]);
}

/// What SIPp ends the program for ends one call here: it fails, says so with the line, and takes leave of its peer.
#[test]
fn a_call_that_cannot_go_on_ends_no_other() {
    let rows = [
        ("<jump value=\"9\"/>", "5: Jump statement out of range (9 not in 0..2, or to itself)"),
        (
            "<log message=\"[file name=/nowhere]\"/>",
            "6: Unable to read [file name=/nowhere]: No such file or directory (os error 2)",
        ),
        ("<setdest host=\"x y\" port=\"a\" protocol=\"udp\"/>", "6: setdest: 'x y:a' is no address and port"),
        ("<log message=\"[authentication]\"/>", "6: Authentication keyword without dialog_authentication!"),
    ];
    for (action, expected) in rows {
        let text = format!(
            "<send><![CDATA[\nINVITE sip:a SIP/2.0\nCall-ID: [call_id]\n]]></send>\n<recv response=\"180\">\n<action>\
             {action}</action></recv>\n<recv response=\"200\"/>"
        );
        let mut client = Side::new(&scenario(&text), |_| {});
        client.open(Time::ZERO, Origin::Opened);
        client.message(
            Time::ZERO,
            b"SIP/2.0 180 Ringing\r\nTo: <sip:a>;tag=1\r\nCSeq: 1 INVITE\r\nCall-ID: 1-42@127.0.0.1\r\n\r\n",
        );
        assert_eq!(client.complaints(), [format!("test:{expected} (call 1-42@127.0.0.1)")]);
        assert_eq!(client.outcome, Some(Outcome::Failed(Some(Cause::CallRejected))), "{action}");
        let last = client.sent.last().map(|(_, text)| String::from_utf8_lossy(text).into_owned());
        assert!(last.is_some_and(|text| text.starts_with("CANCEL ")), "{action}: {:?}", client.log);
    }
}

/// The extended form: commands go by name, `src` says whose are taken; an optional one may stay away.
#[test]
fn commands_are_told_apart_by_sender() {
    let text = "<sendCmd dest=\"s1\"><![CDATA[\nCall-ID: [call_id]\nFrom: m\n]]></sendCmd>\
        <recvCmd src=\"s2\" optional=\"true\"><action><log message=\"s2\"/></action></recvCmd>\
        <recvCmd src=\"s1\" timeout=\"500\"><action><log message=\"s1\"/></action></recvCmd>";
    for (from, logged, outcome) in
        [("s1", vec!["s1"], Outcome::Succeeded), ("s3", vec![], Outcome::Failed(Some(Cause::CallRejected)))]
    {
        let mut side = Side::new(&scenario(text), |_| {});
        side.open(Time::ZERO, Origin::Opened);
        side.input(Time::ZERO, Input::Command { text: b"Call-ID: x\r\n", from: Some(from) });
        assert_eq!(
            (side.logged(), side.outcome),
            (logged.iter().map(ToString::to_string).collect(), Some(outcome)),
            "{from}"
        );
    }
    let mut side = Side::new(&scenario(text), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    assert_eq!(side.deadline(), None, "the optional one is waited for without end");
}

/// Requests outside of any call: answered once, then silence until the timewait is over.
#[test]
fn out_of_call_scenarios_answer_any_request() {
    let mut side = Side::new("ooc_default", |_| {});
    side.message(Time::ZERO, INFO.as_bytes());
    assert_eq!(side.ladder(), ["0 200"]);
    let dummy = Side::new("ooc_dummy", |_| {});
    assert_eq!(dummy.program.steps.len(), 1);
}

#[test]
fn the_abort_for_the_twin_can_be_replaced() {
    let own = "<DefaultMessage id=\"3pcc_abort\"><![CDATA[\ncall-id: [call_id]\ninternal-cmd: abort_call\nx: y\n]]></DefaultMessage>";
    let mut side = Side::new(&scenario(&format!("{own}{TWO_COMMANDS}")), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    side.message(Time::ZERO, INFO.replace("INFO", "PRACK").as_bytes());
    assert!(side.commands[1].ends_with(b"abort_call\r\nx: y\r\n\r\n\x1b"), "{:?}", side.commands);
}
