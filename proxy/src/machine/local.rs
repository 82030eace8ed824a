//! Errands of modules: requests made here, event routes, look-ups without a run.
//!
//! A request made here is composed, shown to `event_route[tm:local-request]`, located and opened as a context of
//! its own; its outcome goes to the callback of whoever asked for it.

use std::sync::Arc;

use bytes::Bytes;
use sip::ident::write_hex;
use sip::locate::Destination;
use sip::msg::{HeaderName, Message, Method, NameAddr};
use sip::peer::Peer;
use sip::time::Time;

use super::runs::{Purpose, Waiting};
use super::{Machine, owner};
use crate::api::{
    DoneFn, End, EndedBy, Errand, IoAnswer, IoRequest, Kept, LocalRequest, Outcome, RouteKind, RouteTable,
    Work,
};
use crate::relay::branch::ViaRport;
use crate::relay::local::{self, NewLocal, OwnVia, Parts};
use crate::relay::{AckTo, Hop, NewBranch, NextHop, RelayId, SocketId, Target, Wish};
use crate::script::Script;

/// Who wants to know what becomes of a request made here.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) done: Option<(DoneFn, Kept)>,
    /// When it was asked for.
    since: Time,
}

/// A request made here that waits for the address of its next hop.
#[derive(Debug)]
pub(super) struct Unplaced {
    work: Box<Work>,
    asker: Asker,
    script: Arc<Script>,
}

impl Machine {
    /// Does what modules asked for. What that brings about is done too.
    pub(super) fn run_errands(&mut self) {
        while !self.shard.errands.is_empty() {
            for errand in std::mem::take(&mut self.shard.errands) {
                match errand {
                    Errand::Request(request) => self.local_request(request),
                    Errand::Route { table, name, work } => self.named_route((table, &name), work),
                    Errand::Continue { id, route } => self.go_on_with(id, route),
                    Errand::ForwardReply(work) => self.forward_reply(work),
                    Errand::Ask { request, then, kept } => self.wait(request, Waiting::Asked(then, kept)),
                }
            }
        }
    }

    fn named_route(&mut self, (table, name): (RouteTable, &str), work: Option<Box<Work>>) {
        let Some(route) = self.script.route(table, name) else { return };
        let work = work.unwrap_or_else(|| self.shard.made_up());
        let kind = if table == RouteTable::Event { RouteKind::Event } else { RouteKind::Request };
        self.start(route, kind, work, Purpose::Event);
    }

    /// Starts a request made here; the shard that owns its call does.
    pub(super) fn local_request(&mut self, mut request: Box<LocalRequest>) {
        if request.call_id.is_empty() {
            request.call_id = self.own_call_id();
        }
        if owner(&request.call_id, self.shard.shards) != usize::from(self.shard.number) {
            return self.foreign.push(*request);
        }
        let asker = Asker { done: request.done.take(), since: self.shard.now };
        let Some(work) = self.compose(&request) else { return self.tell(asker, 400, None) };
        match self.script.route(RouteTable::Event, "tm:local-request") {
            Some(route) => self.start(route, RouteKind::Local, work, Purpose::Local(asker)),
            None => self.place(work, asker, self.script.clone()),
        }
    }

    /// A Call-ID of a call that is ours.
    fn own_call_id(&mut self) -> Bytes {
        loop {
            let mut text = Vec::with_capacity(48);
            write_hex(self.shard.ident.next_u64(), &mut text);
            text.push(b'@');
            text.extend_from_slice(self.shard.sockets.get(SocketId(0)).addr.ip().to_string().as_bytes());
            if owner(&text, self.shard.shards) == usize::from(self.shard.number) {
                return text.into();
            }
        }
    }

    /// The request as a message in work, without its Via. `None`: its parts make no SIP message.
    fn compose(&mut self, request: &LocalRequest) -> Option<Box<Work>> {
        let mut tag = Vec::new();
        self.shard.ident.write_tag(&mut tag);
        let parts = Parts {
            method: &request.method,
            uri: &request.uri,
            to: &request.to,
            from: &request.from,
            from_tag: &tag,
            call_id: &request.call_id,
            cseq: request.cseq,
            max_forwards: request.max_forwards,
            headers: &request.headers,
            body: &request.body,
        };
        let message = Message::parse(local::compose(&parts, self.shard.relay.signature())).ok()?;
        message.view().cseq().ok()?;
        let socket = request.socket.unwrap_or(SocketId(0));
        let mut work = Box::new(Work::new(Arc::new(message), self.shard.own_reception(socket)));
        work.sending.local_rport = self.defaults.local_rport;
        work.relaying.armed = request.armed;
        work.relaying.timers = request.timers;
        let target = work.targets.ruri_mut();
        target.dst_uri = request.next_hop.as_deref().map(Box::from);
        target.socket = request.socket;
        Some(work)
    }

    /// `event_route[tm:local-request]` has run.
    pub(super) fn finish_local(&mut self, work: Box<Work>, end: End, asker: Asker, script: Arc<Script>) {
        match end.by {
            EndedBy::Drop => self.tell(asker, 0, None),
            EndedBy::Return | EndedBy::Zero | EndedBy::Exit => self.place(work, asker, script),
        }
    }

    /// Finds where a request goes and opens it.
    fn place(&mut self, work: Box<Work>, asker: Asker, script: Arc<Script>) {
        match next_hop(&work) {
            NextHop::Address(place) => self.open_local((work, script), asker, vec![place]),
            NextHop::Name(query) => {
                let unplaced = Unplaced { work, asker, script };
                self.wait(IoRequest::Locate(query), Waiting::Unplaced(Box::new(unplaced)));
            }
            NextHop::Nowhere => self.tell(asker, 478, None),
        }
    }

    /// The name of a next hop has been looked up.
    pub(super) fn placed(&mut self, unplaced: Unplaced, answer: IoAnswer) {
        let Unplaced { work, asker, script } = unplaced;
        match answer {
            IoAnswer::Located(places) if !places.is_empty() => {
                self.open_local((work, script), asker, places);
            }
            _ => self.tell(asker, 478, None),
        }
    }

    fn open_local(
        &mut self,
        (mut work, script): (Box<Work>, Arc<Script>),
        asker: Asker,
        places: Vec<Destination>,
    ) {
        let now = self.shard.now;
        let sockets = self.shard.sockets.clone();
        let target = work.targets.ruri().clone();
        let method = work.view().method().unwrap_or(Method::Other);
        let wish = Wish::of(method, &target, None);
        let relay = &mut self.shard.relay;
        let Some((hop, others)) = relay.first_way(now, &places, &wish) else {
            return self.tell(asker, 477, None);
        };
        let base = match method {
            Method::Invite => relay.settings().invite,
            _ => relay.settings().non_invite,
        };
        let armed = work.relaying.armed;
        let timers = work.relaying.timers.unwrap_or(base);
        let id =
            relay.open_local(now, NewLocal { request: &work.message, hop, armed, flags: work.flags, timers });
        let Some(param) = relay.next_branch_param(id) else { return self.tell(asker, 477, None) };
        let rport = if work.sending.local_rport { ViaRport::Asked } else { ViaRport::Absent };
        let via = OwnVia { socket: sockets.get(SocketId(hop.socket)), branch: param.as_bytes(), rport };
        let request = local::write(work.view(), &work.edits, target.uri.as_deref(), &via);
        work.relaying.id = Some(id);
        let place = id.slot as usize;
        if self.askers.len() <= place {
            self.askers.resize_with(place + 1, || None);
        }
        self.askers[place] = Some(asker);
        let new = NewBranch { request, hop, target, armed, others };
        if self.shard.relay.open_branch(now, id, new).is_err() {
            self.shard.relay.release(now, id);
            return self.answered(id, 477, None, None);
        }
        self.keep(id, work, script);
    }

    /// A request made here has its final reply.
    pub(super) fn answered(&mut self, id: RelayId, status: u16, reply: Option<Bytes>, source: Option<Peer>) {
        let reply = reply.and_then(|bytes| Message::parse_lenient(bytes).ok()).map(Arc::new);
        if let Some(reply) = &reply
            && (200..300).contains(&status)
        {
            self.acknowledge(id, reply, source);
        }
        if let Some(asker) = self.askers.get_mut(id.slot as usize).and_then(Option::take) {
            self.tell(asker, status, reply);
        }
    }

    /// RFC 3261 13.2.2.4: the ACK to a 2xx; it is sent again for each 2xx that comes.
    fn acknowledge(&mut self, id: RelayId, reply: &Message, source: Option<Peer>) {
        let relay = &self.shard.relay;
        let Some(context) = relay.context(id).filter(|context| context.method() == Method::Invite) else {
            return;
        };
        let Some(branch) = context.branches().last() else { return };
        let socket = SocketId(branch.hop().socket);
        let invite = context.request().clone();
        let peer = match (relay.settings().ack_to, source) {
            (AckTo::Answerer, Some(source)) => source,
            (AckTo::Invited | AckTo::Answerer, _) => branch.hop().peer,
            (AckTo::RemoteTarget, _) => match local::ack_target(reply.view()).map(NextHop::of) {
                Some(NextHop::Address(place)) => place.peer(),
                // A name is not waited for: what answered the INVITE knows the way.
                _ => branch.hop().peer,
            },
        };
        let mut param = Vec::new();
        self.shard.ident.write_branch(&mut param);
        let sockets = self.shard.sockets.clone();
        let Some(socket) = sockets.choose(peer, Some(socket), None) else { return };
        let via = OwnVia { socket: sockets.get(socket), branch: &param, rport: ViaRport::Absent };
        if let Some(bytes) = local::ack(&invite, reply.view(), self.shard.relay.signature(), &via) {
            self.shard.relay.send(Hop::new(peer, socket.0), bytes);
        }
    }

    fn tell(&mut self, asker: Asker, status: u16, reply: Option<Arc<Message>>) {
        if let Some((done, kept)) = asker.done {
            let took = self.shard.now - asker.since;
            done(&mut self.shard, Outcome { status, reply, took }, kept);
        }
    }
}

/// Where a composed request goes: `$du`, its topmost Route, its request URI.
fn next_hop(work: &Work) -> NextHop {
    let target: &Target = work.targets.ruri();
    let route = || work.view().header(HeaderName::Route).and_then(|value| NameAddr::parse(value).ok());
    match (&target.dst_uri, route(), &target.uri) {
        (Some(uri), _, _) => NextHop::of(uri),
        (None, Some(route), _) => NextHop::of(route.uri_text),
        (None, None, Some(uri)) => NextHop::of(uri),
        (None, None, None) => NextHop::of(work.view().request_uri().unwrap_or_default()),
    }
}
