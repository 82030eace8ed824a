//! Session descriptions of both sides: where the call's media shall go (RFC 8866 5.7, 5.14), its codecs and keys;
//! and digits in INFO requests.

use std::net::SocketAddr;

use sip::msg::{Method, View};
use sip::sdp::{self, Connection, Media, Sdp};
use sip::span::Span;

use crate::scenario::Op;
use crate::state::{Described, MediaKind, Writer};

use super::Run;

impl Run<'_, '_> {
    /// Takes the addresses of a description, also of one in a multipart body. A kind it does not mention keeps
    /// its address; port 0 takes it away.
    pub(super) fn learn_media(&mut self, view: View<'_>) {
        if self.call.state.media.is_none() || self.ignores_descriptions() {
            return;
        }
        let Some(sdp) = sdp::find(view) else { return };
        let ipv6 = self.env.settings.media_ip.is_ipv6();
        for kind in MediaKind::ALL {
            let mut lines = sdp.media().filter(|line| line.kind.eq_ignore_ascii_case(kind.word().as_bytes()));
            let Some(first) = lines.next() else { continue };
            let line =
                if first.port == 0 { lines.find(|line| line.port != 0).unwrap_or(first) } else { first };
            let remote = match address(sdp, &line) {
                Ok(remote) => remote.filter(|remote| remote.is_ipv6() == ipv6),
                Err(problem) => {
                    let id = self.id();
                    self.warn(format!("Call-Id: {id}, no media for m={}: {problem}", kind.word()));
                    None
                }
            };
            let described = describe(&line, remote);
            if let Some(media) = &mut self.call.state.media {
                media.line_mut(kind).remote = remote;
                media.describe(kind, Writer::Peer, described);
            }
        }
    }

    /// Takes what our own message says about codecs and keys.
    pub(super) fn note_own_media(&mut self, message: Span) {
        let Some(media) = &mut self.call.state.media else { return };
        let text = message.of(&self.outputs.bytes);
        let Ok(index) = sip::msg::Index::parse(text) else { return };
        let Some(sdp) = sdp::find(View { bytes: text, index: &index }) else { return };
        for kind in MediaKind::ALL {
            if let Some(line) = sdp.media_of(kind.word().as_bytes()) {
                media.describe(kind, Writer::Us, describe(&line, None));
            }
        }
    }

    /// Takes the digit of an INFO request.
    pub(super) fn learn_digit(&mut self, view: View<'_>) {
        let Some(media) = &mut self.call.state.media else { return };
        if view.method() != Some(Method::Info) || media.info_digits.len() >= MOST_DIGITS {
            return;
        }
        media.info_digits.extend(super::info_digit::digit_of(view));
    }

    fn ignores_descriptions(&self) -> bool {
        let step = self.env.program.step(self.call.state.step);
        step.is_some_and(|step| matches!(&step.op, Op::Recv(recv) if recv.ignores_sdp))
    }
}

/// What is kept of a media section; bounded, since it comes from the network.
fn describe(line: &Media<'_>, remote: Option<SocketAddr>) -> Described {
    let values = |name: &[u8], most| line.attributes(name).take(most).map(Box::from).collect();
    let proto = line.proto.to_ascii_uppercase();
    Described {
        order: 0,
        port: line.port,
        mappings: values(b"rtpmap", MOST_MAPPINGS),
        crypto: values(b"crypto", MOST_CRYPTO_LINES),
        is_secure: memchr::memmem::find(&proto, b"SAVP").is_some(),
        rtcp: remote.zip(line.rtcp_port()).map(|(remote, port)| SocketAddr::new(remote.ip(), port)),
    }
}

const MOST_MAPPINGS: usize = 32;
const MOST_CRYPTO_LINES: usize = 16;
const MOST_DIGITS: usize = 1024;

/// Where a media line wants its packets. `None`: the line is refused, or held with the address 0.0.0.0.
fn address(sdp: Sdp<'_>, line: &Media<'_>) -> Result<Option<SocketAddr>, String> {
    if line.port == 0 {
        return Ok(None);
    }
    // SIPp takes the first c= anywhere; a description that has one per line gets each line its own.
    let anywhere =
        || sdp.lines().filter(|line| line.kind == b'c').find_map(|line| Connection::parse(line.value));
    let connection = line.connection().or_else(anywhere).ok_or("the description has no c= line")?;
    let ip = connection.ip().ok_or_else(|| {
        let host = String::from_utf8_lossy(connection.address);
        format!("the address '{host}' of its c= line is not an IP address")
    })?;
    Ok(Some(SocketAddr::new(ip, line.port)).filter(|addr| !addr.ip().is_unspecified()))
}
