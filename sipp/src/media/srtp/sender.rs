//! Protecting what one source sends.

use hmac::Mac;

use super::super::rtp;
use super::keys::{ENCRYPTED, RTCP_TAG_BYTES, SessionKeys, Stream, Suite, WrongKeyLength};

/// Protects the RTP and RTCP packets of one source.
#[derive(Debug)]
pub struct Sender {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    /// Index of the last RTP packet; `None` before the first.
    last_index: Option<u64>,
    rtcp_index: u32,
}

/// The key has protected as many packets as it may (RFC 3711 9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

impl Sender {
    /// A sender with the bytes of an `inline:` key. Error: there are too many or too few of them.
    pub fn new(suite: Suite, inline: &[u8]) -> Result<Sender, WrongKeyLength> {
        Ok(Sender {
            rtp: SessionKeys::derive(suite, inline, Stream::Rtp)?,
            rtcp: SessionKeys::derive(suite, inline, Stream::Rtcp)?,
            last_index: None,
            rtcp_index: 0,
        })
    }

    /// Encrypts the RTP packet in `packet` and appends its tag (RFC 3711 3.1). What is no RTP is left alone.
    pub fn protect(&mut self, packet: &mut Vec<u8>) -> Result<(), Exhausted> {
        let Some((header, payload)) = rtp::span_of_payload(packet) else { return Ok(()) };
        let index = self.next_index(header.sequence)?;
        // Padding is encrypted with the payload.
        self.rtp.transform(header.ssrc, index, &mut packet[payload..]);
        let roc = ((index >> 16) as u32).to_be_bytes();
        let tag = self.rtp.authenticator(packet, &roc).finalize().into_bytes();
        packet.extend_from_slice(&tag[..self.rtp.suite.tag_bytes()]);
        Ok(())
    }

    /// Encrypts an RTCP compound, appends index and tag (RFC 3711 3.4). What is too short is left alone.
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
        let flag = if self.rtcp.suite.encrypts() { ENCRYPTED } else { 0 };
        packet.extend((flag | index).to_be_bytes());
        let tag = self.rtcp.authenticator(packet, &[]).finalize().into_bytes();
        packet.extend_from_slice(&tag[..RTCP_TAG_BYTES]);
        Ok(())
    }

    /// The index of a packet: sequence numbers that wrap go on counting; an earlier one keeps its place.
    fn next_index(&mut self, sequence: u16) -> Result<u64, Exhausted> {
        let Some(last) = self.last_index else {
            self.last_index = Some(sequence.into());
            return Ok(sequence.into());
        };
        let step = sequence.wrapping_sub(last as u16) as i16;
        let index = last.saturating_add_signed(step.into());
        if index >= 1 << 48 {
            return Err(Exhausted);
        }
        self.last_index = Some(last.max(index));
        Ok(index)
    }
}
