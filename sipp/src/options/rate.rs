//! Options about when calls start and how many there may be.

use std::time::Duration;

use super::row::{Effect, Row, Unit, WHOLE};

/// When calls start.
#[derive(Clone, Debug)]
pub struct Rate {
    /// `-r`: calls per period.
    pub calls: f64,
    /// `-rp`: the period.
    pub period: Duration,
    /// `-rate_scale`: step of the rate keys.
    pub scale: f64,
    /// `-rate_increase`: added to the rate each interval.
    pub increase: f64,
    /// `-rate_interval`; `None` takes the value of `-fd`.
    pub interval: Option<Duration>,
    /// `-rate_max`.
    pub max: Option<f64>,
    /// `-no_rate_quit`: stay at the largest rate instead of ending.
    pub stay_at_max: bool,
    /// `-l`: most simultaneous outgoing calls; `None` follows from the rate.
    pub limit: Option<u64>,
    /// `-m`: calls after which the run ends.
    pub stop_after: Option<u64>,
    /// `-users`: a constant number of calls instead of a rate.
    pub users: Option<u64>,
    /// `-arrivals`.
    pub arrivals: Arrivals,
    /// `-threads`: engines that share the work.
    pub threads: usize,
}

impl Default for Rate {
    fn default() -> Rate {
        Rate {
            calls: 10.0,
            period: Duration::from_secs(1),
            scale: 1.0,
            increase: 0.0,
            interval: None,
            max: None,
            stay_at_max: false,
            limit: None,
            stop_after: None,
            users: None,
            arrivals: Arrivals::Even,
            threads: 1,
        }
    }
}

/// `-arrivals`: how the calls of a rate are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Even,
    /// Independent of each other, with exponentially distributed gaps.
    Poisson,
    /// All calls of a period at once.
    Burst,
}

/// The words of `-arrivals`.
const ARRIVALS: &[(&str, Arrivals)] =
    &[("even", Arrivals::Even), ("poisson", Arrivals::Poisson), ("burst", Arrivals::Burst)];

fn arrivals(word: &str) -> Result<Arrivals, String> {
    let found = ARRIVALS.iter().find(|row| row.0 == word).map(|row| row.1);
    found.ok_or_else(|| format!("-arrivals '{word}': there are even, poisson and burst"))
}

/// More threads than any machine has CPUs for.
const MOST_THREADS: i64 = 256;

/// A count of calls: negative numbers are zero.
fn calls(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["r"],
        value: "N",
        help: "Calls per period. Default: 10.",
        effect: Effect::Float(0.0..=f64::MAX, |options, rate| options.rate.calls = rate.max(0.0)),
    },
    Row {
        names: &["rp"],
        value: "TIME",
        help: "The period, in ms. Default: 1000.",
        effect: Effect::TimeFrom(1, Unit::Millis, |options, period| options.rate.period = period),
    },
    Row {
        names: &["arrivals"],
        value: "HOW",
        help: "How the calls of a period are spread: even, at equal distances; poisson, independent of each other; \
               burst, all at the end of the period. Default: even.",
        effect: Effect::Text(|options, word| {
            options.rate.arrivals = arrivals(word)?;
            Ok(())
        }),
    },
    Row {
        names: &["threads"],
        value: "N",
        help: "Share calls among so many threads. Who opens calls uses a port for each, -p and the next free ones; \
               who waits for calls uses one. Lines of injection files are shared out, global variables and \
               [dynamic_id] are each thread's own. Default: 1.",
        effect: Effect::Int(1..=MOST_THREADS, |options, threads| {
            options.rate.threads = usize::try_from(threads).unwrap_or(1);
        }),
    },
    Row {
        names: &["rate_scale"],
        value: "N",
        help: "What the keys + and - add to the rate; * and / ten times as much. Default: 1.",
        effect: Effect::Float(0.0..=f64::MAX, |options, scale| options.rate.scale = scale),
    },
    Row {
        names: &["rate_increase"],
        value: "N",
        help: "Add this to the rate after each interval. Default: 0.",
        effect: Effect::Float(f64::MIN..=f64::MAX, |options, increase| options.rate.increase = increase),
    },
    Row {
        names: &["rate_interval"],
        value: "TIME",
        help: "The interval of -rate_increase, in s. Default: the value of -fd.",
        effect: Effect::Time(Unit::Seconds, |options, interval| options.rate.interval = Some(interval)),
    },
    Row {
        names: &["rate_max"],
        value: "N",
        help: "End when -rate_increase goes above this rate. Default: never.",
        effect: Effect::Float(0.0..=f64::MAX, |options, max| {
            options.rate.max = Some(max).filter(|max| *max > 0.0)
        }),
    },
    Row {
        names: &["no_rate_quit"],
        value: "",
        help: "Stay at -rate_max instead of ending.",
        effect: Effect::Flag(|options| options.rate.stay_at_max = true),
    },
    Row {
        names: &["l"],
        value: "N",
        help: "Most simultaneous outgoing calls. Default: three times the rate times the length of a call.",
        // SIPp takes 0 for no limit of one's own (measured on 3.6.1).
        effect: Effect::Int(WHOLE, |options, limit| {
            options.rate.limit = (limit > 0).then(|| calls(limit));
        }),
    },
    Row {
        names: &["m"],
        value: "N",
        help: "End after this number of calls. Default: never.",
        effect: Effect::Int(WHOLE, |options, number| options.rate.stop_after = Some(calls(number))),
    },
    Row {
        names: &["users"],
        value: "N",
        help: "Keep this number of calls open instead of starting them at a rate.",
        effect: Effect::Int(WHOLE, |options, users| {
            options.rate.users = Some(calls(users));
            // SIPp refuses a limit only when it comes behind.
            options.rate.limit = None;
        }),
    },
];
