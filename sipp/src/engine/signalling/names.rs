//! Host names that actions ask for: looked up beside the signalling thread, which never waits for an answer.
//!
//! Each look-up has a thread of its own, since the system's resolver gives no other way; few run at a time.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};

use sip::net::Waker;

use crate::options::HostPort;

use super::Signalling;
use crate::engine::network::address::resolve;

/// The look-ups of a run.
#[derive(Debug)]
pub(in crate::engine) struct LookUps {
    waiting: VecDeque<String>,
    running: usize,
    sender: Sender<(String, Option<IpAddr>)>,
    answers: Receiver<(String, Option<IpAddr>)>,
    waker: Waker,
}

impl LookUps {
    /// None yet; `waker` wakes the signalling thread when an answer is there.
    pub(in crate::engine) fn new(waker: Waker) -> LookUps {
        let (sender, answers) = channel();
        LookUps { waiting: VecDeque::new(), running: 0, sender, answers, waker }
    }

    /// Starts as many of the waiting look-ups as may run.
    fn start(&mut self) {
        while self.running < MOST_RUNNING
            && let Some(name) = self.waiting.pop_front()
        {
            let (sender, waker, asked) = (self.sender.clone(), self.waker.clone(), name.clone());
            let thread = std::thread::Builder::new().name("sipp-names".into()).spawn(move || {
                let host = HostPort { host: name.clone(), port: None };
                // Nobody hears it when the run is over.
                let _ = sender.send((name, resolve(&host, 0).ok().map(|addr| addr.ip())));
                waker.wake();
            });
            match thread {
                Ok(_) => self.running += 1,
                // Without a thread the name stays unknown.
                Err(_) => drop(self.sender.send((asked, None))),
            }
        }
    }
}

impl Signalling {
    /// Starts the look-ups that actions asked for, and takes the answers of those that are done.
    pub(super) fn look_up(&mut self) {
        self.names.waiting.extend(self.world.take_asked());
        self.names.start();
        while let Ok((name, found)) = self.names.answers.try_recv() {
            self.names.running = self.names.running.saturating_sub(1);
            self.world.answer(name, found);
            self.names.start();
        }
    }
}

/// Look-ups at a time.
const MOST_RUNNING: usize = 8;
