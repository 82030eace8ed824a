//! Timers of a relayed call (RFC 3261 17, with Kamailio's parameters), a row for each.

use sip::txn::{Millis, Restart, Timers};

use super::super::Settings;
use super::Do::{self, Reply};
use super::{Events, run_method, run_unacknowledged, run_with};

/// The defaults of Kamailio with fr_timer 12 s: measured there to the tenth of a second.
fn measured(settings: Settings) -> Settings {
    let change = |timers: Timers| Timers { final_response: Millis(12_000), ..timers };
    Settings {
        invite: change(Settings::default().invite),
        non_invite: change(Settings::default().non_invite),
        ..settings
    }
}

const UNTIL_T2: [&str; 5] = ["500 X 0", "1500 X 0", "3500 X 0", "7500 X 0", "11500 X 0"];

#[test]
fn requests_are_sent_again_up_to_t2_and_end_at_fr_timer() {
    for method in ["INVITE", "OPTIONS"] {
        let seen = run_method(measured, method, &[], 13_000);
        let mut expected: Vec<String> = UNTIL_T2.iter().map(|line| line.replace('X', method)).collect();
        expected.push("12000 408 Request Timeout".into());
        assert_eq!(seen, expected, "{method}");
    }
}

#[test]
fn another_request_that_was_received_is_sent_again_every_t2() {
    let seen = run_method(measured, "MESSAGE", &[(100, Reply(0, "100 Trying"))], 13_000);
    assert_eq!(seen, ["4100 MESSAGE 0", "8100 MESSAGE 0", "12000 408 Request Timeout"]);
}

/// `restart_fr_on_each_reply`
#[test]
fn provisional_replies_begin_fr_inv_timer_anew() {
    let rings = [(100, Reply(0, "180 A")), (2000, Reply(0, "180 A")), (4000, Reply(0, "183 A"))];
    let rows: [(&str, Restart, &Events, &str); 4] = [
        ("each", Restart::Each, &rings, "7000 408 Request Timeout"),
        ("higher ones only", Restart::Higher, &rings[..2], "3100 408 Request Timeout"),
        ("a first 100 counts", Restart::Higher, &[(100, Reply(0, "100 T"))], "3100 408 Request Timeout"),
        (
            "183 after 180 is higher",
            Restart::Higher,
            &[(100, Reply(0, "180 A")), (2000, Reply(0, "183 A"))],
            "5000 408 Request Timeout",
        ),
    ];
    for (name, restart, events, end) in rows {
        let change =
            |settings: Settings| Settings { invite: Timers { restart, ..settings.invite }, ..settings };
        let seen = run_with(change, 1, events, 8_000);
        assert!(seen.iter().any(|line| line == end), "{name}: {seen:?}");
    }
}

/// A negative final reply is sent again until its ACK, but no longer than wt_timer.
#[test]
fn a_negative_final_is_sent_again_until_wt_timer() {
    for (linger, sent) in [(5_000, &[0, 500, 1500, 3500][..]), (9_000, &[0, 500, 1500, 3500, 7500][..])] {
        let change = |settings: Settings| Settings {
            invite: Timers { linger: Millis(linger), ..settings.invite },
            ..settings
        };
        let seen = run_unacknowledged(change, &[(0, Reply(0, "486 A"))], 20_000);
        let expected: Vec<String> = std::iter::once("0 ACK 0".to_owned())
            .chain(sent.iter().map(|at| format!("{at} 486 A")))
            .collect();
        assert_eq!(seen, expected, "wt_timer {linger}");
    }
}

/// The hop ACK is sent again for each retransmission of the reply.
#[test]
fn a_repeated_negative_final_is_acknowledged_each_time() {
    let again = [(10, Reply(0, "486 A")), (510, Reply(0, "486 A")), (1510, Reply(0, "486 A"))];
    let acks = run_with(|it| it, 1, &again, 2_000).into_iter().filter(|line| line.contains("ACK"));
    assert_eq!(acks.collect::<Vec<_>>(), ["10 ACK 0", "510 ACK 0", "1510 ACK 0"]);
}

/// A relayed 2xx is not sent again by us.
#[test]
fn a_relayed_2xx_goes_up_once_each_time_it_comes() {
    assert_eq!(run_with(|it| it, 1, &[(10, Reply(0, "200 A"))], 60_000), ["10 200 A"]);
}

/// `max_inv_lifetime` ends what provisional replies keep alive.
#[test]
fn nothing_outlives_its_longest_life() {
    let rings: Vec<(u64, Do)> = (0..20).map(|at| (at * 1000 + 10, Reply(0, "180 A"))).collect();
    let change = |settings: Settings| Settings {
        invite: Timers { lifetime: Millis(6_000), ..settings.invite },
        ..settings
    };
    let seen = run_with(change, 1, &rings, 7_000);
    assert!(seen.contains(&"6000 408 Request Timeout".to_owned()), "{seen:?}");
    assert!(seen.contains(&"6000 CANCEL 0".to_owned()), "{seen:?}");
}
