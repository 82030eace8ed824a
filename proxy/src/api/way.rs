//! Copies of a request on their way out: the first place that can be used, and the bytes for it (RFC 3261 16.6 items
//! 7 to 9, 18.1.1).

use bytes::Bytes;
use sip::locate::Destination;
use sip::msg::{Edits, Method};
use sip::peer::Transport;

use super::ctx::Ctx;
use super::work::Work;
use crate::relay::branch::{self, BranchParam, Forward, ViaRport};
use crate::relay::{Hop, Places, RelayError, SocketId, Target, Wish};

/// A copy of the request in work.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// What it is made of.
    pub target: &'a Target,
    /// The branch parameter of its Via.
    pub param: BranchParam,
    /// The work its branch route ran on, if there was one.
    pub branch: Option<&'a Work>,
}

/// A copy written for one place.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where it goes.
    pub hop: Hop,
    /// The whole message.
    pub bytes: Bytes,
    /// Places to try when this one fails.
    pub others: Places,
}

impl Ctx<'_> {
    /// Writes a copy for the first of these places that can be used. A request too long for UDP goes to the same
    /// place over the transport the operator chose for that (RFC 3261 18.1.1).
    ///
    /// Errors: `NoSocket`, when we have none for any place; `BadRequest`, when the request cannot be read.
    pub fn write_copy(&self, copy: &Outgoing<'_>, places: &[Destination]) -> Result<Written, RelayError> {
        let (hop, others) = self.first_way(copy, places).ok_or(RelayError::NoSocket)?;
        let bytes = self.write_for(copy, hop).ok_or(RelayError::BadRequest)?;
        let rules = self.shard.sockets.rules();
        let other = self.work.sending.mtu_transport.unwrap_or(rules.udp_mtu_transport);
        let is_long = rules.udp_mtu != 0 && bytes.len() > rules.udp_mtu;
        if hop.peer.transport != Transport::Udp || !is_long || other == Transport::Udp {
            return Ok(Written { hop, bytes, others });
        }
        let place = Destination { transport: other, addr: hop.peer.addr };
        let Some((hop, _)) = self.first_way(copy, &[place]) else {
            return Ok(Written { hop, bytes, others });
        };
        let bytes = self.write_for(copy, hop).ok_or(RelayError::BadRequest)?;
        Ok(Written { hop, bytes, others })
    }

    fn first_way(&self, copy: &Outgoing<'_>, places: &[Destination]) -> Option<(Hop, Places)> {
        let target = copy.target;
        let sending = copy.branch.map_or(&self.work.sending, |branch| &branch.sending);
        let method = self.work.view().method().unwrap_or(Method::Other);
        let wish = Wish::of(method, target, Some(self.work.received.socket));
        let (mut hop, others) = self.shard.relay.first_way(self.shard.now, places, &wish)?;
        hop.conn_use = sending.forward_use();
        Some((hop, others))
    }

    fn write_for(&self, copy: &Outgoing<'_>, hop: Hop) -> Option<Bytes> {
        let work = &*self.work;
        let none = Edits::new();
        let (branch_edits, relaying, sending) = match copy.branch {
            Some(branch) => (&branch.edits, &branch.relaying, &branch.sending),
            None => (&none, &work.relaying, &work.sending),
        };
        branch::write(&Forward {
            request: work.view(),
            edits: &work.edits,
            branch_edits,
            origin: work.origin(),
            incoming: self.shard.sockets.get(work.received.socket),
            outgoing: self.shard.sockets.get(SocketId(hop.socket)),
            target: copy.target,
            param: copy.param,
            record_route: relaying.record_route.as_ref(),
            via_rport: if sending.local_rport { ViaRport::Asked } else { ViaRport::Absent },
            via_words: &self.via_words(SocketId(hop.socket), sending),
        })
    }
}
