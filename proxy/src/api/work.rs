//! A message in work: as received, and beside it everything the script has changed so far.
//!
//! The received bytes never change. What is visible at once (request URI, destination, branches, flags,
//! AVPs) is kept in fields; what shows only in the sent message is recorded as edits.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{Edits, Message, View};
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::avps::{Avps, Xavps};
use super::state::Attachments;
use crate::relay::{ConnUse, Relaying, SocketId, Targets, ViaHost};

/// One message in work. A clone is what a transaction keeps, or what one branch changes.
#[derive(Clone, Debug)]
pub struct Work {
    /// The message as received (or made up, for events), shared by all clones.
    pub message: Arc<Message>,
    /// Where it came from.
    pub received: Received,
    /// `$ru`, `$du`, branches and what belongs to them; meaningful for requests.
    pub targets: Targets,
    /// Changes that show when the message is sent.
    pub edits: Edits,
    /// Message flags, bit n is flag n.
    pub flags: u32,
    /// `$avp`
    pub avps: Avps,
    /// `$xavp`
    pub xavps: Xavps,
    /// How copies and replies are to be sent.
    pub sending: Sending,
    /// What the relay and the functions that drive it noted.
    pub relaying: Relaying,
    /// Header fields for locally made replies to this request (`append_to_reply`), line ends included.
    pub reply_headers: Vec<Bytes>,
    /// Body and Content-Type of the next locally made reply (`set_reply_body`).
    pub reply_body: Option<(Bytes, Bytes)>,
    /// What modules keep with this message.
    pub attached: Attachments,
}

/// Where and when a message was received.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// The far end.
    pub peer: Peer,
    /// Our socket.
    pub socket: SocketId,
    /// When.
    pub at: Time,
}

/// What core functions say about sending copies of a request and replies to it.
#[derive(Clone, Debug, Default)]
pub struct Sending {
    /// `force_rport()`: answer to the source port even without `rport` (RFC 3581).
    pub force_rport: bool,
    /// `add_local_rport()`: put `rport` into our Via.
    pub local_rport: bool,
    /// Local replies go where the Via says, not where the request came from (core parameter `reply_to_via`).
    pub reply_to_via: bool,
    /// `set_advertised_address()`
    pub advertised_host: Option<Bytes>,
    /// `set_advertised_port()`
    pub advertised_port: Option<u16>,
    /// `via_add_srvid()`
    pub via_server_id: bool,
    /// `via_add_xavp_params()`
    pub via_params: bool,
    /// `via_use_xavp_fields()`
    pub via_fields: bool,
    /// `udp_mtu_try_proto()`
    pub mtu_transport: Option<Transport>,
    /// `set_forward_no_connect()`: copies leave by existing connections only.
    pub forward_no_connect: bool,
    /// `set_forward_close()`: the connection is closed behind copies.
    pub forward_close: bool,
    /// `set_reply_no_connect()`
    pub reply_no_connect: bool,
    /// `set_reply_close()`
    pub reply_close: bool,
    /// What is known of the host in the top Via.
    pub via_host: ViaHost,
}

impl Sending {
    /// What copies do to the connection they leave by.
    pub fn forward_use(&self) -> ConnUse {
        ConnUse { existing_only: self.forward_no_connect, close_behind: self.forward_close }
    }

    /// What replies do to it.
    pub fn reply_use(&self) -> ConnUse {
        ConnUse { existing_only: self.reply_no_connect, close_behind: self.reply_close }
    }
}

impl Work {
    /// A message just received.
    pub fn new(message: Arc<Message>, received: Received) -> Work {
        Work {
            message,
            received,
            targets: Targets::received(),
            edits: Edits::new(),
            flags: 0,
            avps: Avps::default(),
            xavps: Xavps::default(),
            sending: Sending::default(),
            relaying: Relaying::default(),
            reply_headers: Vec::new(),
            reply_body: None,
            attached: Attachments::default(),
        }
    }

    /// The readers of the received message.
    pub fn view(&self) -> View<'_> {
        self.message.view()
    }

    /// The current request URI; `None` for a reply.
    pub fn uri(&self) -> Option<Bytes> {
        match &self.targets.ruri().uri {
            Some(uri) => Some(Bytes::copy_from_slice(uri)),
            None => self.view().request_uri().map(|uri| self.slice(uri)),
        }
    }

    /// Bytes that may be a part of the received message: shared when they are, else copied.
    pub fn slice_or_copy(&self, part: &[u8]) -> Bytes {
        let range = self.message.bytes().as_ptr_range();
        let is_part = range.contains(&part.as_ptr()) && part.as_ptr_range().end <= range.end;
        if is_part { self.slice(part) } else { Bytes::copy_from_slice(part) }
    }

    /// A part of the received message as shared bytes, without copying. `part` must be such a part.
    pub fn slice(&self, part: &[u8]) -> Bytes {
        if part.is_empty() { Bytes::new() } else { self.message.bytes().slice_ref(part) }
    }
}
