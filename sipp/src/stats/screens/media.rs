//! The media screen: what the calls sent and heard. Ours; SIPp has none.

use crate::stats::snapshot::{MediaTraffic, Snapshot};

pub(super) fn lines(snapshot: &Snapshot) -> Vec<String> {
    let media = &snapshot.media;
    let heard = &media.heard;
    let row = |name: &str, value: String| format!("  {name:<38}| {value}");
    let seconds = snapshot.at.as_millis().max(1) as f64 / 1000.0;
    let rate = |bytes: u64| format!("{:.3} kB/s", bytes as f64 / 1000.0 / seconds);
    let optional = |value: Option<String>| value.unwrap_or_else(|| "-".into());
    let ms = |span: std::time::Duration| format!("{:.2} ms", span.as_secs_f64() * 1000.0);
    let mut lines = vec![
        row("Streams that play", media.streams.to_string()),
        row("RTP packets sent", format!("{} ({})", media.sent_packets, rate(media.sent_bytes))),
        row("  not sent, sent late (99% within)", format!("{}, {}", media.dropped, ms(media.lateness_p99))),
        row("Packets received", format!("{} ({})", media.received_packets, rate(media.received_bytes))),
        RULE.into(),
        row("Calls that sent and heard", heard.both_ways.to_string()),
        row("  one way: only sent, only heard", format!("{}, {}", heard.only_sent, heard.only_heard)),
        row("First packet after the answer", {
            let longest = heard.longest_first_delay.map(|longest| format!(" (longest {})", ms(longest)));
            optional(heard.mean_first_delay.map(|mean| ms(mean) + &longest.unwrap_or_default()))
        }),
        row("Received streams", heard.streams.to_string()),
        row("  packets lost", format!("{} ({:.3} %)", heard.lost, heard.loss * 100.0)),
        row("  reordered, duplicates", format!("{}, {}", heard.reordered, heard.duplicates)),
        row("  jitter, worst stream", ms(heard.worst_jitter)),
        row("  R, MOS (E-model)", {
            let worst = heard.worst_score.map(|worst| format!(" (worst {worst:.2})")).unwrap_or_default();
            let mean = heard.mean_rating.zip(heard.mean_score);
            optional(mean.map(|(rating, score)| format!("{rating:.1}, {score:.2}{worst}")))
        }),
        row("  strangers, after the call", format!("{}, {}", heard.strangers, heard.after_end)),
        row("Digits received (RFC 4733)", heard.digits.to_string()),
        RULE.into(),
        row("RTCP reports sent, received", format!("{}, {}", heard.reports_sent, heard.reports_read)),
        row("  worst loss the peers report", {
            optional(heard.worst_peer_loss.map(|loss| format!("{:.3} %", loss * 100.0)))
        }),
        row("  longest round trip", optional(heard.longest_round_trip.map(ms))),
    ];
    lines.extend(exceptional(media).into_iter().map(|(name, value)| row(name, value)));
    lines
}

/// What most runs have nothing of.
fn exceptional(media: &MediaTraffic) -> Vec<(&'static str, String)> {
    let [audio, video] = media.echoed;
    let rows = [
        ("Packets returned: audio, video", audio + video, format!("{audio}, {video}")),
        ("Packets with a wrong SRTP tag", media.heard.refused, media.heard.refused.to_string()),
        ("Failed RTP checks", media.failed_checks, media.failed_checks.to_string()),
    ];
    rows.into_iter().filter(|row| row.1 > 0).map(|(name, _, value)| (name, value)).collect()
}

const RULE: &str = "----------------------------------------+--------------------------------------";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::client;
    use super::lines;

    #[test]
    fn shows_figures_and_dashes_where_there_are_none() {
        let mut snapshot = client();
        assert!(lines(&snapshot).contains(&"  First packet after the answer         | -".to_owned()));
        let heard = &mut snapshot.media.heard;
        (heard.lost, heard.loss, heard.refused) = (5, 0.01, 3);
        heard.mean_first_delay = Some(Duration::from_micros(1500));
        heard.longest_first_delay = Some(Duration::from_millis(4));
        let lines = lines(&snapshot);
        let expected = [
            "    packets lost                        | 5 (1.000 %)",
            "  First packet after the answer         | 1.50 ms (longest 4.00 ms)",
            "  Packets with a wrong SRTP tag         | 3",
        ];
        for line in expected {
            assert!(lines.iter().any(|shown| shown == line), "{line} not in {lines:#?}");
        }
        assert!(lines.iter().all(|line| line.len() <= 80));
    }
}
