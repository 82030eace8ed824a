//! Makes the sample captures of `pcap/`: `cargo run -p sipp --example make_pcap -- pcap`.
//!
//! Nothing in them is recorded: tones, telephone events and frames are computed, with the same bytes every time.

use std::f64::consts::TAU;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use pcap_file::pcap::{PcapPacket, PcapWriter};
use sipp::media::rtp::{self, Header};

mod g722;

use g722::Encoder;

/// One datagram of a capture to be written.
struct Datagram {
    at: Duration,
    port: u16,
    payload: Vec<u8>,
}

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "pcap".into());
    let folder = Path::new(&folder);
    write(&folder.join("g711a.pcap"), &g711a())?;
    write(&folder.join("g722.pcap"), &g722())?;
    write(&folder.join("h264.pcap"), &h264())?;
    write(&folder.join("t38.pcap"), &t38())?;
    for (event, name) in
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "star", "pound"].iter().enumerate()
    {
        write(&folder.join(format!("dtmf_2833_{name}.pcap")), &telephone_event(event as u8))?;
    }
    Ok(())
}

/// Eight seconds of A-law, 20 ms a packet: a voice-like tone in syllables.
fn g711a() -> Vec<Datagram> {
    audio(8, 400, |packet| (0..160).map(|at| a_law(voice(f64::from(packet * 160 + at) / 8000.0))).collect())
}

/// Eight seconds of the same in G.722, sampled at 16 kHz.
fn g722() -> Vec<Datagram> {
    let mut encoder = Encoder::new();
    let code = |at: u32| {
        let sample = |at: u32| voice(f64::from(at) / 16_000.0) as i16;
        encoder.encode([sample(2 * at), sample(2 * at + 1)])
    };
    let coded: Vec<u8> = (0..400 * 160).map(code).collect();
    audio(9, 400, |packet| coded[packet as usize * 160..][..160].to_vec())
}

fn audio(payload_type: u8, packets: u32, payload: impl Fn(u32) -> Vec<u8>) -> Vec<Datagram> {
    (0..packets)
        .map(|packet| {
            let header = Header {
                marker: packet == 0,
                payload_type,
                sequence: 1 + packet as u16,
                timestamp: packet * 160,
                ssrc: 0x5150_0000 + u32::from(payload_type),
            };
            datagram(20 * u64::from(packet), AUDIO_PORT, header, &payload(packet))
        })
        .collect()
}

/// One digit of 160 ms with volume 10 as payload type 101 (RFC 4733 2.5.1): growing durations, three ends.
fn telephone_event(event: u8) -> Vec<Datagram> {
    let growing = (1..=8u16).map(|step| (u64::from(step - 1) * 20, step * 160, 0));
    let ends = (0..3u64).map(|copy| (160 + copy, 8 * 160, 0x80));
    growing
        .chain(ends)
        .enumerate()
        .map(|(packet, (at_ms, duration, end))| {
            let header = Header {
                marker: packet == 0,
                payload_type: 101,
                sequence: 1 + packet as u16,
                timestamp: 8000,
                ssrc: 0x5150_0065,
            };
            let [high, low] = duration.to_be_bytes();
            datagram(at_ms, AUDIO_PORT, header, &[event, end | 10, high, low])
        })
        .collect()
}

/// Four seconds of H.264 packets (RFC 6184 5.8, FU-A) at 15 frames a second: a large frame each second, small
/// ones between. The slices hold a counted pattern, not a picture.
fn h264() -> Vec<Datagram> {
    let mut packets = Vec::new();
    for frame in 0..60u32 {
        let is_key = frame % 15 == 0;
        let (fragments, unit) = if is_key { (8, 5) } else { (2, 1) };
        for fragment in 0..fragments {
            let (first, last) = (fragment == 0, fragment + 1 == fragments);
            let mut payload = vec![0x60 | 28, u8::from(first) << 7 | u8::from(last) << 6 | unit];
            payload.extend((0..1000u32).map(|at| (at + frame + fragment) as u8));
            let header = Header {
                marker: last,
                payload_type: 96,
                sequence: 1 + packets.len() as u16,
                timestamp: frame * 6000,
                ssrc: 0x5150_0060,
            };
            // The fragments of a frame leave one behind the other.
            let at = Duration::from_micros(u64::from(frame) * 1_000_000 / 15 + u64::from(fragment) * 200);
            packets.push(Datagram { at, ..datagram(0, VIDEO_PORT, header, &payload) });
        }
    }
    packets
}

/// Five seconds shaped like a fax page over UDPTL (ITU-T T.38 9.1): indicators, then data each 30 ms, each
/// packet with one redundant copy of the one before.
fn t38() -> Vec<Datagram> {
    let primary = |packet: u16| -> Vec<u8> {
        if packet < 3 {
            return vec![packet as u8 * 2];
        }
        let mut field = vec![0xc0, 0x01, 0x80, 0x00, 0x24];
        field.extend((0..37u16).map(|at| (at * 7 + packet) as u8));
        field
    };
    (0..166u16)
        .map(|packet| {
            let mut payload = packet.to_be_bytes().to_vec();
            let mut push = |field: Vec<u8>| {
                payload.push(field.len() as u8);
                payload.extend(field);
            };
            push(primary(packet));
            if packet > 0 {
                push(vec![0x00]);
                push(primary(packet - 1));
            }
            Datagram { at: Duration::from_millis(30 * u64::from(packet)), port: IMAGE_PORT, payload }
        })
        .collect()
}

fn datagram(at_ms: u64, port: u16, header: Header, payload: &[u8]) -> Datagram {
    let mut packet = Vec::new();
    rtp::write(header, payload, &mut packet);
    Datagram { at: Duration::from_millis(at_ms), port, payload: packet }
}

/// A moment of something like speech: a gliding pitch with two formants, in syllables of a quarter second.
fn voice(time: f64) -> f64 {
    let syllable = (time * 4.0).fract();
    let envelope = if syllable < 0.8 { (syllable / 0.8 * TAU / 2.0).sin() } else { 0.0 };
    let pitch = 120.0 + 30.0 * (time * 0.7 * TAU).sin();
    let tones = [(pitch, 0.5), (pitch * 5.0, 0.3), (pitch * 11.0, 0.2)];
    envelope * 12_000.0 * tones.iter().map(|(hertz, share)| share * (time * hertz * TAU).sin()).sum::<f64>()
}

/// A-law of a 16-bit sample (ITU-T G.711).
fn a_law(sample: f64) -> u8 {
    let sample = sample as i32;
    let (sign, magnitude) = if sample >= 0 { (0x80, sample) } else { (0, -sample - 1) };
    let magnitude = (magnitude.min(32_767) >> 4) as u32;
    let exponent = magnitude.checked_ilog2().unwrap_or(0).saturating_sub(4);
    let mantissa = if exponent == 0 { magnitude >> 1 } else { magnitude >> exponent } & 15;
    let segment = if magnitude < 32 { 0 } else { exponent };
    (sign | (segment << 4 | mantissa) as u8) ^ 0x55
}

fn write(path: &Path, datagrams: &[Datagram]) -> io::Result<()> {
    let wrong = |error: pcap_file::PcapError| io::Error::other(error);
    let mut writer = PcapWriter::new(File::create(path)?).map_err(wrong)?;
    for datagram in datagrams {
        let frame = frame(datagram);
        let packet = PcapPacket::new(datagram.at, frame.len() as u32, &frame);
        writer.write_packet(&packet).map_err(wrong)?;
    }
    Ok(())
}

/// Ethernet, IPv4 and UDP around a payload, between two documentation addresses (RFC 5737 3).
fn frame(datagram: &Datagram) -> Vec<u8> {
    let udp_len = 8 + datagram.payload.len() as u16;
    let mut ip = vec![0x45, 0];
    ip.extend((20 + udp_len).to_be_bytes());
    ip.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
    let sum: u32 = ip.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    ip[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend(ip);
    frame.extend(datagram.port.to_be_bytes());
    frame.extend(datagram.port.to_be_bytes());
    frame.extend(udp_len.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(&datagram.payload);
    frame
}

const AUDIO_PORT: u16 = 6000;
const VIDEO_PORT: u16 = 6002;
const IMAGE_PORT: u16 = 6004;
