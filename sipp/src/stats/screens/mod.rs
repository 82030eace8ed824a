//! SIPp's screens as text, column by column as SIPp 3.6.1 prints them (measured): dashboards parse these.
//!
//! Used for the closing statistics and `-trace_screen`; the live screens show the same lines.

mod circuits;
mod media;
mod scenario;
mod statistics;

use super::layout::{Part, Role};
use super::snapshot::{Baseline, Phase, Snapshot};

/// The screens that are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// Key 1.
    Scenario,
    /// Key 2.
    Statistics,
    /// Keys 3 and 6 to 9: the response time of that index, and with the first one the call length.
    Repartition(usize),
    /// Key 4.
    Variables,
    /// Key 5 with `-tdmmap`.
    Circuits,
    /// Key m: ours.
    Media,
}

impl Screen {
    /// The first line.
    pub(crate) fn title(self) -> String {
        match self {
            Screen::Scenario => {
                "------------------------------ Scenario Screen -------- [1-9]: Change Screen --".into()
            }
            Screen::Statistics => {
                "----------------------------- Statistics Screen ------- [1-9]: Change Screen --".into()
            }
            Screen::Repartition(0) => {
                "---------------------------- Repartition Screen ------- [1-9]: Change Screen --".into()
            }
            Screen::Repartition(index) => {
                format!(
                    "--------------------------- Repartition {} Screen ------ [1-9]: Change Screen --",
                    index + 1
                )
            }
            Screen::Variables => {
                "----------------------------- Variables Screen -------- [1-9]: Change Screen --".into()
            }
            Screen::Circuits => {
                "------------------------------ TDM map Screen --------- [1-9]: Change Screen --".into()
            }
            Screen::Media => {
                "------------------------------- Media Screen ---------- [1-9]: Change Screen --".into()
            }
        }
    }

    /// The lines between the first and the last. `since` is where the periodic columns begin.
    pub(crate) fn lines(self, snapshot: &Snapshot, since: &Baseline) -> Vec<String> {
        match self {
            Screen::Scenario => scenario::lines(snapshot, since),
            Screen::Statistics => statistics::lines(snapshot, since),
            Screen::Repartition(index) => statistics::repartition_lines(snapshot, index),
            Screen::Variables => statistics::variables_lines(&snapshot.layout),
            Screen::Circuits => circuits::lines(snapshot.circuits.as_ref()),
            Screen::Media => media::lines(snapshot),
        }
    }

    /// The whole screen as text, each line with its end.
    pub(crate) fn text(self, snapshot: &Snapshot, since: &Baseline) -> String {
        let mut text = title_of(self.title(), snapshot) + "\n";
        for line in self.lines(snapshot, since) {
            text.push_str(&line);
            text.push('\n');
        }
        text.push_str(&state_bar(snapshot));
        text.push('\n');
        text
    }
}

/// A first line with the word of the scenario it is about, unless that is the main one.
pub(crate) fn title_of(title: String, snapshot: &Snapshot) -> String {
    match (snapshot.layout.part, snapshot.layout.part.word()) {
        (Part::Main, _) => title,
        // All titles begin with more dashes than that.
        (_, word) => format!("-- {word} {}", title.get(word.len() + 4..).unwrap_or_default()),
    }
}

/// The last line: what the run is doing, and its keys.
pub(crate) fn state_bar(snapshot: &Snapshot) -> String {
    if snapshot.setup.mixed && snapshot.phase == Phase::Running {
        let text = format!(
            " Sipp Mixed Mode - {} ---- [q]: Soft exit ---- [p]: Pause traffic ",
            snapshot.layout.part.word()
        );
        return format!("{text:-^79}");
    }
    match (snapshot.phase, snapshot.layout.role) {
        (Phase::Running, Role::Client) => {
            "------ [+|-|*|/]: Adjust rate ---- [q]: Soft exit ---- [p]: Pause traffic -----"
        }
        (Phase::Running, Role::Server) => {
            "------------------------------ SIPp Server Mode -------------------------------"
        }
        (Phase::Paused, _) => {
            "----------------- Traffic Paused - Press [p] again to resume ------------------"
        }
        (Phase::Quitting, _) => {
            "------- Waiting for active calls to end. Press [q] again to force exit. -------"
        }
        (Phase::Ended, _) => {
            "------------------------------ Test Terminated --------------------------------"
        }
    }
    .into()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use sip::time::Time;

    use super::Screen;
    use crate::stats::counters::{Counters, Length, Shape};
    use crate::stats::layout::{Kind, Layout, Line, Part, Role};
    use crate::stats::pacing::Pacing;
    use crate::stats::seconds::Record;
    use crate::stats::snapshot::{
        Activity, Baseline, MediaTraffic, Network, Peak, Phase, Setup, Snapshot, Target,
    };
    use crate::stats::times::Wall;

    fn line(kind: Kind) -> Line {
        Line { kind, starts: None, ends: None, hidden: false, gap_after: false }
    }

    /// A client that made five calls, like the built-in uac.
    pub(crate) fn client() -> Snapshot {
        let send = |what: &str, retransmits| line(Kind::Send { what: what.into(), retransmits });
        let lines = vec![
            send("INVITE", true),
            line(Kind::Receive("180".into())),
            Line { ends: Some(1), ..line(Kind::Receive("200".into())) },
            send("ACK", false),
            line(Kind::Pause("200ms".into())),
            line(Kind::Nop(String::new())),
        ];
        let shape = Shape {
            messages: lines.len(),
            generic: 1,
            response_borders_ms: vec![vec![10, 200]],
            length_borders_ms: vec![10, 500],
        };
        let mut counters = Counters::new(&shape);
        for message in &mut counters.messages {
            message.done = 5;
        }
        counters.totals.outgoing = 5;
        counters.generic[0] = 9;
        for _ in 0..5 {
            let length = Length { since_created: Duration::from_millis(208), late: Duration::ZERO };
            counters.call_succeeded(length);
            counters.response_times[0].record(Duration::from_millis(3), Duration::ZERO);
        }
        let layout = Layout {
            name: "uac".into(),
            part: Part::Main,
            role: Role::Client,
            lines,
            response_times: vec!["1".into()],
            counters: vec!["foo".into()],
            actions: Vec::new(),
        };
        let setup = Setup {
            wall: Wall { origin_unix_micros: 1_795_270_323_773_559, ..Wall::default() },
            port: 15991,
            transport: "UDP".into(),
            remote: "127.0.0.1:15990".into(),
            pause: Duration::from_millis(200),
            stop_after: Some(5),
            ..Setup::default()
        };
        Snapshot {
            layout: Arc::new(layout),
            setup: Arc::new(setup),
            at: Time::from_millis(700),
            began: Baseline::default(),
            counters,
            target: Target::Rate { calls: 10.0, period: Duration::from_secs(1) },
            limit: 30,
            peak: Peak { calls: 3, at: Time::ZERO },
            created: 5,
            activity: Activity { open: 0, all: 0, waiting: 0, woken: 12 },
            network: Network::default(),
            media: MediaTraffic::default(),
            circuits: None,
            pacing: Pacing::default(),
            threads: Vec::new(),
            seconds: Record::default(),
            dropped_records: 0,
            reasons: vec![
                ("404 instead of 200 at message 2".into(), 3),
                ("no 200 in time at message 2".into(), 1),
            ],
            phase: Phase::Ended,
            reveals_hidden: false,
            last_error: None,
        }
    }

    fn lines(screen: Screen) -> Vec<String> {
        let snapshot = client();
        let since = Baseline::of(&snapshot);
        screen.text(&snapshot, &since).lines().map(str::to_owned).collect()
    }

    /// Lines printed by SIPp 3.6.1.
    #[test]
    fn scenario_screen_has_sipps_columns() {
        let lines = lines(Screen::Scenario);
        let expected = [
            (1, "  Call rate (length)   Port   Total-time  Total-calls  Remote-host"),
            (2, "  10.0(200 ms)/1.000s   15991      0.70 s            5  127.0.0.1:15990(UDP)"),
            (4, "  Call limit 5 hit, 0.0 s period          0 ms scheduler resolution            "),
            (5, "  0 calls (limit 30)                      Peak was 3 calls, after 0 s"),
            (7, "  0 dead call msg (discarded)             0 out-of-call msg (discarded)"),
            (8, "  0 open sockets                          0/0/0 UDP errors (send/recv/cong)"),
            (11, "      INVITE ---------->         5         0         0                         "),
            (12, "         180 <----------         5         0         0         0               "),
            (13, "         200 <----------  E-RTD1 5         0         0         0               "),
            (14, "         ACK ---------->         5         0                                   "),
            (15, "       Pause [    200ms]         5                             0        "),
            (16, "              [ NOP ]              "),
            (17, "------------------------------ Test Terminated --------------------------------"),
        ];
        for (number, text) in expected {
            assert_eq!(lines[number], text, "line {number}");
        }
    }

    /// With two scenarios each screen says which one it shows.
    #[test]
    fn screens_of_a_second_scenario_are_told_apart() {
        let mut snapshot = client();
        let layout = Layout { part: Part::Receiving, ..(*snapshot.layout).clone() };
        snapshot.layout = Arc::new(layout);
        snapshot.setup = Arc::new(Setup { mixed: true, ..(*snapshot.setup).clone() });
        snapshot.phase = Phase::Running;
        let text = Screen::Scenario.text(&snapshot, &Baseline::of(&snapshot));
        let title = "-- rx ------------------------ Scenario Screen -------- [1-9]: Change Screen --";
        assert_eq!(text.lines().next(), Some(title));
        let bar = "------ Sipp Mixed Mode - rx ---- [q]: Soft exit ---- [p]: Pause traffic -------";
        assert_eq!(text.lines().last(), Some(bar));
    }

    #[test]
    fn hidden_messages_are_shown_when_asked_for() {
        let mut snapshot = client();
        let mut layout = (*snapshot.layout).clone();
        layout.lines[1].hidden = true;
        snapshot.layout = Arc::new(layout);
        let shows_180 = |snapshot: &Snapshot| {
            let lines = Screen::Scenario.lines(snapshot, &Baseline::of(snapshot));
            lines.iter().any(|line| line.starts_with("         180"))
        };
        assert!(!shows_180(&snapshot));
        snapshot.reveals_hidden = true;
        assert!(shows_180(&snapshot));
    }

    #[test]
    fn server_lines_are_mirrored() {
        let mut snapshot = client();
        let mut layout = (*snapshot.layout).clone();
        layout.role = Role::Server;
        layout.lines = vec![
            Line { gap_after: true, ..line(Kind::Receive("INVITE".into())) },
            line(Kind::Send { what: "180".into(), retransmits: false }),
            Line { ends: Some(1), ..line(Kind::Receive("ACK".into())) },
            line(Kind::Pause("4000ms".into())),
        ];
        snapshot.layout = Arc::new(layout);
        let lines = Screen::Scenario.lines(&snapshot, &Baseline::of(&snapshot));
        let expected = [
            (0, "  Port   Total-time  Total-calls  Transport"),
            (1, "  15991      0.70 s            5  UDP"),
            (6, "  0 dead call msg (discarded)           "),
            (10, "  ----------> INVITE             5         0         0         0               "),
            (11, ""),
            (12, "  <---------- 180                5         0                                   "),
            (13, "  ----------> ACK         E-RTD1 5         0         0         0               "),
            (14, "  [   4000ms] Pause              5                             0        "),
        ];
        for (number, text) in expected {
            assert_eq!(lines[number], text, "line {number}");
        }
    }

    /// Lines printed by SIPp 3.6.1 on either side.
    #[test]
    fn commands_look_the_same_on_both_sides() {
        for role in [Role::Client, Role::Server] {
            let mut snapshot = client();
            let mut layout = (*snapshot.layout).clone();
            layout.role = role;
            layout.lines = vec![line(Kind::SendCommand), line(Kind::ReceiveCommand)];
            snapshot.layout = Arc::new(layout);
            let lines = Screen::Scenario.lines(&snapshot, &Baseline::of(&snapshot));
            let first = lines.iter().position(|line| line.contains("Command")).expect("a line of a command");
            assert_eq!(
                lines[first..first + 2],
                [
                    "        [ Sent Command ]         5                                      ",
                    "    [ Received Command ]         5                                      ",
                ]
            );
        }
    }

    /// Lines printed by SIPp 3.6.1, except that the cumulative times are true.
    #[test]
    fn statistics_screen_has_sipps_columns() {
        let lines = lines(Screen::Statistics);
        let expected = [
            "----------------------------- Statistics Screen ------- [1-9]: Change Screen --",
            "  Start Time             | 2026-11-21\t14:12:03.773559\t1795270323.773559         ",
            "  Last Reset Time        | 2026-11-21\t14:12:04.473559\t1795270324.473559         ",
            "  Current Time           | 2026-11-21\t14:12:04.473559\t1795270324.473559         ",
            "-------------------------+---------------------------+--------------------------",
            "  Counter Name           | Periodic value            | Cumulative value",
            "-------------------------+---------------------------+--------------------------",
            "  Elapsed Time           | 00:00:00:000000           | 00:00:00:700000          ",
            "  Call Rate              |    0.000 cps              |    7.143 cps             ",
            "-------------------------+---------------------------+--------------------------",
            "  Incoming calls created |        0                  |        0                 ",
            "  Outgoing calls created |        0                  |        5                 ",
            "  Total Calls created    |                           |        5                 ",
            "  Current Calls          |        0                  |                          ",
            "-------------------------+---------------------------+--------------------------",
            "  Counter foo            |        0                  |        9                 ",
            "-------------------------+---------------------------+--------------------------",
            "  Successful call        |        0                  |        5                 ",
            "  Failed call            |        0                  |        0                 ",
            "-------------------------+---------------------------+--------------------------",
            "  Response Time 1        | 00:00:00:000000           | 00:00:00:003000          ",
            "  Call Length            | 00:00:00:000000           | 00:00:00:208000          ",
            "------------------------------ Test Terminated --------------------------------",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn repartition_screen_has_sipps_columns() {
        let lines = lines(Screen::Repartition(0));
        assert_eq!(lines[2], "             0 ms <= n <         10 ms :          5");
        assert_eq!(lines[4], "                   n >=        200 ms :          0");
        assert_eq!(lines[6], "             0 ms <= n <         10 ms :          0");
    }
}
