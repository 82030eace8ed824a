//! Further places of a target: which one is taken first, and the branch to the next one when it fails
//! (RFC 3263 4.3, RFC 3261 16.7 step 6 on 503).
//!
//! The further branch is made of the bytes of the failed one with another Via, so no branch route runs again.

use bytes::Bytes;
use sip::locate::Destination;
use sip::msg::{Edits, Index, View};
use sip::peer::Peer;
use sip::time::Time;
use sip::txn::Hop;
use smallvec::SmallVec;

use super::blocklist::method_bit;
use super::context::Phase;
use super::forward::NewBranch;
use super::machine::Relay;
use super::{Armed, RelayId, SocketId, Target};

/// Places still to try, first one first.
pub type Places = SmallVec<[Destination; 1]>;

/// Why a branch failed, as far as its place is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Bytes could not be sent.
    Unsent,
    /// No reply came.
    Silent,
    /// It answered 503, with this Retry-After.
    Unavailable(Option<u32>),
}

impl Relay {
    /// The first place that we have a socket for and that is not blocked, with the rest behind it. `None`: there
    /// is none.
    pub fn first_way(&self, now: Time, places: &[Destination], wish: &Wish) -> Option<(Hop, Places)> {
        let rules = &self.settings.blocking;
        let asks = rules.asking_methods & method_bit(wish.method) != 0;
        places.iter().enumerate().find_map(|(at, place)| {
            if asks && self.blocklist.holds(now, *place) {
                return None;
            }
            let socket = self.sockets.choose(place.peer(), wish.forced, wish.received_on)?;
            let peer = Peer { conn: wish.conn, ..place.peer() };
            let rest = if self.settings.failover { &places[at + 1..] } else { &[] };
            Some((Hop::new(peer, socket.0), rest.iter().copied().collect()))
        })
    }

    /// Notes a fault of the place a branch went to, and opens a branch to the next place, if there is one and
    /// the transaction may go on.
    pub(super) fn fail_over(&mut self, now: Time, id: RelayId, branch: u8, fault: Fault) {
        self.note_fault(now, id, branch, fault);
        let (failover, keeps_socket) = (self.settings.failover, self.settings.keeps_socket);
        let Some(context) = self.context_mut(id) else { return };
        let may_go_on = context.overrides.failover.unwrap_or(failover)
            && context.phase == Phase::Running
            && !context.is_canceled
            && !context.is_expired(now);
        let (method, received_by) = (context.method, SocketId(context.reply_to.socket));
        let Some(failed) = context.branches.get_mut(usize::from(branch)) else { return };
        let places = std::mem::take(&mut failed.others);
        let sent = std::mem::take(&mut failed.sent);
        if !may_go_on || failed.is_canceled || places.is_empty() {
            return;
        }
        let armed = Armed {
            reply: failed.on_reply,
            failure: failed.on_failure,
            branch_failure: failed.on_branch_failure,
            ..Armed::default()
        };
        let target = (*failed.target).clone();
        let mut wish = Wish::of(method, &target, Some(SocketId(failed.hop.socket)));
        if keeps_socket {
            wish.forced = wish.forced.or(Some(received_by));
        }
        let conn_use = failed.hop.conn_use;
        let Some((hop, others)) = self.first_way(now, &places, &wish) else { return };
        let hop = Hop { conn_use, ..hop };
        let Some(request) = self.redirected(id, &sent, hop) else { return };
        // A branch that cannot be opened leaves the failed one as the last word.
        let _ = self.open_branch(now, id, NewBranch { request, hop, target, armed, others });
    }

    /// A sent request with the Via of the next branch.
    fn redirected(&self, id: RelayId, sent: &[u8], hop: Hop) -> Option<Bytes> {
        let param = self.next_branch_param(id)?;
        let index = Index::parse(sent).ok()?;
        let request = View { bytes: sent, index: &index };
        let line = request.fields(sip::msg::HeaderName::Via).next()?.line;
        let via = request.via_top().ok()?;
        let socket = self.sockets.get(SocketId(hop.socket));
        let mut text =
            format!("Via: SIP/2.0/{} {};branch=", socket.transport.via_name(), socket.sent_by()).into_bytes();
        text.extend_from_slice(param.as_bytes());
        for name in [&b"i"[..], b"rport"] {
            if let Some(kept) = via.params.get(name) {
                text.extend_from_slice(kept.whole);
            }
        }
        text.extend_from_slice(b"\r\n");
        let mut edits = Edits::new();
        edits.replace(line, &text)?;
        let mut out = Vec::with_capacity(sent.len() + 16);
        edits.write(request, &mut out);
        Some(out.into())
    }

    fn note_fault(&mut self, now: Time, id: RelayId, branch: u8, fault: Fault) {
        let rules = self.settings.blocking;
        let Some(context) = self.context(id) else { return };
        let Some(failed) = context.branches.get(usize::from(branch)) else { return };
        if rules.expire.is_zero() {
            return;
        }
        let peer = failed.hop.peer;
        let span = match (fault, rules.unavailable) {
            (Fault::Unsent, _) => rules.expire,
            (Fault::Silent, _) if rules.silent_methods & method_bit(context.method) != 0 => rules.expire,
            (Fault::Unavailable(after), Some(rule)) => rule.span(after),
            (Fault::Silent | Fault::Unavailable(_), _) => return,
        };
        self.blocklist.add(now, Destination { transport: peer.transport, addr: peer.addr }, span);
    }
}

/// What a way must fit.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The method of the request.
    pub method: sip::msg::Method,
    /// The socket it must leave by.
    pub forced: Option<SocketId>,
    /// The connection it should leave by.
    pub conn: sip::peer::ConnId,
    /// The socket it came in by.
    pub received_on: Option<SocketId>,
}

impl Wish {
    /// What a target wants.
    pub fn of(method: sip::msg::Method, target: &Target, received_on: Option<SocketId>) -> Wish {
        Wish { method, forced: target.socket, conn: target.conn, received_on }
    }
}
