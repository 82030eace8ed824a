//! SRTP with keys from session descriptions: between two of ours in every suite, and with libsrtp (in GStreamer).

use std::time::Duration;

use e2e::media_call::{MediaCall, Side, port, samples};
use e2e::ports;
use e2e::programs::{self, Missing, Running};

const LIMIT: Duration = Duration::from_secs(20);

fn stream(file: &str, pause_ms: u32) -> String {
    format!(
        "<nop><action><exec rtp_stream=\"{file},1,8\"/></action></nop><pause milliseconds=\"{pause_ms}\"/>\n"
    )
}

fn log_packets() -> String {
    "<exec rtp_stats=\"packets,refused,lost\" assign_to=\"p,r,l\"/><log message=\"packets=[$p] refused=[$r] lost=[$l]\"/>"
        .into()
}

/// A secure line whose key is printed by keywords.
fn line(tag: u8, suite: &str) -> String {
    format!(
        "m=audio [rtpstream_audio_port] RTP/SAVP 8\n\
         a=crypto:[cryptotag{tag}audio] [cryptosuite{suite}{tag}audio] inline:[cryptokeyparams{tag}audio]"
    )
}

#[test]
fn every_suite_protects_both_ways() {
    for suite in
        ["aescm128sha180", "aescm128sha132", "nullsha180", "nullsha132", "aescm256sha180", "aescm256sha132"]
    {
        let call = MediaCall::new(suite).file("f.raw", &samples(300));
        let calling = Side {
            media: line(1, suite),
            during: stream("f.raw", 700),
            at_end: log_packets(),
            options: format!("-mp {} -rtcp 150ms", port()),
        };
        let called = Side {
            during: stream("f.raw", 500),
            options: format!("-mp {} -rtcp 150ms", port()),
            ..calling.clone()
        };
        let (uac, uas) = call.run(&calling, &called);
        assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{suite}: {}{}", uac.errors, uas.errors);
        for end in [&uac, &uas] {
            assert!(end.logged.contains("packets=15.000000 refused= lost="), "{suite}: {}", end.logged);
            assert!(end.figure("longest_round_trip_ms") < 200.0, "{suite}: SRTCP {}", end.report);
        }
    }
}

/// RFC 4568 5.1.2: the answer picks the second of two offered lines; the echo opens and protects anew.
#[test]
fn the_answer_chooses_and_the_echo_is_protected_anew() {
    let call = MediaCall::new("choice");
    let second = line(2, "aescm128sha132");
    let second = second.lines().nth(1).unwrap_or_default();
    let calling = Side {
        media: format!("{}|2^20\n{second}", line(1, "aescm128sha180")),
        during:
            "<nop><action><exec rtp_stream=\"apattern,1,8\"/></action></nop><pause milliseconds=\"800\"/>"
                .into(),
        options: format!("-mp {} -audiotolerance 0.1 -srtpcheck_debug", port()),
        ..Side::default()
    };
    let called = Side {
        media: line(2, "aescm128sha132"),
        during: "<nop><action><exec rtp_echo=\"startaudio\"/></action></nop>".into(),
        at_end: log_packets(),
        options: format!("-mp {}", port()),
    };
    let (uac, uas) = call.run(&calling, &called);
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, call.written("debugafile"));
    assert!(uas.logged.contains("refused= lost="), "{}", uas.logged);
}

#[test]
fn descriptions_without_a_common_suite_fail_the_call() {
    let call = MediaCall::new("mismatch").file("f.raw", &samples(100));
    let side = |suite: &str| Side {
        media: line(1, suite),
        during: stream("f.raw", 100),
        options: format!("-mp {}", port()),
        ..Side::default()
    };
    let called =
        Side { options: format!("-mp {} -timeout 3 -recv_timeout 1500", port()), ..side("aescm128sha132") };
    let (uac, uas) = call.run(&side("aescm128sha180"), &called);
    assert_eq!((uac.exit, uas.exit), (Some(1), Some(1)));
    assert!(uac.errors.contains("no secure media") || uac.errors.contains("a=crypto"), "{}", uac.errors);
    assert!(uas.report.contains("FailedCallRejected"), "{}", uas.report);
}

/// Key and salt of a side as base64 and as hexadecimal digits.
fn key(byte: u8, len: usize) -> (String, String) {
    let bytes: Vec<u8> = (0..len as u8).map(|at| at.wrapping_mul(11).wrapping_add(byte)).collect();
    let mut base64 = Vec::new();
    sipp::media::crypto::write_base64(&bytes, &mut base64);
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    (String::from_utf8(base64).expect("ASCII"), hex)
}

/// GStreamer with a pipeline; `None` when it is not installed.
fn gstreamer(call: &MediaCall, name: &str, pipeline: &str) -> Option<Running> {
    let path = match programs::locate("gst-launch") {
        Ok(path) => path,
        Err(Missing::Original(_)) if std::env::var_os("CI").is_none() => return None,
        Err(error) => panic!("{error:?}"),
    };
    let args: Vec<String> = format!("-q {pipeline}").split_whitespace().map(str::to_owned).collect();
    Some(Running::start(&path, &args, &call.folder, name).expect("starts"))
}

/// What we protect libsrtp opens, byte for byte, and what it protects we open.
#[test]
fn libsrtp_opens_what_we_protect_and_the_other_way_round() {
    let suites = [
        ("AES_CM_128_HMAC_SHA1_80", 30, "aes-128-icm", "hmac-sha1-80"),
        ("AES_CM_128_HMAC_SHA1_32", 30, "aes-128-icm", "hmac-sha1-32"),
        ("AES_256_CM_HMAC_SHA1_80", 46, "aes-256-icm", "hmac-sha1-80"),
        ("AES_256_CM_HMAC_SHA1_32", 46, "aes-256-icm", "hmac-sha1-32"),
    ];
    for (suite, len, cipher, tag) in suites {
        let ((our_key, our_hex), (their_key, their_hex)) = (key(7, len), key(99, len));
        let file = samples(400);
        let call = MediaCall::new(suite).file("f.raw", &file);
        let (ours, theirs) = (port(), port());
        let caps = format!(
            "application/x-srtp,media=audio,clock-rate=8000,payload=8,encoding-name=PCMA,ssrc=(uint)3390111744,\
             srtp-key=(buffer){our_hex},srtp-cipher={cipher},srtp-auth={tag},srtcp-cipher={cipher},\
             srtcp-auth=hmac-sha1-80,roc=(uint)0"
        );
        let receive = format!(
            "udpsrc address=127.0.0.1 port={theirs} caps={caps} ! srtpdec ! rtppcmadepay ! filesink \
             location=heard.raw buffer-mode=2"
        );
        let Some(mut receiver) = gstreamer(&call, "receiver", &receive) else { return };
        receiver.wait_until(LIMIT, || ports::is_bound("udp", theirs)).expect("GStreamer listens");
        let crypto = |key: &str| format!("a=crypto:1 {suite} inline:{key}");
        let calling = Side {
            media: format!("m=audio {ours} RTP/SAVP 8\n{}", crypto(&our_key)),
            during: stream("f.raw", 2500),
            at_end: log_packets(),
            options: format!("-mp {ours}"),
        };
        let called =
            Side { media: format!("m=audio {theirs} RTP/SAVP 8\n{}", crypto(&their_key)), ..Side::default() };
        let send = format!(
            "audiotestsrc num-buffers=150 samplesperbuffer=160 is-live=true ! audio/x-raw,rate=8000,channels=1 ! \
             alawenc ! rtppcmapay pt=8 min-ptime=20000000 max-ptime=20000000 ! srtpenc key={their_hex} \
             rtp-cipher={cipher} rtp-auth={tag} rtcp-cipher={cipher} rtcp-auth=hmac-sha1-80 ! udpsink \
             host=127.0.0.1 port={ours} sync=false"
        );
        let _sender = gstreamer(&call, "sender", &send);
        let (uac, _) = call.run(&calling, &called);
        receiver.end();
        assert_eq!(uac.exit, Some(0), "{}", uac.errors);
        let heard = std::fs::read(call.folder.join("heard.raw")).unwrap_or_default();
        assert!(
            heard == file,
            "{suite}: {} of {} bytes\n{}",
            heard.len(),
            file.len(),
            receiver.output("err")
        );
        let packets = uac.logged.split("packets=").nth(1).and_then(|text| text.split('.').next());
        let packets: u32 = packets.and_then(|text| text.parse().ok()).unwrap_or_default();
        assert!(packets > 60 && uac.logged.contains("refused= "), "{suite}: {}", uac.logged);
    }
}
