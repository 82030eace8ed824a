//! Places that have failed and are left alone for a while (RFC 3261 21.5.4: who answers 503 asks for it).
//!
//! Off unless the rules give a time; then a place goes on the list when sending to it fails, when it stays silent,
//! and when it answers 503.

use std::time::Duration;

use rustc_hash::FxHashMap;
use sip::locate::Destination;
use sip::msg::Method;
use sip::time::Time;

/// What goes on the list, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BlockRules {
    /// How long a place stays on the list; zero switches it off (`use_dst_blocklist`, `dst_blocklist_expire`).
    pub expire: Duration,
    /// Methods whose silence counts, as bits (`blst_methods_add`).
    pub silent_methods: u32,
    /// Methods for which the list is asked, as bits (`blst_methods_lookup`).
    pub asking_methods: u32,
    /// What a 503 does; `None` leaves the place alone (`blst_503`).
    pub unavailable: Option<BlockReply>,
}

/// What a 503 does.
#[derive(Clone, Copy, Debug)]
pub struct BlockReply {
    /// Seconds without a Retry-After; 0 for none.
    pub default_seconds: u32,
    /// Seconds at least.
    pub min_seconds: u32,
    /// Seconds at most.
    pub max_seconds: u32,
}

impl Default for BlockRules {
    /// Off; INVITEs count, and all but BYEs ask.
    fn default() -> BlockRules {
        let bye = method_bit(Method::Bye);
        BlockRules {
            expire: Duration::ZERO,
            silent_methods: method_bit(Method::Invite),
            asking_methods: !bye,
            unavailable: None,
        }
    }
}

/// The bit of a method in masks, Kamailio's numbers: parameters of tm, column `methods` of the location table.
pub fn method_bit(method: Method) -> u32 {
    match method {
        Method::Invite => 1,
        Method::Cancel => 2,
        Method::Ack => 4,
        Method::Bye => 8,
        Method::Info => 16,
        Method::Register => 32,
        Method::Subscribe => 64,
        Method::Notify => 128,
        Method::Message => 256,
        Method::Options => 512,
        Method::Prack => 1024,
        Method::Update => 2048,
        Method::Refer => 4096,
        Method::Publish => 8192,
        Method::Other => 1 << 31,
    }
}

/// The list of one shard.
#[derive(Debug, Default)]
pub struct Blocklist {
    until: FxHashMap<Destination, Time>,
}

impl Blocklist {
    /// True while a place is on the list.
    pub fn holds(&self, now: Time, place: Destination) -> bool {
        self.until.get(&place).is_some_and(|until| now < *until)
    }

    /// Puts a place on the list, or moves its end.
    pub fn add(&mut self, now: Time, place: Destination, span: Duration) {
        if span.is_zero() {
            return;
        }
        if self.until.len() >= MAX_PLACES {
            self.until.retain(|_, until| now < *until);
        }
        if self.until.len() < MAX_PLACES {
            self.until.insert(place, now + span);
        }
    }

    /// Places on the list with the end of their time, ended ones included.
    pub fn iter(&self) -> impl Iterator<Item = (Destination, Time)> + '_ {
        self.until.iter().map(|(place, until)| (*place, *until))
    }
}

impl BlockReply {
    /// How long after a 503 with this Retry-After.
    pub fn span(self, retry_after: Option<u32>) -> Duration {
        let seconds = match retry_after {
            Some(seconds) => seconds.max(self.min_seconds).min(self.max_seconds),
            None => self.default_seconds,
        };
        Duration::from_secs(u64::from(seconds))
    }
}

/// Places at most: one more is not put on it.
const MAX_PLACES: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::locate::Destination;
    use sip::peer::Transport;
    use sip::time::Time;

    use super::{BlockReply, Blocklist};

    #[test]
    fn a_place_is_left_alone_for_its_time() {
        let place = Destination { transport: Transport::Udp, addr: ([127, 0, 0, 1], 5060).into() };
        let mut list = Blocklist::default();
        list.add(Time::ZERO, place, Duration::from_secs(5));
        assert!(list.holds(Time::from_millis(4_999), place));
        assert!(!list.holds(Time::from_millis(5_000), place));
        assert!(!list.holds(Time::ZERO, Destination { transport: Transport::Tcp, ..place }));
        list.add(Time::ZERO, Destination { transport: Transport::Tcp, ..place }, Duration::ZERO);
        assert_eq!(list.iter().count(), 1);
    }

    #[test]
    fn retry_after_is_bounded() {
        let rule = BlockReply { default_seconds: 7, min_seconds: 10, max_seconds: 60 };
        let spans = [None, Some(1), Some(30), Some(600)].map(|after| rule.span(after).as_secs());
        assert_eq!(spans, [7, 10, 30, 60]);
    }
}
