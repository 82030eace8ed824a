//! The scenario screen: header, figures, and one line per message with its counters.

use std::fmt::Write;

use crate::stats::layout::{Kind, Line, Role};
use crate::stats::snapshot::{Baseline, Snapshot, Target};

pub(super) fn lines(snapshot: &Snapshot, since: &Baseline) -> Vec<String> {
    let mut lines = header_lines(snapshot);
    lines.push(String::new());
    lines.extend(figure_lines(snapshot, since));
    lines.push(String::new());
    let titles = if snapshot.setup.lossy {
        "                                 Messages  Retrans   Timeout   Unexp.    Lost"
    } else {
        "                                 Messages  Retrans   Timeout   Unexpected-Msg"
    };
    lines.push(titles.into());
    for (index, line) in snapshot.lines() {
        lines.push(message_line(snapshot, index, line));
        if line.gap_after {
            lines.push(String::new());
        }
    }
    lines.extend(snapshot.last_error.as_ref().map(|error| last_error_line(error)));
    lines
}

fn last_error_line(error: &str) -> String {
    let mut short: String = error.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    short.push_str("...");
    format!("Last Error: {short}")
}

fn header_lines(snapshot: &Snapshot) -> Vec<String> {
    let setup = &snapshot.setup;
    let total = snapshot.at.as_millis() as f64 / 1000.0;
    let created = snapshot.counters.totals.created();
    if snapshot.layout.role == Role::Server {
        return vec![
            "  Port   Total-time  Total-calls  Transport".into(),
            format!("  {:<5}  {total:>8.2} s  {created:>11}  {}", setup.port, setup.transport),
        ];
    }
    let pause = setup.pause.as_millis();
    let (title, rate) = match snapshot.target {
        Target::Rate { calls, period } => {
            ("Call rate (length)", format!("{calls:.1}({pause} ms)/{:.3}s", period.as_secs_f64()))
        }
        Target::Users(users) => ("Users (length)", format!("{users} ({pause} ms)")),
    };
    vec![
        format!("  {title}   Port   Total-time  Total-calls  Remote-host"),
        format!(
            "  {rate}   {:<5}  {total:>8.2} s  {created:>11}  {}({})",
            setup.port, setup.remote, setup.transport
        ),
    ]
}

fn figure_lines(snapshot: &Snapshot, since: &Baseline) -> Vec<String> {
    let totals = &snapshot.counters.totals;
    let (activity, network) = (&snapshot.activity, &snapshot.network);
    let client = snapshot.layout.role == Role::Client;
    let period = snapshot.at.since(since.at).as_secs_f64();
    let news = match snapshot.setup.stop_after {
        Some(limit) if snapshot.created >= limit => format!("Call limit {limit} hit, {period:.1} s period"),
        _ => {
            let new = totals.created() - since.totals.created();
            format!("{new} new calls during {period:.3} s period")
        }
    };
    let calls = if client {
        format!("{} calls (limit {})", activity.open, snapshot.limit)
    } else {
        format!("{} calls", activity.open)
    };
    let peak = &snapshot.peak;
    let peak = format!("Peak was {} calls, after {} s", peak.calls, peak.at.as_millis() / 1000);
    let out_of_call =
        if client { format!("  {} out-of-call msg (discarded)", totals.out_of_call) } else { String::new() };
    let errors = format!(
        "{}/{}/{} {} errors (send/recv/cong)",
        network.send_errors, network.receive_errors, network.congested, snapshot.setup.transport
    );
    let mut lines = vec![
        format!("  {news:<38}  {:<37}", "0 ms scheduler resolution"),
        format!("  {calls:<38}  {peak}"),
        format!(
            "  {} Running, {} Paused, {} Woken up",
            activity.all.saturating_sub(activity.waiting),
            activity.waiting,
            activity.woken
        ),
        format!("  {:<38}{out_of_call}", format!("{} dead call msg (discarded)", totals.dead_call)),
    ];
    if snapshot.setup.auto_answer {
        lines.push(format!("  {} requests auto-answered", totals.auto_answered));
    }
    lines.push(format!("  {:<38}  {errors}", format!("{} open sockets", network.sockets)));
    if network.kernel_drops > 0 {
        lines.push(format!("  {} datagrams dropped by the kernel (receive buffer)", network.kernel_drops));
    }
    lines.extend(media_lines(snapshot, since));
    lines
}

/// SIPp's lines about RTP, and ours about packets lost or late on our side; none before the first packet.
fn media_lines(snapshot: &Snapshot, since: &Baseline) -> Vec<String> {
    let media = &snapshot.media;
    let mut lines = Vec::new();
    if media.sent_packets > 0 {
        let seconds = snapshot.at.since(since.at).as_secs_f64().max(0.001);
        let rate = media.sent_bytes.saturating_sub(since.media_sent_bytes) as f64 / 1000.0 / seconds;
        let sent = format!("{} Total RTP pckts sent", media.sent_packets);
        lines.push(format!("  {sent:<38}  {rate:.3} last period RTP rate (kB/s)"));
        let late = format!("{:.2} ms RTP lateness (99%)", media.lateness_p99.as_secs_f64() * 1000.0);
        lines.push(format!("  {late:<38}  {} RTP pckts not sent", media.dropped));
    }
    if media.received_packets > 0 {
        let received = format!("{} Total RTP pckts received", media.received_packets);
        lines.push(format!("  {received:<38}  {} streams play", media.streams));
        let heard = &media.heard;
        let lost = format!("{:.2} % lost, {} reordered", heard.loss * 100.0, heard.reordered);
        let jitter = heard.worst_jitter.as_secs_f64() * 1000.0;
        let score = heard.mean_score.map_or("no MOS".into(), |score| format!("MOS {score:.2}"));
        lines.push(format!("  {lost:<38}  {jitter:.1} ms worst jitter, {score}"));
    }
    if media.echoed != [0, 0] {
        let [audio, video] = media.echoed;
        lines.push(format!("  {:<38}  {video} 2nd stream", format!("RTP echo: {audio} 1st stream")));
    }
    lines
}

/// One message with its counters: name and arrow, the timer that starts or ends here, then columns of ten.
fn message_line(snapshot: &Snapshot, index: usize, line: &Line) -> String {
    let counted = snapshot.counters.messages.get(index).copied().unwrap_or_default();
    let client = snapshot.layout.role == Role::Client;
    let arrow = |what: &str, outgoing: bool| match (client, outgoing) {
        (true, true) => format!("{what:>12} ----------> "),
        (true, false) => format!("{what:>12} <---------- "),
        (false, true) => format!("  <---------- {what:<11}"),
        (false, false) => format!("  ----------> {what:<11}"),
    };
    let plain = |what: &str| if client { format!("{what:>24} ") } else { format!("  {what:<23}") };
    let (head, columns) = match &line.kind {
        Kind::Send { what, retransmits } => {
            let timeouts = retransmits.then_some(counted.timeouts);
            (arrow(what, true), [Some(counted.done), Some(counted.retrans), timeouts, None])
        }
        Kind::Receive(what) => {
            let all = [counted.done, counted.retrans, counted.timeouts, counted.unexpected];
            (arrow(what, false), all.map(Some))
        }
        Kind::Pause(length) => {
            let pause = if client { format!("Pause [{length:>9}]") } else { format!("[{length:>9}] Pause") };
            let line = format!("{}        {:<30}{:<9}", plain(&pause), counted.done, counted.unexpected);
            return line;
        }
        Kind::Nop(what) => {
            let what = if what.is_empty() { "[ NOP ]" } else { what };
            return format!("{what:>21}              ");
        }
        Kind::SendCommand => return command_line("[ Sent Command ]", counted.done),
        Kind::ReceiveCommand => return command_line("[ Received Command ]", counted.done),
    };
    let timer = match (line.starts, line.ends) {
        (Some(number), _) => format!(" B-RTD{number} "),
        (None, Some(number)) => format!(" E-RTD{number} "),
        (None, None) => String::new(),
    };
    let mut text = format!("{head}{timer:<8}");
    for column in columns {
        let shown = column.map(|count| count.to_string()).unwrap_or_default();
        write!(text, "{shown:<10}").expect("a String takes everything");
    }
    let lossy = snapshot.setup.lossy && matches!(line.kind, Kind::Send { .. } | Kind::Receive(_));
    if lossy {
        write!(text, "{}", counted.lost).expect("a String takes everything");
    }
    format!("{text:<79}")
}

/// A command looks the same on both sides, and its line is shorter than the others (so SIPp).
fn command_line(what: &str, done: u64) -> String {
    format!("{what:>24}         {done:<39}")
}

#[cfg(test)]
mod tests {
    use super::last_error_line;

    #[test]
    fn errors_are_shown_on_one_line() {
        assert_eq!(last_error_line("a\r\nb"), "Last Error: a  b...");
    }
}
