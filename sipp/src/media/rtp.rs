//! RTP packets: the header as we write it and as we read it (RFC 3550 5.1).

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};

/// The fields of a packet that differ between our streams; version 2, no padding, extension or CSRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Marker bit.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Time stamp in units of the codec's clock.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// Bytes of [`Header`] on the wire.
pub const HEADER_BYTES: usize = 12;

/// Appends a packet.
pub fn write(header: Header, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + HEADER_BYTES + payload.len(), 0);
    // Cannot fail: the room is exact and the payload type is below 128.
    let _ = RtpPacketBuilder::new()
        .marked(header.marker)
        .payload_type(header.payload_type & 0x7f)
        .sequence(Seq::from(header.sequence))
        .timestamp(header.timestamp)
        .ssrc(header.ssrc)
        .payload(payload)
        .build_into(&mut out[start..]);
}

/// Reads a packet into header and payload; `None` when it is no RTP of version 2, or RTCP (RFC 5761 4).
pub fn read(packet: &[u8]) -> Option<(Header, &[u8])> {
    let (header, start) = span_of_payload(packet)?;
    let padding = if packet[0] & 0x20 == 0 { 0 } else { usize::from(*packet.last()?) };
    Some((header, packet.get(start..packet.len().checked_sub(padding)?)?))
}

/// The header of a packet and where its payload begins; padding is not looked at, since it may be encrypted.
pub(super) fn span_of_payload(packet: &[u8]) -> Option<(Header, usize)> {
    if packet.first()? & 0x20 == 0 {
        return read_header(packet, packet.len());
    }
    // The library wants to see the padding; without its bit it does not look.
    let mut head = [0; MOST_HEADER_BYTES];
    let len = packet.len().min(MOST_HEADER_BYTES);
    head[..len].copy_from_slice(&packet[..len]);
    head[0] &= !0x20;
    read_header(&head[..len], packet.len())
}

/// Reads the beginning of a packet of `len` bytes that shows no padding.
fn read_header(head: &[u8], len: usize) -> Option<(Header, usize)> {
    let reader = RtpReader::new(head).ok()?;
    if reader.version() != 2 || (64..96).contains(&reader.payload_type()) {
        return None;
    }
    let header = Header {
        marker: reader.mark(),
        payload_type: reader.payload_type(),
        sequence: reader.sequence_number().into(),
        timestamp: reader.timestamp(),
        ssrc: reader.ssrc(),
    };
    Some((header, reader.payload_offset())).filter(|(_, start)| *start <= len)
}

/// Bytes looked at for a header: all of CSRCs and an extension of up to 432 bytes; packets with more of it are
/// not taken for RTP when they are padded.
const MOST_HEADER_BYTES: usize = 512;

/// Whether a datagram on an RTP port is RTCP (RFC 5761 4).
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet, [first, kind, _, _, ..] if first >> 6 == 2 && (192..=223).contains(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        marker: true,
        payload_type: 96,
        sequence: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0xca11_0000,
    };

    /// RFC 3550 5.1: the layout of the fixed header.
    #[test]
    fn writes_the_fixed_header() {
        let mut out = b"before".to_vec();
        write(HEADER, b"pay", &mut out);
        assert_eq!(out[6..], [0x80, 0xe0, 0xff, 0xfe, 1, 2, 3, 4, 0xca, 0x11, 0, 0, b'p', b'a', b'y']);
        assert_eq!(read(&out[6..]), Some((HEADER, &b"pay"[..])));
    }

    #[test]
    fn reads_behind_csrc_extension_and_padding() {
        let mut packet = vec![0xb1, 0x08, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([9; 4]);
        packet.extend([0xbe, 0xde, 0, 1, 7, 7, 7, 7]);
        packet.extend([b'x', b'y', 0, 2]);
        let (header, payload) = read(&packet).expect("valid");
        assert_eq!((header.payload_type, payload), (8, &b"xy"[..]));
        for end in 0..packet.len() {
            let _ = read(&packet[..end]);
        }
    }

    #[test]
    fn rtcp_and_strangers_are_not_rtp() {
        assert_eq!(read(&[0x80, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(read(b"OPTIONS sip:a SIP/2.0"), None);
        assert_eq!(read(&[]), None);
    }
}
