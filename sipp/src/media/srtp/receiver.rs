//! Opening what one side sent.

use hmac::Mac;

use super::super::rtp;
use super::keys::{ENCRYPTED, Keying, RTCP_TAG_BYTES, SessionKeys, Stream, WrongKeyLength};
use super::sources::Sources;

/// Opens the RTP and RTCP packets of one side of a media line.
#[derive(Debug)]
pub struct Receiver {
    rtp: SessionKeys,
    rtcp: SessionKeys,
    mki_bytes: usize,
    tag_bytes: usize,
    rtp_seen: Sources<Seen>,
    rtcp_seen: Sources<Seen>,
}

/// Why a packet was not opened; it is left as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too short, or no RTP.
    Malformed,
    /// Its tag is wrong: another key, or changed on the way.
    NotAuthentic,
    /// Seen before, or too old to know.
    Replayed,
}

impl Receiver {
    /// A receiver with fresh keys. Error: there are too many or too few bytes of them.
    pub fn new(keying: &Keying) -> Result<Receiver, WrongKeyLength> {
        Ok(Receiver {
            rtp: SessionKeys::derive(keying, Stream::Rtp)?,
            rtcp: SessionKeys::derive(keying, Stream::Rtcp)?,
            mki_bytes: keying.mki.len(),
            tag_bytes: keying.tag_bytes(),
            rtp_seen: Sources::default(),
            rtcp_seen: Sources::default(),
        })
    }

    /// Checks and decrypts an RTP packet, and cuts identifier and tag off (RFC 3711 3.3).
    pub fn open(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let tag = packet.len().checked_sub(self.tag_bytes).ok_or(Refused::Malformed)?;
        let end = tag.checked_sub(self.mki_bytes).ok_or(Refused::Malformed)?;
        let (header, payload) = rtp::span_of_payload(&packet[..end]).ok_or(Refused::Malformed)?;
        // Noted only once the packet is authentic, so that nobody fills the memory with made-up sources.
        let seen = self.rtp_seen.get(header.ssrc).copied().unwrap_or_default();
        let index = seen.guess(header.sequence);
        if seen.knows(index) {
            return Err(Refused::Replayed);
        }
        if self.tag_bytes > 0 {
            let roc = ((index >> 16) as u32).to_be_bytes();
            self.rtp
                .authenticator(&packet[..end], &roc)
                .verify_truncated_left(&packet[tag..])
                .map_err(|_| Refused::NotAuthentic)?;
        }
        self.rtp_seen.of(header.ssrc, Seen::default()).note(index);
        packet.truncate(end);
        self.rtp.transform(header.ssrc, index, &mut packet[payload..]);
        Ok(())
    }

    /// Checks and decrypts an RTCP compound, and cuts index, identifier and tag off (RFC 3711 3.4).
    pub fn open_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let tag = packet.len().checked_sub(RTCP_TAG_BYTES).ok_or(Refused::Malformed)?;
        let field_end = tag.checked_sub(self.mki_bytes).ok_or(Refused::Malformed)?;
        let end = field_end.checked_sub(4).filter(|end| *end >= 8).ok_or(Refused::Malformed)?;
        let word =
            |at: usize| u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
        let (ssrc, field) = (word(4), word(end));
        let index = u64::from(field & !ENCRYPTED);
        if self.rtcp_seen.get(ssrc).is_some_and(|seen| seen.knows(index)) {
            return Err(Refused::Replayed);
        }
        self.rtcp
            .authenticator(&packet[..field_end], &[])
            .verify_truncated_left(&packet[tag..])
            .map_err(|_| Refused::NotAuthentic)?;
        self.rtcp_seen.of(ssrc, Seen::default()).note(index);
        packet.truncate(end);
        if field & ENCRYPTED != 0 {
            self.rtcp.transform(ssrc, index, &mut packet[8..]);
        }
        Ok(())
    }
}

/// The packets seen last (RFC 3711 3.3.2): the highest index, and a bit for each of the 128 below it.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    highest: Option<u64>,
    window: u128,
}

impl Seen {
    /// The index that a sequence number most likely has (RFC 3711 3.3.1).
    fn guess(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else { return sequence.into() };
        let step = sequence.wrapping_sub(highest as u16) as i16;
        highest.checked_add_signed(step.into()).unwrap_or(sequence.into())
    }

    fn knows(&self, index: u64) -> bool {
        let Some(highest) = self.highest else { return false };
        match highest.checked_sub(index) {
            None => false,
            Some(behind) => behind >= u64::from(u128::BITS) || self.window >> behind & 1 == 1,
        }
    }

    fn note(&mut self, index: u64) {
        let highest = self.highest.unwrap_or(index);
        if index >= highest {
            let ahead = u32::try_from(index - highest).unwrap_or(u32::MAX);
            self.window = self.window.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = Some(index);
        } else {
            // Below the window nothing is noted: `knows` refused it.
            self.window |= 1u128.checked_shl((highest - index) as u32).unwrap_or(0);
        }
    }
}
