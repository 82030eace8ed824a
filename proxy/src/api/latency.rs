//! Parts of a script that take longer than the configuration allows: `latency_limit_action` and `latency_limit_cfg`,
//! told at the levels `latency_log` and `latency_cfg_log`. What a function waits for counts.

use std::time::Duration;

use super::catalog::Catalog;
use super::log::{Level, Log};

/// The limits and what is said beyond them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Of a function of the script; `None`: nothing is said.
    action: Option<Limit>,
    /// Of the whole request route.
    route: Option<Limit>,
}

/// A time, and the level of the line about what took longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    time: Duration,
    level: Level,
}

impl Latency {
    /// What the global parameters ask for, in microseconds; `None` when they ask for nothing that is logged.
    ///
    /// A route without a limit is told when its level is: `latency_cfg_log` alone shows every request.
    pub fn of(catalog: &Catalog, threshold: Level) -> Option<Latency> {
        let level = |name, default| Level(catalog.setting_int(name, default).clamp(-5, 127) as i8);
        let micros = |name| Duration::from_micros(catalog.setting_int(name, 0).try_into().unwrap_or(0));
        let limit = |time, level| (level <= threshold).then_some(Limit { time, level });
        let action = micros("latency_limit_action");
        let action = limit(action, level("latency_log", -1)).filter(|limit| !limit.time.is_zero());
        let route_level = level("latency_cfg_log", 3);
        let is_wanted = catalog.setting("latency_cfg_log").is_some();
        let route = limit(micros("latency_limit_cfg"), route_level).filter(|_| is_wanted);
        (action.is_some() || route.is_some()).then_some(Latency { action, route })
    }

    /// A function at this place has answered.
    pub(super) fn called(&self, log: &mut Log, place: &str, name: &str, took: Duration) {
        let Some(limit) = self.action.filter(|limit| took > limit.time) else { return };
        let micros = took.as_micros();
        let text = format!("alert - action [{name}] cfg [{place}] took too long [{micros} us]");
        log.write(limit.level, text.as_bytes());
    }

    /// The request route has ended.
    pub(super) fn routed(&self, log: &mut Log, took: Duration) {
        let Some(limit) = self.route.filter(|limit| took > limit.time) else { return };
        log.write(limit.level, format!("request-route executed in: {} usec", took.as_micros()).as_bytes());
    }
}
