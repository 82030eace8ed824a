//! The figures of a moment, for the desk.

use std::sync::Arc;

use sip::time::Time;

use crate::stats::snapshot::{Activity, Network, Phase, Snapshot};

use super::link::{Note, Occasion};
use super::media::Media;
use super::signalling::Signalling;
use super::threads;

impl Signalling {
    /// Hands the figures to the desk.
    pub(super) fn publish(&mut self, now: Time, occasion: Occasion) {
        let phase = if self.quit.is_quitting() {
            Phase::Quitting
        } else if self.state.paused {
            Phase::Paused
        } else {
            Phase::Running
        };
        let figures = self.figures(now, phase);
        self.link.tell(Note::Figures(Box::new(figures), occasion));
    }

    pub(super) fn figures(&mut self, now: Time, phase: Phase) -> Snapshot {
        let sockets = self.sockets.counters();
        let mut counters = self.counters.clone();
        counters.error_codes = std::mem::take(&mut self.counters.error_codes);
        Snapshot {
            layout: self.layout.clone(),
            setup: self.setup.clone(),
            at: now,
            counters,
            target: self.opening.schedule.target(),
            limit: self.opening.schedule.limit(),
            peak: self.state.peak,
            activity: Activity {
                open: self.calls.len() as u64,
                waiting: self.calls.waiting() as u64,
                woken: self.state.woken,
            },
            network: Network {
                sockets: (1 + self.own.count() + self.sockets.connections()) as u64,
                congested: sockets.congested,
                kernel_drops: sockets.kernel_drops,
                received: sockets.received,
                sent: sockets.sent,
                ..self.state.network
            },
            media: self.media.as_ref().map(Media::figures).unwrap_or_default(),
            pacing: self.opening.schedule.pacing(now),
            threads: threads::own().into_iter().collect(),
            seconds: Arc::default(),
            dropped_records: self.link.dropped(),
            reasons: self.failing.reasons(),
            phase,
            last_error: self.state.last_error.clone(),
        }
    }
}
