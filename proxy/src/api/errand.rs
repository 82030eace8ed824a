//! What a module asks of the loop of its shard: to send a request of its own, to run an event route, to ask the
//! outside, to call it again later. Nothing of it happens before the step at hand is over, so nothing recurses.
//!
//! All of it can be asked for from a script function (`ctx.shard`), from a timer and from a callback. Probing
//! every ten seconds, whole:
//!
//! ```
//! use std::time::Duration;
//! use proxy::api::{Kept, LocalRequest, ModuleDef, Outcome, Shard};
//!
//! static MODULE: ModuleDef = ModuleDef { name: "prober", start: Some(start), ..ModuleDef::EMPTY };
//!
//! fn start(shard: &mut Shard) {
//!     if shard.number == 0 {
//!         shard.every(Duration::from_secs(10), probe);
//!     }
//! }
//!
//! fn probe(shard: &mut Shard) {
//!     let request = LocalRequest::new("OPTIONS", "sip:127.0.0.1:5080").from("sip:prober@localhost");
//!     shard.send_request(request.then(answered, 7u32));
//! }
//!
//! fn answered(shard: &mut Shard, outcome: Outcome, kept: Kept) {
//!     let number = kept.downcast::<u32>().expect("what probe() gave");
//!     if outcome.status >= 300 {
//!         shard.run_event(&format!("prober:down-{number}"), None);
//!     }
//! }
//! # let _ = MODULE;
//! ```

use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::Message;
use sip::time::Time;

use super::ctx::Shard;
use super::flow::{IoAnswer, IoRequest, Kept};
use super::local::LocalRequest;
use super::routes::{RouteId, RouteTable};
use super::work::{Received, Work};
use crate::relay::{RelayId, SocketId, local};

/// What event routes without a message see.
const MADE_UP: &[u8] = b"OPTIONS sip:you@kamailio.org SIP/2.0\r\n\
Via: SIP/2.0/UDP 127.0.0.1\r\n\
From: <sip:you@kamailio.org>;tag=123\r\n\
To: <sip:you@kamailio.org>\r\n\
Call-ID: 123\r\n\
CSeq: 1 OPTIONS\r\n\
Content-Length: 0\r\n\r\n";

/// Something the loop of a shard is asked to do after the step at hand.
#[derive(Debug)]
pub enum Errand {
    /// Send this request and tell what came of it.
    Request(Box<LocalRequest>),
    /// Run a block, if the script has it.
    Route {
        /// What it is: an event route, or a `route[name]` that runs for something a module does.
        table: RouteTable,
        /// `module:event`, or the name of the route.
        name: String,
        /// The message it runs on; `None` for a made-up one.
        work: Option<Box<Work>>,
    },
    /// Go on with a suspended transaction: run this block on its request.
    Continue {
        /// The transaction.
        id: RelayId,
        /// The block.
        route: RouteId,
    },
    /// Forward this reply without a transaction.
    ForwardReply(Box<Work>),
    /// Ask the outside.
    Ask {
        /// What is asked.
        request: IoRequest,
        /// Gets the answer.
        then: AnswerFn,
        /// Handed to `then`.
        kept: Kept,
    },
}

/// Takes the answer of the outside to [`Shard::ask`].
pub type AnswerFn = fn(&mut Shard, IoAnswer, Kept);

/// Called when a time has come.
pub type AlarmFn = fn(&mut Shard, Kept);

/// Called again and again.
pub type TickFn = fn(&mut Shard);

impl Shard {
    /// Sends a request of our own, in the shard that owns its Call-ID. What came of it goes to its callback.
    pub fn send_request(&mut self, request: LocalRequest) {
        self.errands.push(Errand::Request(Box::new(request)));
    }

    /// Runs `event_route[name]`, if the script has it, on this message or on a made-up one.
    pub fn run_event(&mut self, name: &str, work: Option<Box<Work>>) {
        self.errands.push(Errand::Route { table: RouteTable::Event, name: name.to_owned(), work });
    }

    /// Runs `route[name]`, if the script has it, on this message or on a made-up one.
    pub fn run_route(&mut self, name: &str, work: Option<Box<Work>>) {
        self.errands.push(Errand::Route { table: RouteTable::Request, name: name.to_owned(), work });
    }

    /// The message of event routes whose event has none; it is the one Kamailio makes up. Its request URI may be
    /// set.
    pub fn made_up(&self) -> Box<Work> {
        let message = Message::parse(Bytes::from_static(MADE_UP)).expect("a constant that can be parsed");
        Box::new(Work::new(Arc::new(message), self.own_reception(SocketId(0))))
    }

    /// What is made here comes from ourselves.
    pub fn own_reception(&self, socket: SocketId) -> Received {
        let peer = local::own_peer(self.sockets.get(socket));
        Received { peer, socket, at: self.now }
    }

    /// Asks the outside without a run that waits: for timers and callbacks.
    pub fn ask(&mut self, request: IoRequest, then: AnswerFn, kept: Kept) {
        self.errands.push(Errand::Ask { request, then, kept });
    }

    /// Calls `tick` each time this much time has passed, first after that time. For a module's `start`: called
    /// there, it ticks in each shard. Without effect for a time of 0.
    pub fn every(&mut self, span: Duration, tick: TickFn) {
        if !span.is_zero() {
            let at = self.now + span;
            self.alarms.push(at, Call::Again { tick, span });
        }
    }

    /// Calls `then` once, when this much time has passed.
    pub fn after(&mut self, span: Duration, then: AlarmFn, kept: Kept) {
        let at = self.now + span;
        self.alarms.push(at, Call::Once { then, kept });
    }

    /// Calls what is due; for the loop.
    pub fn sound_alarms(&mut self) {
        while let Some(call) = self.alarms.take_due(self.now) {
            match call {
                Call::Once { then, kept } => then(self, kept),
                Call::Again { tick, span } => {
                    // Ticks that were missed are not made up for.
                    let at = self.now + span;
                    self.alarms.push(at, Call::Again { tick, span });
                    tick(self);
                }
            }
        }
    }
}

/// What waits for its time in a shard.
#[derive(Default)]
pub struct Alarms {
    waiting: BinaryHeap<Alarm>,
    /// Alarms of the same time sound in the order they were set.
    count: u64,
}

struct Alarm {
    at: Time,
    number: u64,
    call: Call,
}

enum Call {
    Once { then: AlarmFn, kept: Kept },
    Again { tick: TickFn, span: Duration },
}

impl Alarms {
    /// When [`Shard::sound_alarms`] has something to do.
    pub fn next_deadline(&self) -> Option<Time> {
        self.waiting.peek().map(|alarm| alarm.at)
    }

    /// Ends what [`Shard::every`] began.
    pub fn clear_ticks(&mut self) {
        self.waiting.retain(|alarm| matches!(alarm.call, Call::Once { .. }));
    }

    fn push(&mut self, at: Time, call: Call) {
        self.count += 1;
        self.waiting.push(Alarm { at, number: self.count, call });
    }

    fn take_due(&mut self, now: Time) -> Option<Call> {
        let is_due = self.waiting.peek().is_some_and(|alarm| alarm.at <= now);
        if is_due { self.waiting.pop().map(|alarm| alarm.call) } else { None }
    }
}

impl Ord for Alarm {
    /// The earliest is the greatest, so that the heap gives it first.
    fn cmp(&self, other: &Alarm) -> std::cmp::Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Alarm) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Alarm) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Alarm {}

impl fmt::Debug for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alarms({})", self.waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::api::{Kept, Shard};
    use crate::trial::Trial;

    #[derive(Default)]
    struct Seen(Vec<u32>);

    fn shard() -> Shard {
        Trial::load("request_route { exit; }").expect("a script").shard
    }

    fn note(shard: &mut Shard, kept: Kept) {
        let number = *kept.downcast::<u32>().expect("a number");
        shard.states.get::<Seen>().0.push(number);
    }

    #[test]
    fn alarms_sound_in_order_of_time_and_then_of_setting() {
        let mut shard = shard();
        for (after, number) in [(20, 3), (10, 1), (10, 2), (30, 4)] {
            shard.after(Duration::from_secs(after), note, Box::new(number as u32));
        }
        shard.now += Duration::from_secs(20);
        shard.sound_alarms();
        assert_eq!(shard.states.get::<Seen>().0, [1, 2, 3]);
        assert_eq!(shard.alarms.next_deadline(), Some(shard.now + Duration::from_secs(10)));
    }

    #[test]
    fn ticks_go_on_and_missed_ones_are_left_out() {
        let mut shard = shard();
        shard.every(Duration::from_secs(10), |shard| shard.states.get::<Seen>().0.push(0));
        for (pass, ticks) in [(9, 0), (1, 1), (35, 2), (9, 2), (1, 3)] {
            shard.now += Duration::from_secs(pass);
            shard.sound_alarms();
            assert_eq!(shard.states.get::<Seen>().0.len(), ticks);
        }
    }
}
