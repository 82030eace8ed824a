//! The files of numbers: `-trace_stat`, `-trace_counts`, `-trace_error_codes`, `-trace_rtt`.
//!
//! Column order and forms are SIPp's, since scripts cut these files by column number. A delimiter follows
//! every column, the last one too.

use std::time::Duration;

use sip::time::Time;

use super::counters::{Cause, Totals};
use super::histogram::Samples;
use super::layout::{Kind, Layout};
use super::snapshot::{Baseline, Snapshot, Target};
use super::times::{hms, hms_micros};

/// One row under construction.
struct Row<'a> {
    text: String,
    delimiter: &'a str,
}

impl Row<'_> {
    fn new(delimiter: &str) -> Row<'_> {
        Row { text: String::new(), delimiter }
    }

    fn put(&mut self, column: impl std::fmt::Display) {
        use std::fmt::Write;
        write!(self.text, "{column}{}", self.delimiter).expect("a String takes everything");
    }

    fn pair(&mut self, period: impl std::fmt::Display, all: impl std::fmt::Display) {
        self.put(period);
        self.put(all);
    }

    fn titles(&mut self, name: &str) {
        self.put(format_args!("{name}(P)"));
        self.put(format_args!("{name}(C)"));
    }

    fn finish(mut self) -> String {
        self.text.push('\n');
        self.text
    }
}

/// A count of the fixed columns behind the causes: its name and where it is.
type Count = (&'static str, fn(&Totals) -> u64);

/// The fixed columns behind the failure causes. The watchdog never bites here.
const AFTER_CAUSES: [Count; 8] = [
    ("OutOfCallMsgs", |totals| totals.out_of_call),
    ("DeadCallMsgs", |totals| totals.dead_call),
    ("Retransmissions", |totals| totals.retransmissions),
    ("AutoAnswered", |totals| totals.auto_answered),
    ("Warnings", |totals| totals.warnings),
    ("FatalErrors", |totals| totals.fatal_errors),
    ("WatchdogMajor", |_| 0),
    ("WatchdogMinor", |_| 0),
];

/// The first line of `-trace_stat`.
pub(crate) fn stat_header(snapshot: &Snapshot, delimiter: &str) -> String {
    let mut row = Row::new(delimiter);
    for name in ["StartTime", "LastResetTime", "CurrentTime"] {
        row.put(name);
    }
    row.titles("ElapsedTime");
    row.put("TargetRate");
    for name in ["CallRate", "IncomingCall", "OutgoingCall"] {
        row.titles(name);
    }
    row.put("TotalCallCreated");
    row.put("CurrentCall");
    row.titles("SuccessfulCall");
    row.titles("FailedCall");
    for (_, name) in Cause::ALL {
        row.titles(name);
    }
    for (name, _) in AFTER_CAUSES {
        row.titles(name);
    }
    let layout = &snapshot.layout;
    for name in &layout.response_times {
        row.titles(&format!("ResponseTime{name}"));
        row.titles(&format!("ResponseTime{name}StDev"));
    }
    row.titles("CallLength");
    row.titles("CallLengthStDev");
    for name in &layout.counters {
        let numeric = name.bytes().all(|byte| byte.is_ascii_digit());
        row.titles(&if numeric { format!("GenericCounter{name}") } else { name.clone() });
    }
    for (name, samples) in layout.response_times.iter().zip(&snapshot.counters.response_times) {
        repartition_titles(&mut row, &format!("ResponseTimeRepartition{name}"), samples);
    }
    repartition_titles(&mut row, "CallLengthRepartition", &snapshot.counters.call_length);
    row.finish()
}

fn repartition_titles(row: &mut Row<'_>, name: &str, samples: &Samples) {
    let bins: Vec<(u64, u64)> = samples.repartition().collect();
    let Some((&(last, _), below)) = bins.split_last() else { return };
    row.put(name);
    for (border, _) in below {
        row.put(format_args!("{name}_<{border}"));
    }
    row.put(format_args!("{name}_>={last}"));
}

/// One row of `-trace_stat`; `since` is the row before. With `periodic`, the repartitions count since then too.
pub(crate) fn stat_row(snapshot: &Snapshot, since: &Baseline, bins: &Bins, delimiter: &str) -> String {
    let (now, before) = (&snapshot.counters.totals, &since.totals);
    let wall = &snapshot.setup.wall;
    let mut row = Row::new(delimiter);
    row.put(wall.stamp(snapshot.began.at));
    row.put(wall.stamp(since.at));
    row.put(wall.stamp(snapshot.at));
    row.pair(hms(snapshot.at.since(since.at)), hms(snapshot.counting()));
    match snapshot.target {
        Target::Rate { calls, .. } => row.put(significant(calls)),
        Target::Users(users) => row.put(users),
    }
    row.pair(significant(snapshot.call_rate(since)), significant(snapshot.call_rate(&snapshot.began)));
    row.pair(now.incoming - before.incoming, now.incoming);
    row.pair(now.outgoing - before.outgoing, now.outgoing);
    row.put(now.created());
    row.put(snapshot.activity.open);
    row.pair(now.successful - before.successful, now.successful);
    row.pair(now.failed - before.failed, now.failed);
    for (after, earlier) in now.causes.iter().zip(&before.causes) {
        row.pair(after - earlier, after);
    }
    for (_, count) in AFTER_CAUSES {
        row.pair(count(now) - count(before), count(now));
    }
    let counters = &snapshot.counters;
    for (index, samples) in counters.response_times.iter().enumerate() {
        averages(&mut row, samples, since.response_time(index));
    }
    averages(&mut row, &counters.call_length, since.call_length);
    for (index, count) in counters.generic.iter().enumerate() {
        row.pair(count - since.generic(index), count);
    }
    let all = counters.response_times.iter().chain([&counters.call_length]);
    for (index, samples) in all.enumerate() {
        repartition_values(&mut row, samples, bins.0.get(index).map_or(&[], Vec::as_slice));
    }
    row.finish()
}

/// The bins of all repartitions at the row before, subtracted with `-periodic_rtd`; empty counts from the start.
#[derive(Debug, Default)]
pub(crate) struct Bins(Vec<Vec<u64>>);

impl Bins {
    /// The bins as they stand now.
    pub(crate) fn of(snapshot: &Snapshot) -> Bins {
        let counters = &snapshot.counters;
        let all = counters.response_times.iter().chain([&counters.call_length]);
        Bins(all.map(|samples| samples.repartition().map(|bin| bin.1).collect()).collect())
    }
}

fn averages(row: &mut Row<'_>, samples: &Samples, before: super::histogram::Sums) {
    let (all, period) = (samples.sums(), samples.sums().since(&before));
    row.pair(hms_micros(period.mean()), hms_micros(all.mean()));
    row.pair(hms_micros(period.deviation()), hms_micros(all.deviation()));
}

fn repartition_values(row: &mut Row<'_>, samples: &Samples, before: &[u64]) {
    let mut bins = samples.repartition().enumerate().peekable();
    if bins.peek().is_some() {
        row.put("");
    }
    for (index, (_, count)) in bins {
        row.put(count - before.get(index).copied().unwrap_or(0));
    }
}

/// A number with up to six significant digits, as C++ streams write it.
fn significant(number: f64) -> String {
    if number == 0.0 {
        return "0".into();
    }
    let digits_before = number.abs().log10().floor() as i32 + 1;
    let decimals = usize::try_from(6 - digits_before).unwrap_or(0);
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The first line of `-trace_counts`.
pub(crate) fn counts_header(layout: &Layout, lossy: bool, delimiter: &str) -> String {
    let mut row = Row::new(delimiter);
    row.put("CurrentTime");
    row.put("ElapsedTime");
    for (index, line) in layout.visible() {
        let lost = if lossy { &["Lost"][..] } else { &[] };
        let (name, columns): (String, &[&str]) = match &line.kind {
            Kind::Send { what, retransmits: true } => (format!("_{what}"), &["Sent", "Retrans", "Timeout"]),
            Kind::Send { what, retransmits: false } => (format!("_{what}"), &["Sent", "Retrans"]),
            Kind::Receive(what) => (format!("_{what}"), &["Recv", "Retrans", "Timeout", "Unexp"]),
            // SIPp gives steps without a message the columns of a pause.
            _ => ("_Pause".into(), &["Sessions", "Unexp"]),
        };
        let lost = if matches!(line.kind, Kind::Send { .. } | Kind::Receive(_)) { lost } else { &[] };
        for column in columns.iter().chain(lost) {
            row.put(format_args!("{index}{name}_{column}"));
        }
    }
    row.finish()
}

/// One row of `-trace_counts`.
pub(crate) fn counts_row(snapshot: &Snapshot, delimiter: &str) -> String {
    let mut row = Row::new(delimiter);
    row.put(snapshot.setup.wall.stamp(snapshot.at));
    row.put(hms_micros(snapshot.counting()));
    for (index, line) in snapshot.layout.visible() {
        let counted = snapshot.counters.messages.get(index).copied().unwrap_or_default();
        row.put(counted.done);
        match &line.kind {
            Kind::Send { retransmits, .. } => {
                row.put(counted.retrans);
                if *retransmits {
                    row.put(counted.timeouts);
                }
            }
            Kind::Receive(_) => {
                row.pair(counted.retrans, counted.timeouts);
                row.put(counted.unexpected);
            }
            _ => row.put(counted.unexpected),
        }
        if snapshot.setup.lossy && matches!(line.kind, Kind::Send { .. } | Kind::Receive(_)) {
            row.put(counted.lost);
        }
    }
    row.finish()
}

/// One row of `-trace_error_codes`: the status codes of unexpected responses since the last one, newest first.
pub(crate) fn error_codes_row(snapshot: &Snapshot, codes: &[u16], delimiter: &str) -> String {
    let mut row = Row::new(delimiter);
    row.put(snapshot.setup.wall.stamp(snapshot.at));
    row.put(hms_micros(snapshot.counting()));
    for code in codes.iter().rev() {
        row.text.push_str(&format!("{code},"));
    }
    row.finish()
}

/// The first line of `-trace_rtt`.
pub(crate) fn rtt_header(delimiter: &str) -> String {
    format!("Date_ms{delimiter}response_time_ms{delimiter}rtd_no\n")
}

/// One line of `-trace_rtt`: milliseconds since the start, the sample, the name of the timer.
pub(crate) fn rtt_row(at: Time, sample: Duration, name: &str, delimiter: &str) -> String {
    let millis = |micros: u128| format!("{}.{:03}", micros / 1000, micros % 1000);
    let date = millis(u128::from(at.as_nanos() / 1000));
    format!("{date}{delimiter}{}{delimiter}{name}\n", millis(sample.as_micros()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::super::screens::tests::client;
    use super::super::snapshot::Baseline;
    use super::*;

    fn columns(row: &str) -> Vec<&str> {
        row.trim_end_matches('\n').split(';').collect()
    }

    /// Column numbers are relied upon: 12 is OutgoingCall(C), 18 is FailedCall(C), 68 are fixed.
    #[test]
    fn columns_stand_where_scripts_cut_them() {
        let snapshot = client();
        let header = stat_header(&snapshot, ";");
        let header = columns(&header);
        let expected = [
            (1, "StartTime"),
            (6, "TargetRate"),
            (8, "CallRate(C)"),
            (12, "OutgoingCall(C)"),
            (13, "TotalCallCreated"),
            (14, "CurrentCall"),
            (18, "FailedCall(C)"),
            (19, "FailedCannotSendMessage(P)"),
            (52, "FailedStrcmpShouldntMatch(C)"),
            (53, "OutOfCallMsgs(P)"),
            (68, "WatchdogMinor(C)"),
            (69, "ResponseTime1(P)"),
            (72, "ResponseTime1StDev(C)"),
            (73, "CallLength(P)"),
            (77, "foo(P)"),
            (79, "ResponseTimeRepartition1"),
            (80, "ResponseTimeRepartition1_<10"),
            (82, "ResponseTimeRepartition1_>=200"),
            (83, "CallLengthRepartition"),
            (86, "CallLengthRepartition_>=500"),
            (87, ""),
        ];
        for (number, name) in expected {
            assert_eq!(header[number - 1], name, "column {number}");
        }
        let row = stat_row(&snapshot, &Baseline::default(), &Bins::default(), ";");
        let row = columns(&row);
        assert_eq!(row.len(), header.len());
        let expected = [
            (3, "2026-11-21\t14:12:04.473559\t1795270324.473559"),
            (5, "00:00:00"),
            (6, "10"),
            (8, "7.14286"),
            (11, "5"),
            (12, "5"),
            (16, "5"),
            (70, "00:00:00:003000"),
            (74, "00:00:00:208000"),
            (78, "9"),
            (79, ""),
            (80, "5"),
            (85, "5"),
        ];
        for (number, value) in expected {
            assert_eq!(row[number - 1], value, "column {number}");
        }
    }

    #[test]
    fn period_columns_count_since_the_last_row() {
        let snapshot = client();
        let since = Baseline::of(&snapshot);
        let bins = Bins::of(&snapshot);
        let row = stat_row(&snapshot, &since, &bins, ";");
        let row = columns(&row);
        assert_eq!((row[10], row[11], row[69 - 1], row[80 - 1]), ("0", "5", "00:00:00:000000", "0"));
    }

    /// Column names of SIPp 3.6.1 for its uac.
    #[test]
    fn counts_name_each_column_by_message() {
        let snapshot = client();
        let header = counts_header(&snapshot.layout, false, ";");
        assert!(header.starts_with(
            "CurrentTime;ElapsedTime;0_INVITE_Sent;0_INVITE_Retrans;0_INVITE_Timeout;1_180_Recv;1_180_Retrans;\
             1_180_Timeout;1_180_Unexp;"
        ));
        assert!(header.ends_with(
            "3_ACK_Sent;3_ACK_Retrans;4_Pause_Sessions;4_Pause_Unexp;5_Pause_Sessions;5_Pause_Unexp;\n"
        ));
        let row = counts_row(&snapshot, ";");
        assert_eq!(columns(&row).len(), columns(&header).len());
    }

    #[test]
    fn error_codes_are_newest_first() {
        let row = error_codes_row(&client(), &[404, 503], ";");
        assert!(row.ends_with(";00:00:00:700000;503,404,\n"), "{row}");
    }

    #[test]
    fn response_times_keep_microseconds_and_plain_dates() {
        let row = rtt_row(Time::from_nanos(1_234_567_890_000), Duration::from_micros(3007), "1", ";");
        assert_eq!(row, "1234567.890;3.007;1\n");
    }

    #[test]
    fn numbers_have_six_significant_digits() {
        let rows =
            [(2.0, "2"), (0.999001, "0.999001"), (7.0422535, "7.04225"), (12345.678, "12345.7"), (0.0, "0")];
        for (number, text) in rows {
            assert_eq!(significant(number), text);
        }
    }
}
