//! Any bytes as an RTCP compound: what was read can be written and read again, and reports take it.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sip::time::Time;
use sipp::media::reports::{Origin, Reports};
use sipp::media::rtcp;

fuzz_target!(|bytes: &[u8]| {
    for report in rtcp::read(bytes) {
        let mut out = Vec::new();
        rtcp::write(&report, "a", &mut out);
        assert_eq!(rtcp::read(&out), [report]);
    }
    // The first block of any compound is about source 1 in some inputs.
    let mut reports = Reports::new(Time::ZERO, Duration::from_secs(5), 1);
    reports.take(Time::from_millis(7), Origin(0), bytes);
    if let Some(peer) = reports.peer() {
        assert!((0.0..=1.0).contains(&peer.loss));
    }
    reports.write(Time::from_millis(8), Origin(i64::MAX), std::iter::empty(), &mut Vec::new());
});
