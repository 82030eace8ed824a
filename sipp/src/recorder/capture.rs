//! A flight as packets: a pcapng file (one section, one interface of raw IP, one packet per message) that Wireshark
//! and tshark open. Addresses, ports and times are those of the messages; headers are made up around them. Messages
//! of TLS and WebSocket connections stand in plain TCP, so that they can be read.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{DataLink, PcapError};
use rustc_hash::FxHashMap;
use sip::peer::Transport;

use super::flight::{Flight, Said};
use crate::stats::times::Wall;

/// The file. Errors: none that writing into memory can give, but the library may refuse a block.
pub(crate) fn pcapng(flight: &Flight, wall: Wall) -> Result<Vec<u8>, PcapError> {
    let comment = format!("Call {} failed: {}", flight.call_id, flight.reason);
    let section = SectionHeaderBlock {
        options: vec![
            SectionHeaderOption::Comment(Cow::Owned(comment)),
            SectionHeaderOption::UserApplication(Cow::Borrowed(concat!("sipp ", env!("CARGO_PKG_VERSION")))),
        ],
        ..SectionHeaderBlock::default()
    };
    let mut writer = PcapNgWriter::with_section_header(Vec::new(), section)?;
    writer.write_pcapng_block(InterfaceDescriptionBlock {
        linktype: DataLink::RAW,
        snaplen: 0,
        // Times count nanoseconds.
        options: vec![InterfaceDescriptionOption::IfTsResol(9)],
    })?;
    let mut streams = Streams::default();
    for said in &flight.messages {
        let Some(packet) = packet(said, flight.local, &mut streams) else { continue };
        let micros = u64::try_from(wall.unix_micros(said.at)).unwrap_or(0);
        let below = said.at.as_nanos() % 1000;
        let missing = said.length - said.bytes.len();
        writer.write_pcapng_block(EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_micros(micros) + Duration::from_nanos(below),
            original_len: (packet.len() + missing) as u32,
            data: Cow::Owned(packet),
            options: vec![EnhancedPacketOption::Comment(Cow::Owned(format!("message {}", said.step)))],
        })?;
    }
    Ok(writer.into_inner())
}

/// Bytes sent so far in each direction of a connection.
type Streams = FxHashMap<(SocketAddr, SocketAddr), u32>;

/// An IP packet around a message; `None` when its peer is not known.
fn packet(said: &Said, local: SocketAddr, streams: &mut Streams) -> Option<Vec<u8>> {
    let peer = said.peer?;
    let (from, to) = if said.kind.is_sent() { (local, peer.addr) } else { (peer.addr, local) };
    // An unspecified or foreign-family address of ours cannot stand beside the peer's.
    let (from, to) = match (from.ip(), to.ip()) {
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => (from, to),
        _ => (mapped(from), mapped(to)),
    };
    let segment = match peer.transport {
        Transport::Udp => datagram(from, to, &said.bytes),
        _ => {
            let sent = streams.get(&(from, to)).copied().unwrap_or(0);
            let acknowledged = streams.get(&(to, from)).copied().unwrap_or(0);
            streams.insert((from, to), sent.wrapping_add(said.bytes.len() as u32));
            stream_segment((from, to), (sent, acknowledged), &said.bytes)
        }
    };
    let protocol = if peer.transport == Transport::Udp { UDP } else { TCP };
    Some(ip_packet((from.ip(), to.ip()), protocol, segment))
}

fn mapped(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), addr.port()),
        IpAddr::V6(_) => addr,
    }
}

/// RFC 768.
fn datagram(from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(8 + bytes.len());
    for word in [from.port(), to.port(), (8 + bytes.len()) as u16, 0] {
        segment.extend_from_slice(&word.to_be_bytes());
    }
    segment.extend_from_slice(bytes);
    put_checksum(&mut segment, 6, (from.ip(), to.ip(), UDP));
    segment
}

/// RFC 9293 3.1: PSH and ACK, no options.
fn stream_segment(
    (from, to): (SocketAddr, SocketAddr),
    (sent, acknowledged): (u32, u32),
    bytes: &[u8],
) -> Vec<u8> {
    let mut segment = Vec::with_capacity(20 + bytes.len());
    segment.extend_from_slice(&from.port().to_be_bytes());
    segment.extend_from_slice(&to.port().to_be_bytes());
    segment.extend_from_slice(&sent.wrapping_add(1).to_be_bytes());
    segment.extend_from_slice(&acknowledged.wrapping_add(1).to_be_bytes());
    segment.extend_from_slice(&[5 << 4, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend_from_slice(bytes);
    put_checksum(&mut segment, 16, (from.ip(), to.ip(), TCP));
    segment
}

/// RFC 791 3.1, RFC 8200 3.
fn ip_packet((from, to): (IpAddr, IpAddr), protocol: u8, segment: Vec<u8>) -> Vec<u8> {
    let mut packet = Vec::with_capacity(40 + segment.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = (20 + segment.len()) as u16;
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&length.to_be_bytes());
            packet.extend_from_slice(&[0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
            let sum = checksum(sum_words(&packet, 0));
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (from, to) => {
            packet.extend_from_slice(&[0x60, 0, 0, 0]);
            packet.extend_from_slice(&(segment.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[protocol, 64]);
            packet.extend_from_slice(&octets(from));
            packet.extend_from_slice(&octets(to));
        }
    }
    packet.extend_from_slice(&segment);
    packet
}

/// The checksum over pseudo-header and segment, whose own field is zero (RFC 768, RFC 8200 8.1).
fn put_checksum(segment: &mut [u8], at: usize, (from, to, protocol): (IpAddr, IpAddr, u8)) {
    let mut sum = u32::from(protocol) + segment.len() as u32;
    for ip in [from, to] {
        sum = match ip {
            IpAddr::V4(ip) => sum_words(&ip.octets(), sum),
            IpAddr::V6(ip) => sum_words(&ip.octets(), sum),
        };
    }
    let mut sum = checksum(sum_words(segment, sum));
    if sum == 0 && protocol == UDP {
        sum = 0xffff;
    }
    segment[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

fn sum_words(bytes: &[u8], start: u32) -> u32 {
    bytes.chunks(2).fold(start, |sum, pair| {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        sum + u32::from(word)
    })
}

fn checksum(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

const TCP: u8 = 6;
const UDP: u8 = 17;

#[cfg(test)]
mod tests {
    use pcap_file::pcapng::{Block, PcapNgReader};
    use sip::peer::Transport;

    use super::super::tests::refused;
    use super::pcapng;
    use crate::stats::times::Wall;

    fn packets(file: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = PcapNgReader::new(file).expect("a section");
        let mut packets = Vec::new();
        while let Some(block) = reader.next_block() {
            if let Block::EnhancedPacket(packet) = block.expect("a whole block") {
                packets.push(packet.data.into_owned());
            }
        }
        packets
    }

    #[test]
    fn each_message_is_one_packet() {
        let packets = packets(&pcapng(&refused(), Wall::default()).expect("writable"));
        assert_eq!(packets.len(), 4);
        let first = &packets[0];
        assert_eq!(first[12..20], [127, 0, 0, 1, 127, 0, 0, 1]);
        assert_eq!(first[20..24], [0x13, 0xc4, 0x13, 0xce], "from 5060 to 5070");
        assert!(first[28..].starts_with(b"INVITE "));
        assert_eq!(packets[2][20..24], [0x13, 0xce, 0x13, 0xc4], "received");
    }

    #[test]
    fn a_stream_counts_its_bytes() {
        let mut flight = refused();
        for said in &mut flight.messages {
            said.peer.as_mut().expect("known").transport = Transport::Tcp;
        }
        let packets = packets(&pcapng(&flight, Wall::default()).expect("writable"));
        let length = flight.messages[0].bytes.len() as u32;
        assert_eq!(packets[0][24..28], 1u32.to_be_bytes());
        assert_eq!(packets[1][24..28], (1 + length).to_be_bytes());
        assert_eq!(packets[2][28..32], (1 + 2 * length).to_be_bytes(), "acknowledges both");
    }

    #[test]
    fn addresses_of_both_families_go_together() {
        let mut flight = refused();
        flight.local = "[::]:5060".parse().expect("an address");
        let packets = packets(&pcapng(&flight, Wall::default()).expect("writable"));
        assert_eq!(packets[0][0] >> 4, 6);
        assert!(packets[0][48..].starts_with(b"INVITE "));
    }
}
