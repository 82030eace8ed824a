//! What modules send: replies to the message in work, with or without its transaction, and copies of a request
//! forwarded without one.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{Message, Method, RportPolicy, StartLine};
use sip::peer::{Peer, Transport};

use super::ctx::{Ctx, Shard};
use super::def::Replied;
use super::pv::SetError;
use super::work::Work;
use crate::relay::reply::{self, LocalReply, TagStyle};
use crate::relay::{Hop, Origin, RelayId, SocketId, Target};

impl Work {
    /// Where the message came from, as its top Via must show.
    pub fn origin(&self) -> Origin {
        let rport = if self.sending.force_rport { RportPolicy::Force } else { RportPolicy::WhenAsked };
        Origin { source: self.received.peer, rport, via_host: self.sending.via_host }
    }

    /// Where replies to the request go (RFC 3261 18.2.2, RFC 3581 4).
    pub fn reply_hop(&self) -> Hop {
        let origin = self.origin();
        let Ok(via) = self.view().via_top() else {
            return self.reply_hop_to(origin.source);
        };
        let mut peer = reply::reply_peer(&via, origin);
        if self.sending.reply_to_via
            && let Some(ip) =
                std::str::from_utf8(via.host).ok().and_then(|host| host.trim_matches(['[', ']']).parse().ok())
        {
            peer.addr = SocketAddr::new(ip, via.port.unwrap_or(5060));
        }
        self.reply_hop_to(peer)
    }

    fn reply_hop_to(&self, peer: Peer) -> Hop {
        Hop { conn_use: self.sending.reply_use(), ..Hop::new(peer, self.received.socket.0) }
    }
}

impl Shard {
    /// The socket of ours that `[proto:]host[:port]` names. Errors: `Value` when there is none.
    pub fn find_socket(&self, written: &str) -> Result<SocketId, SetError> {
        let (transport, rest) = match written.split_once(':') {
            Some((word, rest)) => match Transport::parse(word.as_bytes()) {
                Some(transport) => (Some(transport), rest),
                None => (None, written),
            },
            None => (None, written),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                (host, port.parse().map_err(|_| SetError::Value)?)
            }
            _ => (rest, 5060),
        };
        let host = host.trim_matches(['[', ']']);
        self.sockets.find(host, port, transport).ok_or(SetError::Value)
    }
}

impl Ctx<'_> {
    /// [`Shard::find_socket`]
    pub fn find_socket(&self, written: &str) -> Result<SocketId, SetError> {
        self.shard.find_socket(written)
    }

    /// Forces the socket that `[proto:]host[:port]` names. Errors: `Value` when we have no such socket.
    pub fn force_socket(&mut self, written: &str) -> Result<(), SetError> {
        let id = self.find_socket(written)?;
        self.work.targets.ruri_mut().socket = Some(id);
        Ok(())
    }

    /// Replies to the request: on its transaction when it has one, else without state. False: it cannot be
    /// replied to (an ACK), or a final reply went out before.
    pub fn reply(&mut self, status: u16, reason: &[u8]) -> bool {
        match self.work.relaying.id {
            Some(_) => self.reply_stateful(status, reason),
            None => self.reply_stateless(status, reason),
        }
    }

    /// Replies on the request's transaction. False without one, or when a final reply went out before.
    pub fn reply_stateful(&mut self, status: u16, reason: &[u8]) -> bool {
        let Some(id) = self.work.relaying.id else { return false };
        let lines = self.reply_lines(status, self.shard.relay.settings().rich_redirect);
        let body = self.reply_body();
        let wanted = LocalReply {
            status,
            reason,
            lines: &lines,
            body: &body,
            tag: TagStyle::Stateful,
            last_lines: &self.warning(),
        };
        let Some(bytes) = self.shard.relay.write_reply(id, &wanted) else { return false };
        let is_sent = self.shard.relay.answer(self.shard.now, id, status, bytes);
        if is_sent && status >= 200 {
            self.work.relaying.error = None;
        }
        if is_sent && self.work.relaying.is_looked_at {
            self.show_reply(id, status);
        }
        is_sent
    }

    /// Shows modules a reply made here at once: behind the run there may be another one.
    fn show_reply(&mut self, id: RelayId, status: u16) {
        self.work.relaying.shown_status = status;
        let reply = Replied { id, status, branch: None, received: None };
        let hooks = self.catalog.modules().iter().filter_map(|module| module.hooks.answered);
        hooks.for_each(|answered| answered(self, &reply));
    }

    /// Replies without state, even when there is a transaction. False for an ACK and an unreadable request.
    pub fn reply_stateless(&mut self, status: u16, reason: &[u8]) -> bool {
        let is_ack = self.work.view().method() == Some(Method::Ack);
        if is_ack || matches!(self.work.view().index.start, StartLine::Response { .. }) {
            return false;
        }
        let rich = self.shard.shared.peek::<RichRedirect>().map_or(0, |rich| rich.0);
        let lines = self.reply_lines(status, rich);
        let body = self.reply_body();
        let wanted = LocalReply {
            status,
            reason,
            lines: &lines,
            body: &body,
            tag: TagStyle::Stateless,
            last_lines: &self.warning(),
        };
        let signature = self.shard.relay.signature();
        let Some(bytes) = reply::write(self.work.view(), self.work.origin(), signature, &wanted) else {
            return false;
        };
        self.shard.relay.count_stateless_reply(status);
        self.work.relaying.has_replied |= status >= 200;
        if self.shard.tells_stateless_replies
            && let Ok(reply) = Message::parse_lenient(bytes.clone())
        {
            let seen = Work::new(Arc::new(reply), self.work.received);
            self.shard.run_event("sl:local-response", Some(Box::new(seen)));
        }
        self.shard.relay.send(self.work.reply_hop(), bytes);
        true
    }

    /// The Warning of a local reply (core parameter `sip_warning`), for whoever looks for a fault with a trace.
    fn warning(&self) -> Vec<u8> {
        if self.catalog.setting_int("sip_warning", 0) == 0 {
            return Vec::new();
        }
        let (view, received) = (self.work.view(), self.work.received);
        let own = self.shard.sockets.get(received.socket).addr;
        let source = received.peer.addr;
        let uri = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        format!(
            "Warning: 392 {own} \"Noisy feedback tells:  pid={} req_src_ip={} req_src_port={} in_uri={} out_uri={} via_cnt=={}\"\r\n",
            std::process::id(),
            source.ip(),
            source.port(),
            uri(view.request_uri().unwrap_or_default()),
            uri(&self.work.uri().unwrap_or_default()),
            view.vias().count(),
        )
        .into_bytes()
    }

    /// The added lines of a local reply: what `append_to_reply()` gathered, and the targets as Contact of a 3xx
    /// when the script has changed or added any. `rich`: see [`RichRedirect`].
    fn reply_lines(&self, status: u16, rich: u8) -> Bytes {
        let targets = &self.work.targets;
        let mut lines: Vec<u8> = self.work.reply_headers.concat();
        let is_redirect = (300..400).contains(&status);
        if is_redirect && (targets.ruri().uri.is_some() || !targets.appended().is_empty()) {
            let ruri = Some(targets.ruri()).filter(|_| targets.is_ruri_new());
            let uris: Vec<Vec<u8>> =
                ruri.into_iter().chain(targets.appended()).map(|it| self.contact(it, rich)).collect();
            lines.extend_from_slice(b"Contact: ");
            lines.extend_from_slice(&uris.join(&b", "[..]));
            lines.extend_from_slice(b"\r\n");
        }
        if let Some((_, kind)) = &self.work.reply_body {
            lines.extend_from_slice(&[b"Content-Type: ", &kind[..], b"\r\n"].concat());
        }
        Bytes::from(lines)
    }

    fn reply_body(&self) -> Bytes {
        self.work.reply_body.as_ref().map(|(body, _)| body.clone()).unwrap_or_default()
    }

    fn contact(&self, target: &Target, rich: u8) -> Vec<u8> {
        let uri = target.uri.as_deref().or_else(|| self.work.view().request_uri()).unwrap_or_default();
        let mut text = [b"<", uri].concat();
        if let Some(path) = target.path.as_deref().filter(|_| rich & 2 != 0) {
            text.extend_from_slice(b"?Route=");
            path.iter().for_each(|byte| write_escaped(*byte, &mut text));
        }
        text.push(b'>');
        if let Some(q) = target.q {
            text.extend_from_slice(
                format!(";q={}.{:03}", q / 1000, q % 1000).trim_end_matches('0').as_bytes(),
            );
        }
        if rich & 1 != 0 && target.flags != 0 {
            text.extend_from_slice(format!(";flags={}", target.flags).as_bytes());
        }
        text
    }
}

/// What a 3xx made without a transaction says beside URIs, bits: 1 branch flags as a parameter, 2 Path as a Route of
/// the URI. Module sl puts it in.
#[derive(Clone, Copy, Debug)]
pub struct RichRedirect(pub u8);

/// A byte of a header value inside a URI (RFC 3261 19.1.1).
fn write_escaped(byte: u8, out: &mut Vec<u8>) {
    let is_plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$@".contains(&byte);
    if is_plain {
        out.push(byte);
    } else {
        out.extend_from_slice(format!("%{byte:02x}").as_bytes());
    }
}
