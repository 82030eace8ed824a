//! The caller's CANCEL (RFC 3261 9, 16.10), a row for each: what it does to branches, what it carries.

use bytes::Bytes;
use sip::time::Time;

use super::super::cancel::Unreplied;
use super::super::{Cancelled, OnGlobalFailure, Settings};
use super::Do::{Cancel, Reply};
use super::{Events, Stage, run_with};

/// `cancel_b_method` says what becomes of a branch without any reply.
#[test]
fn branches_without_a_reply() {
    let rows: [(&str, Unreplied, &Events, &[&str]); 6] = [
        (
            "method 1: the INVITE goes on, the CANCEL follows the first 1xx, which is not relayed",
            Unreplied::KeepSending,
            &[(100, Cancel), (700, Reply(0, "180 A")), (720, Reply(0, "487 A"))],
            &["500 INVITE 0", "700 CANCEL 0", "720 ACK 0", "720 487 A", "1200 CANCEL 0", "2200 CANCEL 0"],
        ),
        (
            "method 1: nothing ever comes, 487 made here at fr_timer",
            Unreplied::KeepSending,
            &[(100, Cancel)],
            &["500 INVITE 0", "1500 INVITE 0", "2000 487 Request Terminated"],
        ),
        (
            "method 1: a final reply comes all the same",
            Unreplied::KeepSending,
            &[(100, Cancel), (200, Reply(0, "486 A"))],
            &["200 ACK 0", "200 486 A"],
        ),
        (
            "method 0: 487 made here at once, nothing is sent again",
            Unreplied::Fake487,
            &[(100, Cancel)],
            &["100 487 Request Terminated"],
        ),
        (
            "method 0: a late 180 brings the CANCEL",
            Unreplied::Fake487,
            &[(100, Cancel), (300, Reply(0, "180 A")), (320, Reply(0, "487 A"))],
            &["100 487 Request Terminated", "300 CANCEL 0", "320 ACK 0", "800 CANCEL 0", "1800 CANCEL 0"],
        ),
        (
            "method 2: the INVITE is not sent again",
            Unreplied::StopSending,
            &[(100, Cancel), (300, Reply(0, "180 A")), (320, Reply(0, "487 A"))],
            &["300 CANCEL 0", "320 ACK 0", "320 487 A", "800 CANCEL 0", "1800 CANCEL 0"],
        ),
    ];
    for (name, unreplied, events, sent) in rows {
        let change = |settings: Settings| Settings { unreplied, ..settings };
        assert_eq!(run_with(change, 1, events, 4_000), sent, "{name}");
    }
}

#[test]
fn a_ringing_call_is_cancelled_and_a_1xx_behind_it_stays_here() {
    let events = [(10, Reply(0, "180 A")), (100, Cancel), (110, Reply(0, "183 A")), (120, Reply(0, "487 A"))];
    let sent = ["10 180 A", "100 CANCEL 0", "120 ACK 0", "120 487 A"];
    assert_eq!(run_with(|it| it, 1, &events, 500), sent);
}

#[test]
fn a_second_cancel_changes_nothing() {
    let events = [(10, Reply(0, "180 A")), (100, Cancel), (110, Cancel), (120, Reply(0, "487 A"))];
    assert_eq!(run_with(|it| it, 1, &events, 500), ["10 180 A", "100 CANCEL 0", "120 ACK 0", "120 487 A"]);
}

#[test]
fn only_branches_without_a_final_reply_are_cancelled() {
    let events = [(10, Reply(0, "180 A")), (20, Reply(1, "486 B")), (30, Reply(2, "180 C")), (100, Cancel)];
    let sent = ["10 180 A", "20 ACK 1", "30 180 C", "100 CANCEL 0", "100 CANCEL 2"];
    assert_eq!(run_with(|it| it, 3, &events, 500), sent);
}

/// 5.6.3: the INVITE is answered `487 Request canceled` when nothing was sent for it.
#[test]
fn a_call_without_branches_is_answered_at_once() {
    let mut stage = Stage::new(0);
    assert_eq!(stage.relay.cancel(Time::ZERO, stage.id, Bytes::new()), Cancelled::NothingPending);
    assert_eq!(stage.sent_now(), ["487 Request canceled"]);
}

#[test]
fn a_call_that_was_answered_has_nothing_to_cancel() {
    let mut stage = Stage::new(1);
    stage.reply(10, 0, "200 OK");
    assert_eq!(stage.relay.cancel(Time::from_millis(20), stage.id, Bytes::new()), Cancelled::NothingPending);
    assert!(stage.sent_now().is_empty());
}

/// `local_cancel_reason`, `e2e_cancel_reason`, `disable_6xx_block`.
#[test]
fn reasons_and_their_switches() {
    let events = [(10, Reply(1, "180 B")), (100, Reply(0, "603 A"))];
    let silent = |settings| Settings { local_cancel_reason: false, ..settings };
    assert_eq!(run_with(silent, 2, &events, 400), ["10 180 B", "100 ACK 0", "100 CANCEL 1"]);
    let patient = |settings| Settings { on_global_failure: OnGlobalFailure::Wait, ..settings };
    assert_eq!(run_with(patient, 2, &events, 400), ["10 180 B", "100 ACK 0"]);
    for (copies, sent) in [(true, "CANCEL sip:b0@yReason: SIP;cause=600"), (false, "CANCEL sip:b0@y")] {
        let mut stage = Stage::with(1, |settings| Settings { caller_cancel_reason: copies, ..settings });
        stage.reply(10, 0, "180 Ringing");
        let reasons = Bytes::from_static(b"Reason: SIP;cause=600\r\n");
        stage.relay.cancel(Time::from_millis(20), stage.id, reasons);
        assert_eq!(stage.sent_now(), [sent]);
    }
}
