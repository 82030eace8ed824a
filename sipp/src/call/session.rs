//! Session descriptions in received messages: where the call's media shall go (RFC 8866 5.7, 5.14).

use std::net::SocketAddr;

use sip::msg::View;
use sip::sdp::{self, Connection, Media, Sdp};

use crate::scenario::Op;
use crate::state::MediaKind;

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
            if let Some(media) = &mut self.call.state.media {
                media.line_mut(kind).remote = remote;
            }
        }
    }

    fn ignores_descriptions(&self) -> bool {
        let step = self.env.program.step(self.call.state.step);
        step.is_some_and(|step| matches!(&step.op, Op::Recv(recv) if recv.ignores_sdp))
    }
}

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
