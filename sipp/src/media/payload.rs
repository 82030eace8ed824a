//! What payload types mean for `rtp_stream`: packet size, packet time, clock.

use std::time::Duration;

/// How the bytes of a codec are cut into packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Encoding name and clock rate as in `a=rtpmap`.
    pub name: &'static str,
    /// The static payload type (RFC 3551 6); `None` for names that need a dynamic one.
    pub static_type: Option<u8>,
    /// Payload bytes of a packet.
    pub bytes: u16,
    /// Milliseconds between packets.
    pub packet_ms: u16,
    /// Time stamp units between packets.
    pub ticks: u32,
}

impl Format {
    /// Time between packets.
    pub fn packet_time(&self) -> Duration {
        Duration::from_millis(self.packet_ms.into())
    }

    /// Time stamp units of a millisecond.
    pub fn ticks_per_ms(&self) -> u32 {
        self.ticks / u32::from(self.packet_ms)
    }
}

/// The formats that can be streamed (measured on SIPp 3.6.1 and 3.7.7).
pub const FORMATS: &[Format] = &[
    Format { name: "PCMU/8000", static_type: Some(0), bytes: 160, packet_ms: 20, ticks: 160 },
    Format { name: "PCMA/8000", static_type: Some(8), bytes: 160, packet_ms: 20, ticks: 160 },
    Format { name: "G722/8000", static_type: Some(9), bytes: 160, packet_ms: 20, ticks: 160 },
    Format { name: "CN/8000", static_type: Some(13), bytes: 1, packet_ms: 150, ticks: 1200 },
    Format { name: "G729/8000", static_type: Some(18), bytes: 20, packet_ms: 20, ticks: 160 },
    Format { name: "iLBC/8000", static_type: None, bytes: 50, packet_ms: 30, ticks: 240 },
    Format { name: "H264/90000", static_type: None, bytes: 1280, packet_ms: 160, ticks: 14400 },
];

/// The format of a payload type, for a dynamic one (96 to 127) by the name.
/// Payload type 98 without a name is iLBC, as in SIPp 3.6.1.
pub fn find(payload_type: u8, name: Option<&str>) -> Option<&'static Format> {
    let by_name = |name: &str| FORMATS.iter().find(|format| format.name.eq_ignore_ascii_case(name));
    match (payload_type, name) {
        (98, None) => by_name("iLBC/8000"),
        (96..=127, name) => by_name(name?),
        _ => FORMATS.iter().find(|format| format.static_type == Some(payload_type)),
    }
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn static_types_need_no_name_and_dynamic_ones_do() {
        let rows = [
            (0, None, Some(160)),
            (18, None, Some(20)),
            (13, Some("CN/8000"), Some(1)),
            (98, None, Some(50)),
            (97, Some("ilbc/8000"), Some(50)),
            (120, Some("H264/90000"), Some(1280)),
            (120, None, None),
            (3, None, None),
            (3, Some("GSM/8000"), None),
        ];
        for (kind, name, bytes) in rows {
            assert_eq!(find(kind, name).map(|format| format.bytes), bytes, "{kind} {name:?}");
        }
    }
}
