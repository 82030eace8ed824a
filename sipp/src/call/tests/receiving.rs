//! Matching: which message fits which `recv`, and what happens to those that fit none.

use std::time::Duration;

use sip::time::Time;

use super::{Cause, Count, Origin, Outcome, Side, reply, run_pair, scenario};
use crate::state::{Behaviours, StepIndex};

const OPTIONS: &str = "<send><![CDATA[\nOPTIONS sip:b SIP/2.0\nVia: SIP/2.0/UDP h;branch=[branch]\nFrom: <sip:a>\n\
    To: <sip:b>\nCall-ID: [call_id]\nCSeq: [cseq] OPTIONS\n]]></send>";

fn opened(messages: &str) -> Side {
    let mut side = Side::new(&scenario(messages), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    side
}

fn answer(side: &mut Side, status: &str) {
    let request = side.sent[0].1.clone();
    side.message(Time::from_millis(10), &reply(&request, status));
}

fn step(side: &Side) -> usize {
    side.call.as_ref().map_or(0, |call| call.state().step.get())
}

fn request(method: &str, cseq: u32) -> String {
    format!(
        "{method} sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{method}{cseq}\r\nFrom: <sip:b>;tag=1\r\n\
         To: <sip:a>\r\nCall-ID: 1-42@127.0.0.1\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Optional messages come in any order; the call moves behind the last one (SIPp's way).
#[test]
fn optional_messages_may_come_in_any_order() {
    let mut side = opened(&format!(
        "{OPTIONS}<recv response=\"180\" optional=\"true\"/><recv response=\"100\" optional=\"true\"/>\
         <recv response=\"200\"/>"
    ));
    for (status, position) in [("100 Trying", 3), ("180 Ringing", 2), ("100 Again", 3)] {
        answer(&mut side, status);
        assert_eq!(step(&side), position, "{status}");
    }
    answer(&mut side, "200 OK");
    assert_eq!(side.outcome, Some(Outcome::Succeeded));
}

#[test]
fn a_global_message_of_earlier_leaves_the_call_where_it_is() {
    let mut side = opened(&format!(
        "{OPTIONS}<recv request=\"INFO\" optional=\"global\"/><recv response=\"200\"/><pause milliseconds=\"500\"/>\
         <recv request=\"BYE\"/>"
    ));
    answer(&mut side, "200 OK");
    side.message(Time::from_millis(20), request("INFO", 1).as_bytes());
    assert_eq!((step(&side), side.deadline()), (3, Some(Time::from_millis(510))));
    assert_eq!(side.outcome, None);
}

/// The timeout is that of the message the call stands on, armed anew behind each optional one.
#[test]
fn receive_timeouts_belong_to_the_message_the_call_stands_on() {
    let mut side = opened(&format!(
        "{OPTIONS}<recv response=\"180\" optional=\"true\" timeout=\"300\" ontimeout=\"end\"/>\
         <recv response=\"200\" timeout=\"1500\"/><label id=\"end\"/>"
    ));
    assert_eq!(side.deadline(), Some(Time::from_millis(300)));
    let request = side.sent[0].1.clone();
    side.message(Time::from_millis(200), &reply(&request, "180 Ringing"));
    assert_eq!(side.deadline(), Some(Time::from_millis(1700)));
}

#[test]
fn a_receive_timeout_jumps_to_its_label() {
    let mut side = opened(&format!(
        "{OPTIONS}<recv response=\"200\" timeout=\"300\" ontimeout=\"1\"/><label id=\"1\"/>"
    ));
    side.input(Time::from_millis(300), super::super::Input::Deadline);
    assert_eq!(side.outcome, Some(Outcome::Succeeded));
    assert_eq!(
        side.complaints(),
        ["Call-Id: 1-42@127.0.0.1, receive timeout on message test:1, jumping to label 2"]
    );
    assert_eq!(side.count(|count| count == Count::Timeout(StepIndex(1))), 1);
}

/// A response must answer a method that was sent earlier in the document.
#[test]
fn a_response_to_another_method_is_unexpected() {
    let mut side = opened(&format!("{OPTIONS}<recv response=\"200\"/>"));
    let text = String::from_utf8_lossy(&side.sent[0].1).replace("1 OPTIONS", "1 INVITE");
    side.message(Time::from_millis(5), &reply(text.as_bytes(), "200 OK"));
    assert_eq!(side.outcome, Some(Outcome::Failed(Some(Cause::UnexpectedMessage))));
}

#[test]
fn requests_match_by_expression() {
    let mut side = Side::new(&scenario("<recv request=\"^(INFO|UPDATE)$\" regexp_match=\"true\"/>"), |_| {});
    side.message(Time::ZERO, request("UPDATE", 1).as_bytes());
    assert_eq!(side.outcome, Some(Outcome::Succeeded));
}

/// With `response_txn` the branch decides.
#[test]
fn responses_find_their_transaction() {
    let txn = OPTIONS.replace("<send>", "<send start_txn=\"t\">");
    let mut side = opened(&format!("{txn}<recv response=\"200\" response_txn=\"t\"/>"));
    let other = String::from_utf8_lossy(&side.sent[0].1).replace("z9hG4bK-42", "z9hG4bK-43");
    let mut stray = opened(&format!("{txn}<recv response=\"200\" response_txn=\"t\"/>"));
    stray.message(Time::ZERO, &reply(other.as_bytes(), "200 OK"));
    assert_eq!(stray.outcome, Some(Outcome::Failed(Some(Cause::UnexpectedMessage))));
    answer(&mut side, "200 OK");
    assert_eq!(side.outcome, Some(Outcome::Succeeded));
}

#[test]
fn next_test_and_condexec_decide_by_set_variables() {
    let side = opened(
        "<nop><action><assign assign_to=\"yes\" value=\"1\"/><assign assign_to=\"no\" value=\"0\"/></action></nop>\
         <nop next=\"a\" test=\"no\"><action><log message=\"one\"/></action></nop>\
         <nop next=\"a\" test=\"yes\"><action><log message=\"two\"/></action></nop>\
         <nop><action><log message=\"never\"/></action></nop>\
         <label id=\"a\"/>\
         <nop condexec=\"no\"><action><log message=\"never\"/></action></nop>\
         <nop condexec=\"no\" condexec_inverse=\"true\"><action><log message=\"three\"/></action></nop>",
    );
    assert_eq!(side.logged(), ["one", "two", "three"]);
}

#[test]
fn chance_jumps_as_often_as_it_says() {
    let taken = (0..200).filter(|seed| {
        let text = scenario(
            "<nop next=\"a\" chance=\"0.25\"/><nop><action><log message=\"stayed\"/></action></nop><label id=\"a\"/>",
        );
        let mut side = Side::new(&text, |_| {});
        side.world.ident = sip::ident::Ident::seeded(*seed);
        side.open(Time::ZERO, Origin::Opened);
        side.logged().is_empty()
    });
    let taken = taken.count();
    assert!((30..70).contains(&taken), "{taken} of 200");
}

#[test]
fn timers_and_counters_are_reported() {
    let mut side = opened(&format!(
        "<nop start_rtd=\"a\" counter=\"c\"/>{OPTIONS}<recv response=\"200\" rtd=\"a\"/>\
         <nop rtd=\"a\"/><nop rtd=\"a\" repeat_rtd=\"true\"/>"
    ));
    answer(&mut side, "200 OK");
    let times: Vec<_> = side
        .log
        .iter()
        .filter_map(|output| match output {
            super::Output::ResponseTime { timer: 0, took, .. } => Some(*took),
            _ => None,
        })
        .collect();
    assert_eq!(times, [Duration::from_millis(10); 2], "the first stop and the repeated one");
    assert_eq!(side.count(|count| count == Count::Counter(0)), 1);
}

/// The call starts 5 ms late, its pause ends 3 ms late: both requests were due earlier than they were sent.
#[test]
fn a_response_time_knows_how_late_its_request_was() {
    let messages = format!(
        "{}<recv response=\"200\" rtd=\"a\"/><pause milliseconds=\"20\"/>{}<recv response=\"200\" rtd=\"b\"/>",
        OPTIONS.replace("<send>", "<send start_rtd=\"a\">"),
        OPTIONS.replace("<send>", "<send start_rtd=\"b\">"),
    );
    let mut side = Side::new(&scenario(&messages), |_| {});
    side.create(Time::from_millis(5), Origin::Opened);
    side.call.as_mut().expect("it was created").was_due(Time::ZERO);
    side.input(Time::from_millis(5), super::Input::Start);
    answer(&mut side, "200 OK");
    let pause_ends = side.deadline().expect("it pauses");
    side.input(pause_ends + Duration::from_millis(3), super::Input::Deadline);
    let request = side.sent[1].1.clone();
    side.message(pause_ends + Duration::from_millis(7), &reply(&request, "200 OK"));
    let times = side.log.iter().filter_map(|output| match output {
        super::Output::ResponseTime { took, late, .. } => Some((took.as_millis(), late.as_millis())),
        super::Output::Ended(verdict) => Some((verdict.length.as_millis(), verdict.late.as_millis())),
        _ => None,
    });
    assert_eq!(times.collect::<Vec<_>>(), [(5, 5), (4, 3), (32, 5)]);
}

#[test]
fn lost_messages_are_counted_and_not_sent() {
    let mut side = opened(&OPTIONS.replace("<send>", "<send lost=\"100\">"));
    assert_eq!((side.sent.len(), side.count(|count| count == Count::Lost(StepIndex(0)))), (0, 1));
    assert_eq!(side.outcome, Some(Outcome::Succeeded));
    side = opened(&format!("{OPTIONS}<recv response=\"200\" lost=\"100\"/>"));
    side.sent.push((Time::ZERO, side.sent[0].1.clone()));
    answer(&mut side, "200 OK");
    assert_eq!((side.outcome, side.count(|count| count == Count::Lost(StepIndex(1)))), (None, 1));
}

#[test]
fn unexpected_requests_are_answered_when_asked_for() {
    let wait = format!("{OPTIONS}<recv response=\"200\"/>");
    let mut aa = Side::new(&scenario(&wait), |settings| settings.auto_answer = true);
    aa.open(Time::ZERO, Origin::Opened);
    aa.message(Time::ZERO, request("INFO", 7).as_bytes());
    let answer = String::from_utf8_lossy(&aa.sent[1].1).into_owned();
    assert!(answer.starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKINFO7\r\n"), "{answer}");
    assert_eq!((aa.outcome, aa.count(|count| count == Count::AutoAnswered)), (None, 1));
    let mut ping = opened(&wait);
    ping.message(Time::ZERO, request("PING", 7).as_bytes());
    assert_eq!((ping.outcome, ping.sent.len()), (Some(Outcome::Unjudged), 2));
    let mut bye = opened(&wait);
    bye.message(Time::ZERO, request("BYE", 7).as_bytes());
    assert_eq!((bye.outcome, bye.sent.len()), (Some(Outcome::Failed(Some(Cause::UnexpectedMessage))), 2));
    assert_eq!(bye.complaints(), ["Aborting call on an unexpected BYE for call: 1-42@127.0.0.1"]);
}

/// What made the call is answered automatically: then there is no call. One that began earlier goes on.
#[test]
fn a_request_answered_before_it_was_a_call_is_none() {
    let text = scenario("<recv request=\"INVITE\"/><recv request=\"ACK\"/>");
    let answered = |first: &[&str]| {
        let mut side = Side::new(&text, |settings| settings.auto_answer = true);
        side.open(Time::ZERO, Origin::Received);
        for method in first {
            side.message(Time::ZERO, request(method, 7).as_bytes());
        }
        (side.outcome, side.sent.len())
    };
    assert_eq!(answered(&["OPTIONS"]), (Some(Outcome::Unjudged), 1));
    assert_eq!(answered(&["INVITE", "OPTIONS"]), (None, 1));
}

#[test]
fn without_default_behaviours_unexpected_messages_change_nothing() {
    let text = scenario(&format!("{OPTIONS}<recv response=\"200\"/>"));
    let mut side = Side::new(&text, |settings| settings.behaviours = Behaviours::NONE);
    side.open(Time::ZERO, Origin::Opened);
    side.message(Time::ZERO, request("BYE", 7).as_bytes());
    answer(&mut side, "404 Not Found");
    assert_eq!((side.outcome, side.sent.len()), (None, 1));
    answer(&mut side, "200 OK");
    assert_eq!(side.outcome, Some(Outcome::Succeeded));
}

/// A recorded route set is used by `[routes]` and `[next_url]` (RFC 3261 12.1.2).
#[test]
fn route_sets_are_recorded_once() {
    let mut side = opened(&format!(
        "{OPTIONS}<recv response=\"200\" rrs=\"true\"/>\
         <send><![CDATA[\nBYE [next_url] SIP/2.0\n[routes]\nCSeq: 2 BYE\n]]></send>"
    ));
    let text = String::from_utf8_lossy(&reply(&side.sent[0].1.clone(), "200 OK")).into_owned();
    let routed = text.replace(
        "Content-Length",
        "Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\nContact: \"B\" <sip:b@c>\r\nContent-Length",
    );
    side.message(Time::ZERO, routed.as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&side.sent[1].1),
        "BYE sip:b@c SIP/2.0\r\nRoute: <sip:p3;lr>, <sip:p2;lr>, <sip:p1;lr>\r\nCSeq: 2 BYE\r\n\r\n"
    );
}

/// `_unexp.main`: the message is taken again behind the label, which can return with `jump`.
#[test]
fn a_label_takes_unexpected_messages() {
    let mut side = opened(
        "<pause milliseconds=\"1000\"/><nop next=\"end\"/>\
         <label id=\"_unexp.main\"/><recv request=\"INFO\"/>\
         <nop><action><pauserestore variable=\"_unexp.pausedaddr\"/><assign assign_to=\"back\" \
         variable=\"_unexp.retaddr\"/><assign assign_to=\"_unexp.retaddr\" value=\"0\"/>\
         <jump variable=\"back\"/></action></nop><label id=\"end\"/>",
    );
    side.message(Time::from_millis(100), request("INFO", 1).as_bytes());
    assert_eq!((step(&side), side.deadline(), side.outcome), (0, Some(Time::from_millis(1000)), None));
}

/// The same bytes twice: the answer is sent again, nothing else happens.
#[test]
fn a_repeated_final_response_gets_its_ack_again() {
    let invite = OPTIONS.replace("OPTIONS", "INVITE");
    let mut side = opened(&format!(
        "{invite}<recv response=\"200\"/>{}<pause milliseconds=\"1000\"/>",
        OPTIONS.replace("OPTIONS", "ACK")
    ));
    answer(&mut side, "200 OK");
    answer(&mut side, "200 OK");
    answer(&mut side, "200 Fine");
    assert_eq!(side.ladder(), ["0 INVITE", "10 ACK", "10 ACK", "10 ACK"]);
    assert_eq!(side.count(|count| count == Count::Retrans(StepIndex(1))), 2);
    assert_eq!(side.count(|count| count == Count::Retrans(StepIndex(2))), 2);
}

/// SIPp 3.7: an ACK with another sequence number than the INVITE fails the call.
#[test]
fn an_ack_must_have_the_number_of_its_invite() {
    let number = |ack: &str| ack.replace("CSeq: 1 ACK", "CSeq: 2 ACK");
    for (behaviours, outcome) in [
        (Behaviours::ALL, Some(Outcome::Failed(None))),
        (Behaviours { cseq: false, ..Behaviours::ALL }, None),
    ] {
        let mut client = Side::new("uac", |_| {});
        let mut server = Side::new("uas", |settings| settings.behaviours = behaviours);
        run_pair(&mut client, &mut server, &[2, 3, 4, 5, 6, 7], Duration::from_millis(50));
        let invite = client.sent[0].1.clone();
        let ack = String::from_utf8_lossy(&invite).replace("INVITE", "ACK");
        server.message(Time::from_millis(60), number(&ack).as_bytes());
        assert_eq!(server.outcome, outcome, "{:?}", server.complaints());
    }
}

#[test]
fn a_bye_after_an_unexpected_request_belongs_to_the_dialog() {
    let mut client = Side::new("uac", |settings| settings.pause = Duration::from_secs(1));
    client.open(Time::ZERO, Origin::Opened);
    client.message(Time::ZERO, &reply(&client.sent[0].1.clone(), "200 OK"));
    let request = "INFO sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKi\r\nFrom: <sip:peer>;tag=1\r\n\
        To: <sip:us>;tag=2\r\nCall-ID: 1-42@127.0.0.1\r\nCSeq: 9 INFO\r\n\r\n";
    client.message(Time::ZERO, request.as_bytes());
    let bye = String::from_utf8_lossy(&client.sent[2].1).into_owned();
    assert!(bye.starts_with("BYE sip:service@127.0.0.1:5060 SIP/2.0\r\n"), "{bye}");
    assert!(bye.contains("From: sipp <sip:sipp@127.0.0.1:5060>;tag=42SIPpTag001\r\n"), "{bye}");
    assert!(bye.contains("To: service <sip:service@127.0.0.1:5060>;tag=peer\r\n"), "{bye}");
}
