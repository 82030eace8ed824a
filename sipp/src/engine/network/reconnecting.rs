//! Connections that break: their calls fail, and a client makes a new one as often as it may.

use std::time::Duration;

use sip::net::CloseReason;
use sip::peer::Peer;
use sip::time::Time;

use crate::call::Input;
use crate::exit::Exit;
use crate::stats::Cause;

use super::own_sockets::uses_connection;
use crate::engine::signalling::Signalling;
use crate::engine::signalling::scenarios::Running;

/// What happens when a connection breaks.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Reconnect {
    /// New connections still allowed; `None` is without limit.
    pub(in crate::engine) left: Option<u32>,
    /// Whether the calls of the broken one fail.
    pub(in crate::engine) closes_calls: bool,
    /// Wait before a new one is made; no call is opened meanwhile.
    pub(in crate::engine) sleep: Duration,
    /// When that wait ends.
    pub(in crate::engine) at: Option<Time>,
}

impl Signalling {
    /// A connection is gone: the calls that used it fail, and a client that may not reconnect ends.
    pub(in crate::engine) fn closed(&mut self, now: Time, peer: Peer, reason: CloseReason) {
        let keys = self.calls.keys();
        for key in keys {
            let uses = |running: &mut Running| {
                running.call.state().peer.is_some_and(|own| uses_connection(own, peer))
            };
            if self.calls.get_mut(key).is_some_and(uses) && self.reconnect.closes_calls {
                self.advance(now, key, Input::Failed(Cause::TcpClosed));
            }
        }
        if !self.scenarios.main().program.mode.opens_calls()
            || self.own.connects_each_call()
            || (self.is_done() && !self.state.connecting)
        {
            return;
        }
        let refused = matches!(reason, CloseReason::Refused | CloseReason::ConnectTimeout);
        self.try_again(
            now,
            match refused {
                true => format!("Unable to connect a TCP socket to {}: {reason:?}", peer.addr),
                false => "Broken pipe on TCP connection, remote peer probably closed the socket".into(),
            },
        );
    }

    /// Makes the connection that was broken anew, once the wait is over.
    pub(in crate::engine) fn reconnect(&mut self, now: Time) {
        if self.reconnect.at.is_none_or(|at| at > now) {
            return;
        }
        self.reconnect.at = None;
        if self.quit.is_quitting() {
            self.state.connecting = false;
            return;
        }
        let Some(to) = self.settings.destination else { return };
        if let Err(error) = self.sockets.connect(now, to, self.socket) {
            self.try_again(now, format!("Unable to connect to {}: {error}", to.addr));
        }
    }

    /// The connection stands: calls are opened from now on. What came due without one is missed.
    pub(in crate::engine) fn connected(&mut self, now: Time) {
        self.state.connecting = false;
        if self.opening.schedule.has_started() {
            self.opening.schedule.skip(now);
        } else {
            self.opening.schedule.start(now);
        }
    }

    /// A connection could not be made or was lost, for that reason: the next attempt, or the end.
    fn try_again(&mut self, now: Time, reason: String) {
        match &mut self.reconnect.left {
            Some(0) => return self.end(Exit::Fatal, Some(reason)),
            Some(left) => *left -= 1,
            None => {}
        }
        let wait = self.reconnect.sleep.as_millis();
        self.warn(now, format!("{reason}; connecting again in {wait} ms"));
        self.state.connecting = true;
        self.reconnect.at = Some(now + self.reconnect.sleep);
    }
}
