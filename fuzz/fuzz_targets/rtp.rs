//! Any bytes as RTP packets to the lines of calls: figures stay sums of what came, whatever it was.

#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use sip::time::Time;
use sipp::media::digits::Digits;
use sipp::media::{Codecs, Expectation, MediaLines, rtp};

fuzz_target!(|bytes: &[u8]| {
    if let Some((_, payload)) = rtp::read(bytes) {
        assert!(payload.len() + rtp::HEADER_BYTES <= bytes.len());
    }
    let peer: SocketAddr = ([127, 0, 0, 1], 4000).into();
    let stranger: SocketAddr = ([127, 0, 0, 2], 4000).into();
    let (mappings, packets) = bytes.split_at(bytes.len().min(24));
    let codecs = Codecs::parse(mappings.split(|byte| *byte == b'\n'));
    let line = |port| Expectation {
        port,
        rtcp_port: None,
        remote: Some(peer),
        codecs: codecs.clone(),
        keys: None,
        report_every: None,
    };
    let mut lines = MediaLines::default();
    for (call, port) in [('a', 1), ('b', 2), ('c', 2)] {
        lines.expect(Time::ZERO, call, line(port));
    }
    for (at, packet) in packets.chunks(20).enumerate() {
        let now = Time::from_millis(at as u64);
        let from = if at % 7 == 6 { stranger } else { peer };
        lines.take(now, (1 + at % 3, from), &mut packet.to_vec());
    }
    let heard = lines.heard('a');
    assert!(heard.loss() <= 1.0 && heard.digits.len() <= Digits::MOST);
    for call in ['a', 'b', 'c'] {
        lines.forget(Time::from_millis(1 << 20), call);
    }
    lines.sweep(Time::from_millis(1 << 21));
    assert!(lines.received().loss() <= 1.0);
});
