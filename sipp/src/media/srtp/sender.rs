//! Protecting what one side sends.

use hmac::Mac;

use super::super::rtp;
use super::keys::{ENCRYPTED, Keying, RTCP_TAG_BYTES, SessionKeys, Stream, WrongKeyLength};
use super::sources::Sources;

/// Protects the RTP and RTCP packets of one side of a media line.
#[derive(Debug)]
pub struct Sender {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    mki: Box<[u8]>,
    tag_bytes: usize,
    /// Packets the key may still protect.
    left: u64,
    /// Index of each source's last RTP packet.
    last: Sources<u64>,
    rtcp_index: u32,
}

/// The key has protected as many packets as it may (RFC 3711 9.2, RFC 4568 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl Sender {
    /// A sender with fresh keys. Error: there are too many or too few bytes of them.
    pub fn new(keying: &Keying) -> Result<Sender, WrongKeyLength> {
        Ok(Sender {
            rtp: SessionKeys::derive(keying, Stream::Rtp)?,
            rtcp: SessionKeys::derive(keying, Stream::Rtcp)?,
            mki: keying.mki.clone(),
            tag_bytes: keying.tag_bytes(),
            left: keying.lifetime.unwrap_or(1 << 48),
            last: Sources::default(),
            rtcp_index: 0,
        })
    }

    /// Encrypts the RTP packet in `packet`, appends identifier and tag (RFC 3711 3.1). What is no RTP is left alone.
    pub fn protect(&mut self, packet: &mut Vec<u8>) -> Result<(), Exhausted> {
        let Some((header, payload)) = rtp::span_of_payload(packet) else { return Ok(()) };
        self.left = self.left.checked_sub(1).ok_or(Exhausted)?;
        let last = self.last.of(header.ssrc, header.sequence.into());
        let index = index_of(*last, header.sequence)?;
        *last = (*last).max(index);
        // Padding is encrypted with the payload.
        self.rtp.transform(header.ssrc, index, &mut packet[payload..]);
        let roc = ((index >> 16) as u32).to_be_bytes();
        let end = packet.len();
        packet.extend_from_slice(&self.mki);
        if self.tag_bytes > 0 {
            let tag = self.rtp.authenticator(&packet[..end], &roc).finalize().into_bytes();
            packet.extend_from_slice(&tag[..self.tag_bytes]);
        }
        Ok(())
    }

    /// Encrypts an RTCP compound, appends index, identifier and tag (RFC 3711 3.4). What is too short is left alone.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Exhausted> {
        let Some(ssrc) = packet.get(4..8).and_then(|word| word.try_into().ok()).map(u32::from_be_bytes)
        else {
            return Ok(());
        };
        if self.rtcp_index >= ENCRYPTED {
            return Err(Exhausted);
        }
        let index = self.rtcp_index;
        self.rtcp_index += 1;
        self.rtcp.transform(ssrc, index.into(), &mut packet[8..]);
        let flag = if self.rtcp.encrypts() { ENCRYPTED } else { 0 };
        packet.extend((flag | index).to_be_bytes());
        let tag = self.rtcp.authenticator(packet, &[]).finalize().into_bytes();
        packet.extend_from_slice(&self.mki);
        packet.extend_from_slice(&tag[..RTCP_TAG_BYTES]);
        Ok(())
    }
}

/// The index of a packet: sequence numbers that wrap go on counting; an earlier one keeps its place.
fn index_of(last: u64, sequence: u16) -> Result<u64, Exhausted> {
    let step = sequence.wrapping_sub(last as u16) as i16;
    let index = last.saturating_add_signed(step.into());
    if index >= 1 << 48 { Err(Exhausted) } else { Ok(index) }
}
