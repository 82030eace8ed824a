//! Captures: the UDP datagrams of a pcap or pcapng file, with their spacing and ports.
//!
//! Read once, then shared by all calls that replay it. Files come from strangers: lengths are checked, sizes
//! are bounded, and what is wrong is said with the number of the packet.

use std::time::Duration;

use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::{Block, PcapNgParser};
use pcap_file::{PcapError, TsResolution};

use super::link::{self, Frame};

/// The datagrams of a capture in their order.
#[derive(Debug)]
pub struct Capture {
    payloads: Vec<u8>,
    packets: Vec<Packet>,
    /// Frames that held no UDP datagram.
    skipped: usize,
}

/// One datagram of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Time since the first datagram.
    pub at: Duration,
    /// Its destination port minus the smallest one of the file.
    pub port_shift: u16,
    /// What it carried, byte for byte.
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    at: Duration,
    start: u32,
    len: u16,
    port: u16,
}

/// Why a file cannot be replayed. Packets count from 1, as in Wireshark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// Neither pcap nor pcapng.
    UnknownFormat,
    /// The file ends, or is damaged, in this packet or block.
    Damaged(usize),
    /// The capture kept only the beginning of this packet.
    Cut(usize),
    /// The link type of this packet is not known.
    LinkType(usize, u32),
    /// No UDP datagram is in it.
    NoDatagrams,
    /// More than [`Capture::MAX_BYTES`].
    TooLarge,
}

impl std::error::Error for CaptureError {}

impl std::fmt::Display for CaptureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CaptureError::UnknownFormat => f.write_str("it is neither a pcap nor a pcapng file"),
            CaptureError::Damaged(packet) => write!(f, "it ends or is damaged in packet {packet}"),
            CaptureError::Cut(packet) => {
                write!(
                    f,
                    "packet {packet} was captured only in part (capture again with a larger snap length)"
                )
            }
            CaptureError::LinkType(packet, link) => {
                write!(
                    f,
                    "packet {packet} has link type {link}; Ethernet, Linux cooked, raw IP, null and 802.11 are read"
                )
            }
            CaptureError::NoDatagrams => f.write_str("no UDP packet is in it"),
            CaptureError::TooLarge => write!(f, "it is larger than {} MiB", Capture::MAX_BYTES >> 20),
        }
    }
}

impl Capture {
    /// The largest file that is read.
    pub const MAX_BYTES: usize = 512 << 20;

    /// Reads a whole file.
    pub fn parse(file: &[u8]) -> Result<Capture, CaptureError> {
        if file.len() > Self::MAX_BYTES {
            return Err(CaptureError::TooLarge);
        }
        let mut gathered = Gathered { capture: Capture::empty(), first: None, frames: 0 };
        match PcapParser::new(file) {
            Ok((rest, parser)) => gathered.take_pcap(rest, &parser)?,
            Err(_) => {
                let (rest, parser) = PcapNgParser::new(file).map_err(|_| CaptureError::UnknownFormat)?;
                gathered.take_pcapng(rest, parser)?;
            }
        }
        if gathered.capture.packets.is_empty() {
            return Err(CaptureError::NoDatagrams);
        }
        Ok(gathered.capture.with_shifts())
    }

    /// Number of datagrams; never 0.
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// False; a capture without datagrams is an error.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The `index`-th datagram; `None` behind the last one.
    pub fn get(&self, index: usize) -> Option<Datagram<'_>> {
        let packet = self.packets.get(index)?;
        let start = packet.start as usize;
        let payload = &self.payloads[start..start + usize::from(packet.len)];
        Some(Datagram { at: packet.at, port_shift: packet.port, payload })
    }

    /// Frames of the file that held no UDP datagram and are not replayed.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    fn empty() -> Capture {
        Capture { payloads: Vec::new(), packets: Vec::new(), skipped: 0 }
    }

    /// Turns ports into distances from the smallest one.
    fn with_shifts(mut self) -> Capture {
        let base = self.packets.iter().map(|packet| packet.port).min().unwrap_or_default();
        for packet in &mut self.packets {
            packet.port -= base;
        }
        self
    }
}

/// A capture while its file is read.
struct Gathered {
    capture: Capture,
    /// Time stamp of the first datagram.
    first: Option<Duration>,
    frames: usize,
}

impl Gathered {
    fn take_pcap(&mut self, mut rest: &[u8], parser: &PcapParser) -> Result<(), CaptureError> {
        let header = parser.header();
        let nanos_per_unit = match header.ts_resolution {
            TsResolution::MicroSecond => 1000,
            TsResolution::NanoSecond => 1,
        };
        while !rest.is_empty() {
            // Not `next_packet`, which refuses files whose header states a wrong snap length.
            let (behind, packet) =
                parser.next_raw_packet(rest).map_err(|_| CaptureError::Damaged(self.frames + 1))?;
            rest = behind;
            let at = Duration::from_secs(packet.ts_sec.into())
                + Duration::from_nanos(u64::from(packet.ts_frac) * nanos_per_unit);
            self.take_frame(header.datalink.into(), at, &packet.data)?;
        }
        Ok(())
    }

    fn take_pcapng(&mut self, mut rest: &[u8], mut parser: PcapNgParser) -> Result<(), CaptureError> {
        while !rest.is_empty() {
            let (behind, block) = match parser.next_block(rest) {
                Ok(next) => next,
                // Comments need not be UTF-8 for us.
                Err(PcapError::Utf8Error(_) | PcapError::FromUtf8Error(_)) => {
                    let (behind, _) =
                        parser.next_raw_block(rest).map_err(|_| CaptureError::Damaged(self.frames + 1))?;
                    rest = behind;
                    continue;
                }
                Err(_) => return Err(CaptureError::Damaged(self.frames + 1)),
            };
            rest = behind;
            let Block::EnhancedPacket(packet) = block else { continue };
            let interface = parser.packet_interface(&packet).ok_or(CaptureError::Damaged(self.frames + 1))?;
            // The library gives the raw count of units as nanoseconds.
            let at = since_epoch(packet.timestamp.as_nanos() as u64, interface);
            let link = interface.linktype.into();
            self.take_frame(link, at, &packet.data)?;
        }
        Ok(())
    }

    fn take_frame(&mut self, link: u32, at: Duration, frame: &[u8]) -> Result<(), CaptureError> {
        self.frames += 1;
        let (port, payload) = match link::read(link, frame) {
            Frame::Datagram { destination_port, payload } => (destination_port, payload),
            Frame::Other => {
                self.capture.skipped += 1;
                return Ok(());
            }
            Frame::Cut => return Err(CaptureError::Cut(self.frames)),
            Frame::UnknownLink => return Err(CaptureError::LinkType(self.frames, link)),
        };
        let first = *self.first.get_or_insert(at);
        let before = self.capture.packets.last().map_or(Duration::ZERO, |packet| packet.at);
        let packet = Packet {
            // A stamp that goes back is sent right behind its predecessor.
            at: at.saturating_sub(first).max(before),
            start: u32::try_from(self.capture.payloads.len()).map_err(|_| CaptureError::TooLarge)?,
            len: payload.len() as u16,
            port,
        };
        self.capture.payloads.extend_from_slice(payload);
        self.capture.packets.push(packet);
        Ok(())
    }
}

/// A count of an interface's time units as time (`if_tsresol`; microseconds without it).
fn since_epoch(units: u64, interface: &InterfaceDescriptionBlock<'_>) -> Duration {
    let resolution = interface.options.iter().find_map(|option| match option {
        InterfaceDescriptionOption::IfTsResol(resolution) => Some(*resolution),
        _ => None,
    });
    let resolution = resolution.unwrap_or(6);
    let exponent = u32::from(resolution & 0x7f);
    let per_second =
        if resolution & 0x80 == 0 { 10u128.checked_pow(exponent) } else { 1u128.checked_shl(exponent) };
    let per_second = per_second.filter(|units| *units > 0).unwrap_or(u128::MAX);
    let nanos = (u128::from(units) * 1_000_000_000).checked_div(per_second).unwrap_or_default();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ethernet frame with a UDP datagram.
    pub(crate) fn frame(port: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend((28 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1, 0x1f, 0x40]);
        frame.extend(port.to_be_bytes());
        frame.extend((8 + payload.len() as u16).to_be_bytes());
        frame.extend([0, 0]);
        frame.extend(payload);
        frame
    }

    /// A classic capture: magic number, then frames with (seconds, fraction).
    fn pcap(magic: u32, frames: &[(u32, u32, Vec<u8>)]) -> Vec<u8> {
        let mut file = magic.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
        for (secs, fraction, frame) in frames {
            for word in [*secs, *fraction, frame.len() as u32, frame.len() as u32] {
                file.extend(word.to_le_bytes());
            }
            file.extend(frame);
        }
        file
    }

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let len = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &len, body, &len].concat()
    }

    /// A pcapng file with one Ethernet interface of the given `if_tsresol`.
    fn pcapng(resolution: Option<u8>, frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut file =
            block(0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        let option = resolution.map_or(vec![], |units| vec![9, 0, 1, 0, units, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(block(1, &[&[1, 0, 0, 0, 0, 0, 0, 0][..], &option].concat()));
        for (units, frame) in frames {
            let mut body = 0u32.to_le_bytes().to_vec();
            body.extend(((units >> 32) as u32).to_le_bytes());
            body.extend((*units as u32).to_le_bytes());
            body.extend((frame.len() as u32).to_le_bytes());
            body.extend((frame.len() as u32).to_le_bytes());
            body.extend(frame);
            body.resize(body.len().next_multiple_of(4), 0);
            file.extend(block(6, &body));
        }
        file
    }

    fn summary(capture: &Capture) -> Vec<(u64, u16, &[u8])> {
        (0..capture.len())
            .filter_map(|index| capture.get(index))
            .map(|packet| (packet.at.as_micros() as u64, packet.port_shift, packet.payload))
            .collect()
    }

    #[test]
    fn keeps_spacing_ports_and_payloads() {
        let frames = [
            (7, 900_000, frame(4002, b"b")),
            (7, 920_000, frame(4000, b"aa")),
            (8, 10_000, frame(4001, b"")),
        ];
        let capture = Capture::parse(&pcap(0xa1b2_c3d4, &frames)).expect("a good file");
        assert_eq!(summary(&capture), [(0, 2, &b"b"[..]), (20_000, 0, b"aa"), (110_000, 1, b"")]);
    }

    #[test]
    fn reads_nanosecond_stamps() {
        let frames = [(1, 500, frame(1, b"")), (1, 2_000_500, frame(1, b""))];
        let capture = Capture::parse(&pcap(0xa1b2_3c4d, &frames)).expect("a good file");
        assert_eq!(summary(&capture)[1].0, 2000);
    }

    #[test]
    fn reads_pcapng_in_every_resolution() {
        for (resolution, second) in
            [(None, 1_000_000), (Some(9), 1_000_000_000), (Some(0x8a), 1024), (Some(3), 1000)]
        {
            let frames = [(5 * second, frame(9, b"x")), (6 * second, frame(9, b"y"))];
            let capture = Capture::parse(&pcapng(resolution, &frames)).expect("a good file");
            assert_eq!(summary(&capture), [(0, 0, &b"x"[..]), (1_000_000, 0, b"y")], "{resolution:?}");
        }
    }

    #[test]
    fn skips_what_is_no_udp_and_counts_it() {
        let arp = [&[0u8; 12][..], &[8, 6], &[0; 28]].concat();
        let capture = Capture::parse(&pcap(0xa1b2_c3d4, &[(0, 0, arp.clone()), (1, 0, frame(5, b"x"))]));
        let capture = capture.expect("a good file");
        assert_eq!((capture.len(), capture.skipped()), (1, 1));
        assert_eq!(Capture::parse(&pcap(0xa1b2_c3d4, &[(0, 0, arp)])).err(), Some(CaptureError::NoDatagrams));
    }

    #[test]
    fn a_stamp_that_goes_back_keeps_its_place() {
        let frames = [(5, 0, frame(1, b"a")), (6, 0, frame(1, b"b")), (4, 0, frame(1, b"c"))];
        let capture = Capture::parse(&pcap(0xa1b2_c3d4, &frames)).expect("a good file");
        assert_eq!(capture.get(2).map(|packet| packet.at), Some(Duration::from_secs(1)));
    }

    #[test]
    fn says_what_is_wrong() {
        let mut cut = pcap(0xa1b2_c3d4, &[(0, 0, frame(1, b"abcdef")[..45].to_vec())]);
        cut[36] = 48;
        assert_eq!(Capture::parse(&cut).err(), Some(CaptureError::Cut(1)));
        let mut link = pcap(0xa1b2_c3d4, &[(0, 0, frame(1, b"a"))]);
        link[20] = 9;
        assert_eq!(Capture::parse(&link).err(), Some(CaptureError::LinkType(1, 9)));
        assert_eq!(Capture::parse(b"").err(), Some(CaptureError::UnknownFormat));
        assert_eq!(Capture::parse(b"RIFF....WAVEfmt ").err(), Some(CaptureError::UnknownFormat));
    }

    /// Every truncation and every flipped byte gives a capture or an error, never a panic.
    #[test]
    fn survives_damage() {
        let frames = [(0, 0, frame(1, b"abc")), (0, 20, frame(2, b"def"))];
        let ng = [(0, frame(1, b"abc")), (20, frame(2, b"def"))];
        for file in [pcap(0xa1b2_c3d4, &frames), pcapng(Some(6), &ng)] {
            assert!(Capture::parse(&file).is_ok());
            for end in 0..file.len() {
                assert!(Capture::parse(&file[..end]).map_or(0, |capture| capture.len()) < 2, "cut at {end}");
            }
            for at in 0..file.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut damaged = file.clone();
                    damaged[at] ^= flip;
                    let _ = Capture::parse(&damaged);
                }
            }
        }
    }
}
