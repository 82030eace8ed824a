//! RTCP sender and receiver reports, written and read (RFC 3550 6.4); other packets of a compound are skipped.

/// One reception report block (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Source the block is about.
    pub ssrc: u32,
    /// Share of packets lost since the report before, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, cut to 24 bits.
    pub lost: u32,
    /// Highest sequence number received, with its wraps.
    pub highest: u32,
    /// Interarrival jitter in units of the clock.
    pub jitter: u32,
    /// Middle 32 bits of the time in the last sender report received; 0 before one came.
    pub last_report: u32,
    /// Time since it came, in 65536ths of a second.
    pub since_last_report: u32,
}

/// What a sender says about itself (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// Wall-clock time: seconds since 1900 and their fraction.
    pub ntp: u64,
    /// The same moment on the clock of the stream.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload bytes sent.
    pub bytes: u32,
}

/// A sender or receiver report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub ssrc: u32,
    /// Set in a sender report.
    pub sender: Option<SenderInfo>,
    /// At most 31.
    pub blocks: Vec<Block>,
}

/// Appends a report and the canonical name every compound must carry (RFC 3550 6.1).
pub fn write(report: &Report, cname: &str, out: &mut Vec<u8>) {
    let blocks = &report.blocks[..report.blocks.len().min(31)];
    let kind = if report.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
    let start = out.len();
    out.extend([0x80 | blocks.len() as u8, kind, 0, 0]);
    out.extend(report.ssrc.to_be_bytes());
    if let Some(sender) = &report.sender {
        out.extend(sender.ntp.to_be_bytes());
        for word in [sender.timestamp, sender.packets, sender.bytes] {
            out.extend(word.to_be_bytes());
        }
    }
    for block in blocks {
        let lost = block.lost & 0xff_ffff | u32::from(block.fraction_lost) << 24;
        let words =
            [block.ssrc, lost, block.highest, block.jitter, block.last_report, block.since_last_report];
        out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    }
    set_length(start, out);
    let start = out.len();
    let cname = &cname.as_bytes()[..cname.len().min(255)];
    out.extend([0x81, SOURCE_DESCRIPTION, 0, 0]);
    out.extend(report.ssrc.to_be_bytes());
    out.extend([CNAME, cname.len() as u8]);
    out.extend(cname);
    // At least one zero ends the list; then up to a whole word.
    out.push(0);
    out.resize(start + (out.len() - start).next_multiple_of(4), 0);
    set_length(start, out);
}

/// The reports of a compound packet, in order; stops at the first damaged one.
pub fn read(mut packet: &[u8]) -> Vec<Report> {
    let mut reports = Vec::new();
    while let Some(part) = Part::split(packet) {
        packet = part.rest;
        let report = match part.kind {
            SENDER_REPORT => read_report(part.body, part.count, Kind::Sender),
            RECEIVER_REPORT => read_report(part.body, part.count, Kind::Receiver),
            _ => continue,
        };
        let Some(report) = report else { break };
        reports.push(report);
    }
    reports
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sender,
    Receiver,
}

/// The first packet of a compound.
struct Part<'a> {
    kind: u8,
    /// Number of blocks.
    count: usize,
    /// What stands behind the first word.
    body: &'a [u8],
    rest: &'a [u8],
}

impl Part<'_> {
    fn split(packet: &[u8]) -> Option<Part<'_>> {
        let head = packet.get(..4)?;
        if head[0] >> 6 != 2 {
            return None;
        }
        let len = 4 * (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1);
        let body = packet.get(4..len)?;
        Some(Part { kind: head[1], count: usize::from(head[0] & 31), body, rest: &packet[len..] })
    }
}

fn read_report(body: &[u8], count: usize, kind: Kind) -> Option<Report> {
    let word = |at: usize| Some(u32::from_be_bytes(body.get(at * 4..at * 4 + 4)?.try_into().ok()?));
    let sender = match kind {
        Kind::Sender => Some(SenderInfo {
            ntp: u64::from(word(1)?) << 32 | u64::from(word(2)?),
            timestamp: word(3)?,
            packets: word(4)?,
            bytes: word(5)?,
        }),
        Kind::Receiver => None,
    };
    let first = if kind == Kind::Sender { 6 } else { 1 };
    let block = |index: usize| {
        let at = first + index * 6;
        let lost = word(at + 1)?;
        Some(Block {
            ssrc: word(at)?,
            fraction_lost: (lost >> 24) as u8,
            lost: lost & 0xff_ffff,
            highest: word(at + 2)?,
            jitter: word(at + 3)?,
            last_report: word(at + 4)?,
            since_last_report: word(at + 5)?,
        })
    };
    Some(Report { ssrc: word(0)?, sender, blocks: (0..count).map(block).collect::<Option<_>>()? })
}

/// Writes the length of the packet that begins at `start`: words minus one.
fn set_length(start: usize, out: &mut [u8]) {
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const CNAME: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn reports() -> [Report; 2] {
        let block = Block {
            ssrc: 7,
            fraction_lost: 128,
            lost: 3,
            highest: 0x0001_0005,
            jitter: 80,
            last_report: 9,
            since_last_report: 65536,
        };
        let sender = SenderInfo { ntp: 0x83aa_7e80_8000_0000, timestamp: 160, packets: 2, bytes: 320 };
        [
            Report { ssrc: 1, sender: Some(sender), blocks: vec![block] },
            Report { ssrc: 2, sender: None, blocks: vec![block, block] },
        ]
    }

    /// RFC 3550 6.4.1: the layout of a sender report with one block.
    #[test]
    fn writes_whole_words_with_their_length() {
        let mut out = Vec::new();
        write(&reports()[0], "a@b", &mut out);
        assert_eq!(out[..8], [0x81, 200, 0, 12, 0, 0, 0, 1]);
        assert_eq!(out[28..36], [0, 0, 0, 7, 128, 0, 0, 3]);
        assert_eq!(out[52..], [0x81, 202, 0, 3, 0, 0, 0, 1, 1, 3, b'a', b'@', b'b', 0, 0, 0]);
    }

    #[test]
    fn reads_what_it_wrote_and_survives_damage() {
        let mut compound = Vec::new();
        for report in reports() {
            write(&report, "name@host.example", &mut compound);
        }
        assert_eq!(read(&compound), reports());
        for end in 0..compound.len() {
            assert!(read(&compound[..end]).len() <= 2);
        }
        for at in 0..compound.len() {
            let mut damaged = compound.clone();
            damaged[at] ^= 0xff;
            let _ = read(&damaged);
        }
    }
}
