//! Received replies that leave: `onsend_route` runs on them when `onsend_route_reply` is set, and may keep them here.
//!
//! Replies made here do not run it (Kamailio 5.6.3).

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::Message;

use super::Machine;
use super::runs::Purpose;
use crate::api::{End, EndedBy, Leaving, Received, RouteKind, Work};
use crate::relay::{BranchReply, Hop, RelayId, SocketId};

/// A reply that waits for what the route says.
#[derive(Debug)]
pub(super) enum LeavingReply {
    /// Without a transaction.
    Stateless(Hop, Bytes),
    /// On the server transaction of this context.
    Relayed(RelayId, BranchReply),
}

impl Machine {
    /// Sends a reply without a transaction, or asks the route first.
    pub(super) fn stateless_reply_leaves(&mut self, work: Box<Work>, hop: Hop, bytes: Bytes) {
        match self.entries.reply_leaves {
            Some(_) => self.ask_onsend(work, hop, LeavingReply::Stateless(hop, bytes)),
            None => {
                self.shard.counts.forwarded_replies += 1;
                self.shard.relay.send(hop, bytes);
            }
        }
    }

    /// A reply of a branch is about to go upstream.
    pub(super) fn relayed_reply_leaves(&mut self, id: RelayId, reply: BranchReply) {
        let Some(context) = self.shard.relay.context(id) else { return };
        let hop = context.reply_to();
        let from = context.branches().get(usize::from(reply.branch)).map_or(hop, |branch| branch.hop());
        let (branch, bytes) = (reply.branch, reply.bytes.clone());
        let reply = LeavingReply::Relayed(id, reply);
        let Ok(message) = Message::parse_lenient(bytes) else {
            return self.reply_released(reply, End { code: 1, by: EndedBy::Return });
        };
        let received = Received { peer: from.peer, socket: SocketId(from.socket), at: self.shard.now };
        let mut work = Box::new(Work::new(Arc::new(message), received));
        work.relaying.id = Some(id);
        work.relaying.branch = Some(branch);
        self.lend_lists(id, &mut work);
        self.ask_onsend(work, hop, reply);
    }

    fn ask_onsend(&mut self, mut work: Box<Work>, hop: Hop, reply: LeavingReply) {
        let Some(route) = self.entries.reply_leaves else {
            return self.reply_released(reply, End { code: 1, by: EndedBy::Return });
        };
        let size = match &reply {
            LeavingReply::Stateless(_, bytes) => bytes.len(),
            LeavingReply::Relayed(_, reply) => reply.bytes.len(),
        };
        work.attached.put(Leaving { hop, size });
        self.start(route, RouteKind::Onsend, work, Purpose::ReplyLeaves(reply));
    }

    /// The route has ended.
    pub(super) fn reply_judged(&mut self, mut work: Box<Work>, reply: LeavingReply, end: End) {
        if let LeavingReply::Relayed(id, ..) = reply {
            self.take_back_lists(id, &mut work);
        }
        self.reply_released(reply, end);
    }

    fn reply_released(&mut self, reply: LeavingReply, end: End) {
        let is_kept = end.by == EndedBy::Drop;
        match reply {
            LeavingReply::Stateless(..) if is_kept => {}
            LeavingReply::Stateless(hop, bytes) => {
                self.shard.counts.forwarded_replies += 1;
                self.shard.relay.send(hop, bytes);
            }
            LeavingReply::Relayed(id, reply) if is_kept => {
                self.shard.relay.keep_reply(self.shard.now, id, reply.status);
            }
            LeavingReply::Relayed(id, reply) => {
                self.shard.relay.let_reply_leave(self.shard.now, id, reply);
            }
        }
    }
}
