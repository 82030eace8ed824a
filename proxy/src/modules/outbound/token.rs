//! The token of a flow (RFC 5626 5.2): base64 of a keyed hash of 80 bits, the transport, and both ends of the flow.
//!
//! It needs no stored state: whoever has the key reads the ends out of it. The layout is that of Kamailio 5.6.3.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sip::ident::Ident;
use sip::peer::Transport;

use crate::api::{Base64, Padding};
use crate::modules::rr::FlowEnds;

/// The key of the hashes. Never printed.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

/// Why a text stands for no flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRead {
    /// It has not the form of a token.
    NoToken,
    /// Its hash is not ours.
    Forged,
}

/// Bytes of the hash.
const HASH: usize = 10;

impl Key {
    /// The key of a configured secret, so that servers with the same secret read each other's tokens.
    pub(super) fn of_secret(secret: &[u8]) -> Key {
        Key(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"))
    }

    /// A key nobody knows.
    pub(super) fn random(ident: &mut Ident) -> Key {
        let words: Vec<u8> = (0..4).flat_map(|_| ident.next_u64().to_be_bytes()).collect();
        Key::of_secret(&words)
    }

    /// The token of a flow.
    pub(super) fn write(&self, flow: FlowEnds) -> Vec<u8> {
        let mut ends = vec![flow.transport as u8];
        write_end(flow.local, &mut ends);
        write_end(flow.remote, &mut ends);
        let mut raw = self.hash(&ends).finalize().into_bytes()[..HASH].to_vec();
        raw.extend_from_slice(&ends);
        Base64::Standard.encode(&raw, Padding::Yes)
    }

    /// The flow of a token.
    pub(super) fn read(&self, token: &[u8]) -> Result<FlowEnds, NotRead> {
        let raw = Base64::Standard.decode(token).ok_or(NotRead::NoToken)?;
        let (hash, ends) = raw.split_at_checked(HASH).ok_or(NotRead::NoToken)?;
        let flow = read_ends(ends).ok_or(NotRead::NoToken)?;
        self.hash(ends).verify_truncated_left(hash).map_err(|_| NotRead::Forged)?;
        Ok(flow)
    }

    fn hash(&self, ends: &[u8]) -> Hmac<Sha256> {
        let mut hash = self.0.clone();
        hash.update(ends);
        hash
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

fn write_end(end: SocketAddr, out: &mut Vec<u8>) {
    match end.ip() {
        IpAddr::V4(addr) => out.extend_from_slice(&addr.octets()),
        IpAddr::V6(addr) => out.extend_from_slice(&addr.octets()),
    }
    out.extend_from_slice(&end.port().to_be_bytes());
}

/// Both ends are of one family, which the length tells.
fn read_ends(ends: &[u8]) -> Option<FlowEnds> {
    let (transport, ends) = ends.split_first()?;
    let transport = Transport::of_number(*transport)?;
    let (local, remote) = ends.split_at(ends.len() / 2);
    Some(FlowEnds { transport, local: read_end(local)?, remote: read_end(remote)? })
}

fn read_end(bytes: &[u8]) -> Option<SocketAddr> {
    let (addr, port) = bytes.split_last_chunk()?;
    let addr = match addr.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(addr).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(addr).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(addr, u16::from_be_bytes(*port)))
}

#[cfg(test)]
mod tests {
    use sip::peer::Transport;

    use super::{FlowEnds, Key, NotRead};

    fn flow(transport: Transport, local: &str, remote: &str) -> FlowEnds {
        let end = |text: &str| text.parse().expect("an address");
        FlowEnds { transport, local: end(local), remote: end(remote) }
    }

    #[test]
    fn a_token_gives_back_the_flow_and_has_the_length_of_the_originals() {
        let key = Key::of_secret(b"johnnycakes");
        let four = flow(Transport::Udp, "127.0.0.1:8460", "192.0.2.4:5060");
        let six = flow(Transport::Tls, "[2001:db8::1]:5061", "[2001:db8::2]:40000");
        for (flow, length) in [(four, 32), (six, 64)] {
            let token = key.write(flow);
            assert_eq!((token.len(), key.read(&token)), (length, Ok(flow)));
        }
    }

    /// RFC 5626 5.2: no bit of it can be changed unnoticed.
    #[test]
    fn every_changed_digit_is_noticed() {
        let key = Key::of_secret(b"a");
        let token = key.write(flow(Transport::Tcp, "127.0.0.1:5060", "127.0.0.1:5070"));
        for at in 0..token.len() - 1 {
            let mut changed = token.clone();
            changed[at] = if changed[at] == b'Q' { b'g' } else { b'Q' };
            assert!(key.read(&changed).is_err(), "digit {at}");
        }
        assert_eq!(Key::of_secret(b"b").read(&token), Err(NotRead::Forged));
    }

    #[test]
    fn other_users_are_no_tokens() {
        let key = Key::of_secret(b"a");
        for text in ["", "bob", "AAAA", "3s8KcRcnSNNQewF/AAABIQx/AAABIR==", "%41", "3s8KcRcnSNNQewF/AAAB"] {
            assert_eq!(key.read(text.as_bytes()), Err(NotRead::NoToken), "{text}");
        }
    }
}
