//! Messages at the door: what is refused before a script runs, and what a message starts (RFC 3261 16.3, 18.1.2,
//! 18.2.1).

use sip::locate::Destination;
use sip::msg::{HeaderError, HeaderName, Message, Method, Via, View};
use sip::peer::{ConnId, Peer};

use super::Machine;
use super::runs::{Purpose, Waiting};
use crate::api::{IoAnswer, IoRequest, RouteKind, RouteTable, Work};
use crate::relay::branch;
use crate::relay::reply::{self, LocalReply, TagStyle};
use crate::relay::{Arrival, Hop, NextHop, ReplyArrival};

impl Machine {
    /// A request whose sender is known.
    pub(super) fn request(&mut self, mut work: Box<Work>) {
        self.take_alias(&work);
        if let Err(why) = check(&work.message) {
            return self.refuse(&work, &why);
        }
        match self.shard.relay.receive_request(self.shard.now, work.view()) {
            Arrival::Absorbed => return,
            Arrival::Looping => return self.refuse_loop(&work),
            Arrival::CancelOf(id) => work.relaying.cancels = Some(id),
            Arrival::Stray if self.acks_own_reply(&work) => return self.take_own_ack(work),
            Arrival::New if self.shard.relay.is_crowded() && begins_call(&work.message) => {
                return self.turn_away(&work);
            }
            Arrival::New | Arrival::Stray => {}
        }
        if let Some(route) = self.entries.request {
            self.start(route, RouteKind::Request, work, Purpose::Request);
        }
    }

    /// RFC 5923 5: the sender of a request over a stream may ask for its connection to be used for it
    /// (`tcp_accept_aliases`).
    fn take_alias(&mut self, work: &Work) {
        if self.defaults.accept_aliases
            && work.received.peer.conn != ConnId::NONE
            && let Ok(via) = work.view().via_top()
            && via.params.get(b"alias").is_some()
        {
            self.shard.alias_connection(&work.received, via.effective_port());
        }
    }

    /// Whether this is the ACK to a reply sent without state: its To tag is the one we would make for it.
    fn acks_own_reply(&self, work: &Work) -> bool {
        let view = work.view();
        let mut own = Vec::new();
        reply::write_tag(view, self.shard.relay.signature(), TagStyle::Stateless, &mut own);
        view.method() == Some(Method::Ack) && view.to().is_ok_and(|to| to.tag() == Some(&own[..]))
    }

    /// The ACK ends here, for whoever wants to see it in `event_route[sl:filtered-ack]`.
    fn take_own_ack(&mut self, work: Box<Work>) {
        self.shard.relay.count_own_ack();
        if let Some(route) = self.entries.own_ack {
            self.start(route, RouteKind::Event, work, Purpose::Event);
        }
    }

    /// 16.3: answers what cannot be used with 400 and the reason, where an answer is possible.
    fn refuse(&mut self, work: &Work, why: &str) {
        if work.view().method() == Some(Method::Ack) {
            self.tally.malformed += 1;
            return;
        }
        let reason = format!("Bad Request - {why}");
        match self.answer_at_door(work, (400, &reason), b"") {
            Answered::Sent => self.tally.bad_requests += 1,
            Answered::NotAnswerable => self.tally.malformed += 1,
        }
    }

    /// RFC 3261 21.4.24: it would go round until Max-Forwards ends it.
    fn refuse_loop(&mut self, work: &Work) {
        if self.answer_at_door(work, (482, "Loop Detected"), b"") == Answered::Sent {
            self.tally.loops += 1;
        }
    }

    /// RFC 3261 21.5.4: too much to do for a further call. The times differ, so that not all come back at once.
    fn turn_away(&mut self, work: &Work) {
        let seconds = 5 + self.shard.ident.next_u64() % 10;
        let lines = format!("Retry-After: {seconds}\r\n");
        if self.answer_at_door(work, (503, "Service Unavailable"), lines.as_bytes()) == Answered::Sent {
            self.tally.turned_away += 1;
        }
    }

    /// Answers without a transaction and without a script.
    fn answer_at_door(&mut self, work: &Work, (status, reason): (u16, &str), lines: &[u8]) -> Answered {
        let wanted = LocalReply {
            status,
            reason: reason.as_bytes(),
            lines,
            body: b"",
            tag: TagStyle::Stateless,
            last_lines: b"",
        };
        match reply::write(work.view(), work.origin(), self.shard.relay.signature(), &wanted) {
            Some(bytes) => {
                self.shard.relay.send(work.reply_hop(), bytes);
                Answered::Sent
            }
            None => Answered::NotAnswerable,
        }
    }

    /// A reply that passed the gates.
    pub(super) fn core_reply(&mut self, work: Box<Work>) {
        if !is_usable_reply(work.view()) {
            self.tally.malformed += 1;
            return;
        }
        match self.entries.reply {
            Some(route) => self.start(route, RouteKind::CoreReply, work, Purpose::CoreReply),
            None => self.transaction_reply(work),
        }
    }

    /// A reply that the unnamed reply route let pass: to its branch, or on by its Via.
    pub(super) fn transaction_reply(&mut self, mut work: Box<Work>) {
        match self.shard.relay.receive_response(self.shard.now, work.view()) {
            ReplyArrival::Absorbed => {}
            ReplyArrival::Stray => self.stray_reply(work),
            ReplyArrival::Branch { id, branch } => {
                work.relaying.id = Some(id);
                work.relaying.branch = Some(branch);
                let is_provisional = work.view().status().is_some_and(|status| status < 200);
                let on_reply = self.shard.relay.context(id).and_then(|context| {
                    let branch = context.branches().get(usize::from(branch))?;
                    // A provisional reply of a cancelled branch does not run the route (Kamailio 5.6.3).
                    Some(branch.on_reply()).filter(|_| !(branch.is_canceled() && is_provisional))
                });
                match on_reply.and_then(super::runs::route_of) {
                    Some(route) => {
                        self.lend_lists(id, &mut work);
                        self.run_on_reply(route, id, branch, work);
                    }
                    None => self.relay_reply(id, branch, &work),
                }
            }
        }
    }

    /// A reply without a transaction: the route of tm's parameter `on_sl_reply` may keep it here.
    fn stray_reply(&mut self, work: Box<Work>) {
        let name = &self.shard.relay.settings().on_stray_reply;
        let route = if name.is_empty() { None } else { self.script.route(RouteTable::Reply, name) };
        match route {
            Some(route) => self.start(route, RouteKind::TmReply, work, Purpose::StrayReply),
            None => self.forward_reply(work),
        }
    }

    /// 18.1.2, 16.11: forwards a reply without a transaction to its second Via. A name in it is located first.
    pub(super) fn forward_reply(&mut self, work: Box<Work>) {
        match self.reply_target(&work) {
            Some(ReplyTarget { hop: NextHop::Address(place), conn }) => self.send_reply(work, place, conn),
            Some(ReplyTarget { hop: NextHop::Name(query), conn }) => {
                self.wait(IoRequest::Locate(query), Waiting::Reply(work, conn));
            }
            Some(ReplyTarget { hop: NextHop::Nowhere, .. }) | None => self.tally.stray_replies += 1,
        }
    }

    fn reply_target(&self, work: &Work) -> Option<ReplyTarget> {
        let view = work.view();
        let own = view.vias().next()?.ok()?;
        let host = std::str::from_utf8(own.host).ok()?;
        let port = own.port.unwrap_or(0);
        if self.defaults.check_via && !self.shard.sockets.is_myself(host.as_bytes(), port, own.transport) {
            return None;
        }
        let next = view.vias().nth(1)?.ok()?;
        let (host, port) = next.response_target();
        let hop = NextHop::host(std::str::from_utf8(host).ok()?, Some(port), next.transport?);
        Some(ReplyTarget { hop, conn: own_connection(&own) })
    }

    /// The name of a reply's next hop has been located.
    pub(super) fn reply_located(&mut self, work: Box<Work>, answer: IoAnswer, conn: ConnId) {
        match answer {
            IoAnswer::Located(places) if !places.is_empty() => self.send_reply(work, places[0], conn),
            _ => self.tally.stray_replies += 1,
        }
    }

    fn send_reply(&mut self, work: Box<Work>, place: Destination, conn: ConnId) {
        let peer = Peer { conn, ..place.peer() };
        let socket = self.shard.sockets.choose(peer, None, Some(work.received.socket));
        match (socket, branch::write_reply(work.view(), &work.edits)) {
            (Some(socket), Some(bytes)) => {
                let hop = Hop { conn_use: work.sending.reply_use(), ..Hop::new(peer, socket.0) };
                self.stateless_reply_leaves(work, hop, bytes);
            }
            _ => self.tally.stray_replies += 1,
        }
    }
}

/// Where a reply goes on to.
struct ReplyTarget {
    hop: NextHop,
    /// The connection the request came by, for a stream.
    conn: ConnId,
}

/// Whether a reply could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Sent,
    NotAnswerable,
}

/// Whether a request asks for something new: it is no CANCEL or ACK and belongs to no dialog.
fn begins_call(message: &Message) -> bool {
    let view = message.view();
    !matches!(view.method(), Some(Method::Ack | Method::Cancel))
        && view.to().is_ok_and(|to| to.tag().is_none())
}

/// What a request must have before a script sees it. Errors: the reason for the 400.
fn check(message: &Message) -> Result<(), String> {
    let view = message.view();
    let reason = |error: HeaderError| error.to_string();
    view.mandatory().map_err(reason)?;
    // The next hops would have to read what is wrong below the first one.
    view.vias().skip(1).find_map(Result::err).map_or(Ok(()), |error| Err(reason(error)))?;
    match view.index.defect {
        Some(defect) => Err(defect.to_string()),
        None => Ok(()),
    }
}

/// Whether a reply has what every message must have (8.1.1), as far as it is worth looking at for each.
fn is_usable_reply(reply: View<'_>) -> bool {
    let has = |header| reply.header(header).is_some();
    let has_ends = [HeaderName::From, HeaderName::To, HeaderName::CallId].into_iter().all(has);
    has_ends && reply.cseq().is_ok() && reply.via_top().is_ok() && reply.index.defect.is_none()
}

/// The connection the request of this Via of ours came in by, `i=` in hex.
fn own_connection(via: &Via<'_>) -> ConnId {
    let written = via.params.value(b"i").and_then(|text| std::str::from_utf8(text).ok());
    written.and_then(|text| u32::from_str_radix(text, 16).ok()).map_or(ConnId::NONE, ConnId)
}
