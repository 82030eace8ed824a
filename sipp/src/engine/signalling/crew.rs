//! The engines of a run with `-threads`: what they share, and what they tell each other.
//!
//! Each engine has its own sockets and calls; two counters are common to all, so that `-m` and `-l` are exact. An
//! engine that opens calls has a port of its own, which keeps its dialogs to itself. Engines that wait for calls
//! share one port; whichever reads a message hands it to the engine its Call-ID belongs to, in batches.

use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rustc_hash::FxHasher;
use sip::net::Waker;
use sip::peer::Peer;
use sip::time::Time;

use crate::lang::EchoSwitch;
use crate::traffic::rate::Share;

use crate::engine::control::command::Command;

/// One engine's place among the others.
#[derive(Debug)]
pub(in crate::engine) struct Crew {
    share: Share,
    /// Whether messages of one call may arrive at any engine.
    spreads: bool,
    common: Arc<Common>,
    /// One for each engine, in order; this one's own is never used.
    mates: Vec<Mate>,
    told: Receiver<Told>,
    lost: u64,
}

/// What all engines count together.
#[derive(Debug, Default)]
struct Common {
    created: AtomicU64,
    open: AtomicU64,
}

#[derive(Debug)]
struct Mate {
    sender: SyncSender<Told>,
    waker: Waker,
    parcel: Parcel,
}

/// What one engine tells another.
#[derive(Debug)]
pub(super) enum Told {
    /// Do this, as of that moment.
    Command(Time, Command),
    /// Return what the ports of `-rtp_echo` receive, or no longer.
    Echo(EchoSwitch),
    /// Open no more calls.
    QuitSoftly,
    /// Publish figures for the screen, in the round of that moment.
    Redraw(Time),
    /// Messages of your calls.
    Messages(Parcel),
}

/// Datagrams, their bytes in one piece.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    bytes: Vec<u8>,
    /// End of each datagram in `bytes`, and where it came from.
    items: Vec<(usize, Peer)>,
}

impl Parcel {
    /// The datagrams in the order they came.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (&[u8], Peer)> {
        let starts = [0].into_iter().chain(self.items.iter().map(|(end, _)| *end));
        starts.zip(&self.items).map(|(start, (end, from))| (&self.bytes[start..*end], *from))
    }
}

impl Crew {
    /// A crew of as many engines as there are wakers. `spreads`: messages of one call may arrive at any of them.
    pub(in crate::engine) fn form(wakers: &[Waker], spreads: bool) -> Vec<Crew> {
        let common: Arc<Common> = Arc::default();
        let (senders, receivers): (Vec<_>, Vec<_>) = wakers.iter().map(|_| sync_channel(WAITING)).unzip();
        let of = wakers.len() as u32;
        let mates = || {
            let mate = |(sender, waker): (&SyncSender<Told>, &Waker)| Mate {
                sender: sender.clone(),
                waker: waker.clone(),
                parcel: Parcel::default(),
            };
            senders.iter().zip(wakers).map(mate).collect()
        };
        let crew = |(index, told)| Crew {
            share: Share { index, of },
            spreads: spreads && of > 1,
            common: common.clone(),
            mates: mates(),
            told,
            lost: 0,
        };
        (0..of).zip(receivers).map(crew).collect()
    }

    /// Which part of the run is this engine's.
    pub(in crate::engine) fn share(&self) -> Share {
        self.share
    }

    /// Which engine it is, from 0.
    pub(super) fn index(&self) -> usize {
        self.share.index as usize
    }

    /// True for the engine that commands come to.
    pub(super) fn is_lead(&self) -> bool {
        self.share.index == 0
    }

    /// The number of this engine's `local`-th call among those of all engines, both from 1.
    pub(super) fn number(&self, local: u64) -> u64 {
        (local.max(1) - 1) * u64::from(self.share.of) + u64::from(self.share.index) + 1
    }

    /// Calls created by all engines.
    pub(super) fn created(&self) -> u64 {
        self.common.created.load(Ordering::Relaxed)
    }

    /// Calls open at all engines.
    pub(super) fn open(&self) -> u64 {
        self.common.open.load(Ordering::Relaxed)
    }

    /// Takes one of the calls that may still be made; `false` when `most` are.
    pub(super) fn reserve(&self, most: Option<u64>) -> bool {
        let one_more = |created: u64| (created < most.unwrap_or(u64::MAX)).then_some(created + 1);
        self.common.created.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// So many calls count no longer as created: statistics begin anew.
    pub(super) fn forget_created(&self, calls: u64) {
        self.common.created.fetch_sub(calls, Ordering::Relaxed);
    }

    /// A call was opened. Gives how many are open now.
    pub(super) fn opened(&self) -> u64 {
        self.common.open.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A call is over.
    pub(super) fn closed(&self) {
        let was_last = self.common.open.fetch_sub(1, Ordering::Relaxed) == 1;
        if was_last && self.spreads {
            self.mates.iter().for_each(|mate| mate.waker.wake());
        }
    }

    /// Whether others may still need what arrives at this engine.
    pub(super) fn is_needed(&self) -> bool {
        self.spreads && self.open() > 0
    }

    /// The other engine a received message belongs to; `None` when it is this one's.
    pub(super) fn owner(&self, call_id: &[u8]) -> Option<usize> {
        if !self.spreads {
            return None;
        }
        let mut hasher = FxHasher::default();
        hasher.write(call_id);
        // The low bits of this hash depend on few bytes.
        let owner = (hasher.finish() >> 32) % u64::from(self.share.of);
        (owner != u64::from(self.share.index)).then_some(owner as usize)
    }

    /// Puts a message into the parcel for another engine.
    pub(super) fn hand_over(&mut self, owner: usize, bytes: &[u8], from: Peer) {
        let parcel = &mut self.mates[owner].parcel;
        parcel.bytes.extend_from_slice(bytes);
        parcel.items.push((parcel.bytes.len(), from));
    }

    /// Sends the parcels off.
    pub(super) fn flush(&mut self) {
        for mate in &mut self.mates {
            if mate.parcel.items.is_empty() {
                continue;
            }
            let parcel = std::mem::take(&mut mate.parcel);
            let datagrams = parcel.items.len() as u64;
            match mate.sender.try_send(Told::Messages(parcel)) {
                Ok(()) => mate.waker.wake(),
                // It cannot follow, or has ended: lost like a datagram that finds a full buffer.
                Err(_) => self.lost += datagrams,
            }
        }
    }

    /// Tells all others.
    pub(super) fn tell(&self, now: Time, command: &Command) {
        self.tell_each(|| Told::Command(now, command.clone()));
    }

    /// Tells all others that the ports of `-rtp_echo` return what they receive, or no longer.
    pub(super) fn switch_echo(&self, switch: EchoSwitch) {
        self.tell_each(|| Told::Echo(switch));
    }

    /// Asks all others to publish figures for the screen.
    pub(super) fn redraw(&self, moment: Time) {
        self.tell_each(|| Told::Redraw(moment));
    }

    /// Asks all others to open no more calls.
    pub(super) fn quit_softly(&self) {
        self.tell_each(|| Told::QuitSoftly);
    }

    /// What another engine told.
    pub(super) fn hear(&self) -> Option<Told> {
        if self.share.of == 1 { None } else { self.told.try_recv().ok() }
    }

    /// Messages that an engine could not take over.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn tell_each(&self, told: impl Fn() -> Told) {
        for (index, mate) in self.mates.iter().enumerate() {
            if index != self.share.index as usize {
                // One that has ended does not listen; one that is that far behind has commands enough.
                let _ = mate.sender.try_send(told());
                mate.waker.wake();
            }
        }
    }
}

/// What may wait for an engine.
const WAITING: usize = 4096;

#[cfg(test)]
mod tests {
    use sip::net::{ConnLimits, Sockets, Waker};
    use sip::peer::{Peer, Transport};
    use sip::time::Time;

    use super::{Command, Crew, Told};

    fn crew(spreads: bool) -> Vec<Crew> {
        let sockets: Vec<Sockets> =
            (0..3).map(|_| Sockets::new(ConnLimits::default()).expect("descriptors are free")).collect();
        let wakers: Vec<Waker> = sockets.iter().map(Sockets::waker).collect();
        Crew::form(&wakers, spreads)
    }

    #[test]
    fn every_message_of_a_call_has_one_owner() {
        let mut crew = crew(true);
        let mut shares = [0; 3];
        for number in 0..300 {
            let id = format!("{number}-4711@127.0.0.1");
            let owners: Vec<usize> = crew
                .iter()
                .enumerate()
                .map(|(own, engine)| engine.owner(id.as_bytes()).unwrap_or(own))
                .collect();
            assert_eq!(owners, [owners[0]; 3], "{id}");
            shares[owners[0]] += 1;
        }
        assert!(shares.iter().all(|share| (60..140).contains(share)), "{shares:?}");
        let from = Peer::new(Transport::Udp, "127.0.0.1:5060".parse().expect("an address"));
        for text in ["one", "two"] {
            crew[0].hand_over(2, text.as_bytes(), from);
        }
        crew[0].flush();
        let Some(Told::Messages(parcel)) = crew[2].hear() else { panic!("nothing came") };
        let texts: Vec<&[u8]> = parcel.datagrams().map(|(bytes, _)| bytes).collect();
        assert_eq!(texts, [b"one", b"two"]);
        assert!(crew[1].hear().is_none());
    }

    #[test]
    fn the_number_of_calls_is_exact_for_all_together() {
        let crew = crew(false);
        let made = (0..30).filter(|turn| crew[turn % 3].reserve(Some(10))).count();
        assert_eq!((made, crew[2].created()), (10, 10));
        let numbers: Vec<u64> = crew.iter().flat_map(|engine| [engine.number(1), engine.number(2)]).collect();
        assert_eq!(numbers, [1, 4, 2, 5, 3, 6]);
        assert_eq!((crew[0].opened(), crew[1].opened()), (1, 2));
        crew[2].closed();
        assert_eq!(crew[0].open(), 1);
        assert_eq!(crew[0].owner(b"any"), None, "each has a port of its own");
    }

    /// What arrives at an engine without calls may be an ACK to one of another's.
    #[test]
    fn an_engine_is_needed_as_long_as_any_has_a_call_on_their_port() {
        for spreads in [true, false] {
            let crew = crew(spreads);
            assert!(!crew[1].is_needed());
            crew[0].opened();
            assert_eq!(crew[1].is_needed(), spreads);
            crew[0].closed();
            assert!(!crew[1].is_needed());
        }
    }

    #[test]
    fn commands_reach_the_others() {
        let crew = crew(false);
        crew[0].tell(Time::from_millis(5), &Command::Quit);
        crew[1].quit_softly();
        assert!(matches!(crew[1].hear(), Some(Told::Command(_, Command::Quit))));
        assert!(matches!(crew[2].hear(), Some(Told::Command(_, Command::Quit))));
        assert!(matches!(crew[0].hear(), Some(Told::QuitSoftly)));
        assert!(crew[1].hear().is_none(), "nobody tells itself");
    }
}
