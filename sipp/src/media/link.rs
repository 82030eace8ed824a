//! From a captured frame to the UDP datagram in it: link layer, IPv4 or IPv6, UDP.
//!
//! Nothing here trusts a length field: every slice is checked, and whatever does not fit is a [`Frame`] of its own.

/// What a captured frame turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A UDP datagram.
    Datagram { destination_port: u16, payload: &'a [u8] },
    /// Something else, e.g. ARP, TCP or an IP fragment.
    Other,
    /// A UDP datagram of which the capture holds only the beginning.
    Cut,
    /// The link type is not known.
    UnknownLink,
}

/// Reads a frame of the link type `link` (as numbered by the tcpdump group).
pub(super) fn read(link: u32, frame: &[u8]) -> Frame<'_> {
    let packet = match link {
        LINK_NULL | LINK_LOOP => frame.get(4..),
        LINK_ETHERNET => behind_ethertype(frame, 12),
        LINK_RAW | LINK_RAW_BSD | LINK_RAW_OPENBSD | LINK_IPV4 | LINK_IPV6 => Some(frame),
        LINK_LINUX_SLL => behind_ethertype(frame, 14),
        // The protocol comes first in the second version of the cooked header, which has 20 bytes.
        LINK_LINUX_SLL2 => frame.get(20..).filter(|_| is_ip(be16(frame, 0))),
        LINK_80211 => behind_80211(frame),
        LINK_RADIOTAP => le16(frame, 2).and_then(|len| frame.get(usize::from(len)..)).and_then(behind_80211),
        _ => return Frame::UnknownLink,
    };
    packet.map_or(Frame::Other, read_ip)
}

/// The IP packet behind an EtherType at `at`, VLAN tags (IEEE 802.1Q, 802.1ad) skipped.
fn behind_ethertype(frame: &[u8], mut at: usize) -> Option<&[u8]> {
    while let Some(0x8100 | 0x88a8 | 0x9100) = be16(frame, at) {
        at += 4;
    }
    frame.get(at + 2..).filter(|_| is_ip(be16(frame, at)))
}

/// The IP packet in a data frame of IEEE 802.11 with its LLC and SNAP header.
fn behind_80211(frame: &[u8]) -> Option<&[u8]> {
    let control = le16(frame, 0)?;
    let (kind, subtype) = (control >> 2 & 3, control >> 4 & 15);
    // Data only; bit 14 says encrypted.
    if kind != 2 || control & 0x4000 != 0 {
        return None;
    }
    let four_addresses = control & 0x0300 == 0x0300;
    let has_qos = subtype & 8 != 0;
    let header = 24 + if four_addresses { 6 } else { 0 } + if has_qos { 2 } else { 0 };
    behind_ethertype(frame, header + 6)
}

fn is_ip(ethertype: Option<u16>) -> bool {
    matches!(ethertype, Some(0x0800 | 0x86dd))
}

fn read_ip(packet: &[u8]) -> Frame<'_> {
    match packet.first().map(|first| first >> 4) {
        Some(4) => read_ipv4(packet),
        Some(6) => read_ipv6(packet),
        _ => Frame::Other,
    }
}

/// RFC 791 3.1.
fn read_ipv4(packet: &[u8]) -> Frame<'_> {
    let header = usize::from(packet[0] & 15) * 4;
    let is_fragment = be16(packet, 6).is_none_or(|field| field & 0x3fff != 0);
    match packet.get(9) {
        Some(17) if header >= 20 && !is_fragment => packet.get(header..).map_or(Frame::Cut, read_udp),
        _ => Frame::Other,
    }
}

/// RFC 8200 3, 4.
fn read_ipv6(packet: &[u8]) -> Frame<'_> {
    let Some(mut next) = packet.get(6).copied() else { return Frame::Other };
    let mut at = 40;
    loop {
        match next {
            17 => return packet.get(at..).map_or(Frame::Cut, read_udp),
            // Hop-by-hop options, routing, destination options.
            0 | 43 | 60 => {
                let (Some(following), Some(len)) = (packet.get(at), packet.get(at + 1)) else {
                    return Frame::Other;
                };
                next = *following;
                at += 8 + usize::from(*len) * 8;
            }
            _ => return Frame::Other,
        }
    }
}

/// RFC 768. Bytes behind the datagram's own length are padding of the link.
fn read_udp(datagram: &[u8]) -> Frame<'_> {
    let (Some(destination_port), Some(len)) = (be16(datagram, 2), be16(datagram, 4)) else {
        return Frame::Cut;
    };
    match datagram.get(8..usize::from(len)) {
        Some(payload) => Frame::Datagram { destination_port, payload },
        None if usize::from(len) < 8 => Frame::Other,
        None => Frame::Cut,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    be16(bytes, at).map(u16::swap_bytes)
}

const LINK_NULL: u32 = 0;
const LINK_ETHERNET: u32 = 1;
const LINK_RAW_BSD: u32 = 12;
const LINK_RAW_OPENBSD: u32 = 14;
const LINK_RAW: u32 = 101;
const LINK_80211: u32 = 105;
const LINK_LOOP: u32 = 108;
const LINK_LINUX_SLL: u32 = 113;
const LINK_RADIOTAP: u32 = 127;
const LINK_IPV4: u32 = 228;
const LINK_IPV6: u32 = 229;
const LINK_LINUX_SLL2: u32 = 276;

#[cfg(test)]
mod tests {
    use super::{Frame, read};

    /// A UDP datagram with the given payload to port 4000 in IPv4.
    fn ipv4(payload: &[u8]) -> Vec<u8> {
        let total = (28 + payload.len()) as u16;
        let mut packet = vec![0x45, 0];
        packet.extend(total.to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        packet.extend(udp(payload));
        packet
    }

    fn ipv6(payload: &[u8], extension: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, if extension.is_empty() { 17 } else { 0 }, 64];
        packet.extend([0; 32]);
        packet.extend(extension);
        packet.extend(udp(payload));
        packet
    }

    fn udp(payload: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0x1f, 0x40, 0x0f, 0xa0];
        datagram.extend((8 + payload.len() as u16).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(payload);
        datagram
    }

    fn framed(header: &[u8], packet: &[u8]) -> Vec<u8> {
        [header, packet].concat()
    }

    #[test]
    fn finds_the_datagram_behind_every_link_header() {
        let eth = |tail: &[u8]| [&[0u8; 12][..], tail].concat();
        let sll = |ethertype: &[u8]| [&[0u8; 14][..], ethertype].concat();
        let sll2 = [&[8u8, 0][..], &[0; 18]].concat();
        let wifi = [&[0x88u8, 0x01][..], &[0; 24], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
        let radiotap = [&[0u8, 0, 8, 0, 0, 0, 0, 0][..], &wifi].concat();
        let rows: &[(&str, u32, Vec<u8>)] = &[
            ("null", 0, vec![2, 0, 0, 0]),
            ("ethernet", 1, eth(&[8, 0])),
            ("one VLAN tag", 1, eth(&[0x81, 0, 0, 7, 8, 0])),
            ("two VLAN tags", 1, eth(&[0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 8, 0])),
            ("raw", 101, vec![]),
            ("cooked", 113, sll(&[8, 0])),
            ("cooked v2", 276, sll2),
            ("802.11 QoS data", 105, wifi),
            ("radiotap", 127, radiotap),
        ];
        for (name, link, header) in rows {
            let frame = framed(header, &ipv4(b"rtp"));
            let expected = Frame::Datagram { destination_port: 4000, payload: b"rtp" };
            assert_eq!(read(*link, &frame), expected, "{name}");
        }
    }

    #[test]
    fn reads_ipv6_also_behind_extension_headers() {
        let expected = Frame::Datagram { destination_port: 4000, payload: b"rtp" };
        assert_eq!(read(229, &ipv6(b"rtp", &[])), expected);
        assert_eq!(read(101, &ipv6(b"rtp", &[17, 0, 1, 4, 0, 0, 0, 0])), expected);
    }

    #[test]
    fn link_padding_is_not_payload() {
        let mut frame = framed(&[&[0u8; 12][..], &[8, 0]].concat(), &ipv4(b"x"));
        frame.extend([0; 17]);
        assert_eq!(read(1, &frame), Frame::Datagram { destination_port: 4000, payload: b"x" });
    }

    #[test]
    fn says_what_is_no_datagram() {
        let mut fragment = ipv4(b"rtp");
        fragment[6] = 0x20;
        let mut tcp = ipv4(b"rtp");
        tcp[9] = 6;
        let whole = ipv4(b"rtp");
        assert_eq!(read(101, &fragment), Frame::Other);
        assert_eq!(read(101, &tcp), Frame::Other);
        assert_eq!(read(101, &whole[..whole.len() - 1]), Frame::Cut);
        assert_eq!(read(9, &whole), Frame::UnknownLink);
        for end in 0..whole.len() {
            assert!(!matches!(read(101, &whole[..end]), Frame::Datagram { .. }), "{end}");
        }
    }
}
