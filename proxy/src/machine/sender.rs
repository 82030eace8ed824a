//! Whether the host in the Via of a request is a name of the address it came from, by the name system (`dns`,
//! `rev_dns`): then it needs no `received` (RFC 3261 18.2.1).

use sip::msg::Rport;

use super::Machine;
use super::runs::Waiting;
use crate::api::{IoAnswer, IoRequest, Work};
use crate::relay::ViaHost;

impl Machine {
    /// A request whose script may not run before its sender is known.
    pub(super) fn request_of_sender(&mut self, work: Box<Work>) {
        match self.sender_question(&work) {
            Some(question) => self.wait(question, Waiting::Sender(work)),
            None => self.request(work),
        }
    }

    /// What has to be asked first; nothing when `received` is added anyway, or the host is an address.
    fn sender_question(&self, work: &Work) -> Option<IoRequest> {
        if !self.defaults.locate_sender && !self.defaults.name_sender {
            return None;
        }
        let via = work.view().via_top().ok()?;
        let host = std::str::from_utf8(via.host).ok()?;
        let is_address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
        if is_address || via.received().is_some() || via.rport() != Rport::Absent {
            return None;
        }
        Some(match self.defaults.locate_sender {
            true => IoRequest::addresses_of(host),
            false => IoRequest::Names(work.received.peer.addr.ip()),
        })
    }

    /// The name system has answered.
    pub(super) fn sender_known(&mut self, mut work: Box<Work>, answer: &IoAnswer) {
        let source = work.received.peer.addr.ip();
        let names_source = match answer {
            IoAnswer::Located(places) => places.iter().any(|place| place.addr.ip() == source),
            IoAnswer::Names(names) => {
                let host = work.view().via_top().map_or(&b""[..], |via| via.host);
                names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(host))
            }
            _ => false,
        };
        if names_source {
            work.sending.via_host = ViaHost::NamesSource;
        } else if self.defaults.name_sender && matches!(answer, IoAnswer::Located(_)) {
            return self.wait(IoRequest::Names(source), Waiting::Sender(work));
        }
        self.request(work);
    }
}
