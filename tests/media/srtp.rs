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
        options: format!("-mp {} -audiotolerance 0.1 -rtpcheck_debug -srtpcheck_debug", port()),
        ..Side::default()
    };
    let called = Side {
        media: line(2, "aescm128sha132"),
        during: "<nop><action><exec rtp_echo=\"startaudio\"/></action></nop>".into(),
        at_end: log_packets(),
        options: format!("-mp {} -srtpcheck_debug", port()),
    };
    let (uac, uas) = call.run(&calling, &called);
    assert_eq!((uac.exit, uas.exit), (Some(0), Some(0)), "{}{}", uac.errors, call.written("debugafile"));
    assert!(uas.logged.contains("refused= lost="), "{}", uas.logged);
    assert!(call.written("debugafile").contains("passed"), "{}", call.written("debugafile"));
    for (file, ours) in [("srtpctxdebugfile_uac", "packets sent"), ("srtpctxdebugfile_uas", "packets opened")]
    {
        let told = call.written(file);
        let suite = "AES_CM_128_HMAC_SHA1_32: ";
        assert!(told.starts_with("call 1 m=audio: ") && told.matches(suite).count() == 2, "{file}: {told}");
        assert!(told.contains(ours) && told.trim_end().ends_with(" 0 refused"), "{file}: {told}");
    }
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

/// How libsrtp is told to do what a suite says.
struct Peer {
    suite: &'static str,
    key_bytes: usize,
    cipher: &'static str,
    tag: &'static str,
    /// Behind the key in `a=crypto`: lifetime and master key identifier.
    more: &'static str,
    /// The identifier in hexadecimal digits.
    mki: &'static str,
}

const fn peer(suite: &'static str, key_bytes: usize, cipher: &'static str, tag: &'static str) -> Peer {
    Peer { suite, key_bytes, cipher, tag, more: "", mki: "" }
}

/// Every suite we have; one also with a lifetime and an identifier (RFC 4568 6.1).
const PEERS: [Peer; 7] = [
    peer("AES_CM_128_HMAC_SHA1_80", 30, "aes-128-icm", "hmac-sha1-80"),
    peer("AES_CM_128_HMAC_SHA1_32", 30, "aes-128-icm", "hmac-sha1-32"),
    peer("AES_256_CM_HMAC_SHA1_80", 46, "aes-256-icm", "hmac-sha1-80"),
    peer("AES_256_CM_HMAC_SHA1_32", 46, "aes-256-icm", "hmac-sha1-32"),
    peer("NULL_HMAC_SHA1_80", 30, "null", "hmac-sha1-80"),
    peer("NULL_HMAC_SHA1_32", 30, "null", "hmac-sha1-32"),
    Peer {
        more: "|2^31|258:4",
        mki: "00000102",
        ..peer("AES_CM_128_HMAC_SHA1_80", 30, "aes-128-icm", "hmac-sha1-80")
    },
];

impl Peer {
    /// What both ends of GStreamer are given; libsrtp takes the length of its keys from the cipher of RTCP too.
    fn ciphers(&self) -> (String, String) {
        let rtcp = if self.cipher == "null" { "aes-128-icm" } else { self.cipher };
        let Peer { cipher, tag, mki, .. } = self;
        let mki_of = |name: &str| if mki.is_empty() { String::new() } else { format!("{name}{mki}") };
        let receiving = format!(
            "srtp-cipher={cipher},srtp-auth={tag},srtcp-cipher={rtcp},srtcp-auth=hmac-sha1-80,roc=(uint)0{}",
            mki_of(",mki=(buffer)")
        );
        let sending = format!(
            "rtp-cipher={cipher} rtp-auth={tag} rtcp-cipher={rtcp} rtcp-auth=hmac-sha1-80 {}",
            mki_of("mki=")
        );
        (receiving, sending)
    }
}

/// What we protect libsrtp opens, byte for byte, and what it protects we open.
#[test]
fn libsrtp_opens_what_we_protect_and_the_other_way_round() {
    for (number, peer) in PEERS.iter().enumerate() {
        let Peer { suite, key_bytes, more, .. } = peer;
        let ((our_key, our_hex), (their_key, their_hex)) = (key(7, *key_bytes), key(99, *key_bytes));
        let (receiving, sending) = peer.ciphers();
        let file = samples(400);
        let call = MediaCall::new(&format!("{suite}{number}")).file("f.raw", &file);
        let (ours, theirs) = (port(), port());
        let caps = format!(
            "application/x-srtp,media=audio,clock-rate=8000,payload=8,encoding-name=PCMA,ssrc=(uint)3390111744,\
             srtp-key=(buffer){our_hex},{receiving}"
        );
        let receive = format!(
            "udpsrc address=127.0.0.1 port={theirs} caps={caps} ! srtpdec ! rtppcmadepay ! filesink \
             location=heard.raw buffer-mode=2"
        );
        let Some(mut receiver) = gstreamer(&call, "receiver", &receive) else { return };
        receiver.wait_until(LIMIT, || ports::is_bound("udp", theirs)).expect("GStreamer listens");
        let crypto = |key: &str| format!("a=crypto:1 {suite} inline:{key}{more}");
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
             alawenc ! rtppcmapay pt=8 min-ptime=20000000 max-ptime=20000000 ! srtpenc key={their_hex} {sending} ! \
             udpsink host=127.0.0.1 port={ours} sync=false"
        );
        let sender = gstreamer(&call, "sender", &send);
        let (uac, _) = call.run(&calling, &called);
        receiver.end();
        assert_eq!(uac.exit, Some(0), "{}", uac.errors);
        let heard = std::fs::read(call.folder.join("heard.raw")).unwrap_or_default();
        let said = [&receiver].into_iter().chain(&sender).map(|run| run.output("err")).collect::<String>();
        assert!(heard == file, "{suite}{more}: {} of {} bytes\n{said}", heard.len(), file.len());
        let packets = uac.logged.split("packets=").nth(1).and_then(|text| text.split('.').next());
        let packets: u32 = packets.and_then(|text| text.parse().ok()).unwrap_or_default();
        let opened = packets > 60 && uac.logged.contains("refused= ");
        assert!(opened, "{suite}{more}: {}\n{said}", uac.logged);
    }
}
