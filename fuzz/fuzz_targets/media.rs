//! Any bytes as a capture, a file to stream, an RTP, RTCP or SRTP packet: reading ends with a value or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sip::time::Time;
use sipp::media::srtp::{Receiver, Suite};
use sipp::media::{Capture, Events, Listening, Samples, StreamCommand, rtcp, rtp};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(capture) = Capture::parse(bytes) {
        assert!(!capture.is_empty());
        let times: Vec<_> = (0..capture.len()).filter_map(|at| capture.get(at)).map(|packet| packet.at).collect();
        assert!(times.is_sorted() && times.len() == capture.len());
    }
    if let Ok(samples) = Samples::parse(bytes) {
        assert!(!samples.bytes().is_empty());
    }
    if let Some((_, payload)) = rtp::read(bytes) {
        assert!(payload.len() + rtp::HEADER_BYTES <= bytes.len());
    }
    for report in rtcp::read(bytes) {
        let mut out = Vec::new();
        rtcp::write(&report, "a", &mut out);
        assert_eq!(rtcp::read(&out), [report]);
    }
    for (_, suite) in Suite::ALL {
        let mut receiver = Receiver::new(suite, &vec![1; suite.key_bytes()]).expect("the length it names");
        let _ = receiver.open(&mut bytes.to_vec());
        let _ = receiver.open_rtcp(&mut bytes.to_vec());
    }
    let mut listening = Listening::default();
    for (at, packet) in bytes.chunks(16).enumerate() {
        listening.take(Time::from_millis(at as u64), (), packet);
    }
    assert!(listening.received().loss() <= 1.0);
    let _ = Events::parse(bytes);
    let _ = StreamCommand::parse(&String::from_utf8_lossy(bytes), 8);
});
