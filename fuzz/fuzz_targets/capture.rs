//! Any bytes as a capture or a file to stream: reading ends with a value or an error, and the value holds together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sipp::media::{Capture, Events, Samples, StreamCommand};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(capture) = Capture::parse(bytes) {
        assert!(!capture.is_empty());
        let times: Vec<_> = (0..capture.len()).filter_map(|at| capture.get(at)).map(|packet| packet.at).collect();
        assert!(times.is_sorted() && times.len() == capture.len());
    }
    if let Ok(samples) = Samples::parse(bytes) {
        assert!(!samples.bytes().is_empty());
    }
    let _ = Events::parse(bytes);
    let _ = StreamCommand::parse(&String::from_utf8_lossy(bytes), 8);
});
