//! What calls learn about media from received descriptions, and from what they print themselves.

use std::net::SocketAddr;

use sip::time::Time;

use super::Side;
use crate::call::{Cause, Outcome, Output};
use crate::lang::{Ears, EchoSwitch, Effect};
use crate::media::Heard;
use crate::state::{MediaKind, MediaLine, Writer};

const INVITE: &str = "<send><![CDATA[
    INVITE sip:b@[remote_ip] SIP/2.0
    Via: SIP/2.0/UDP [local_ip];branch=[branch]
    From: <sip:a@x>;tag=1
    To: <sip:b@x>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Content-Length: [len]

    v=0
    m=audio [media_port] RTP/AVP 8
    m=video [auto_media_port+2] RTP/AVP 96
    a=rtcp:[media_port+9]
    ]]></send>";

fn answer(content_type: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-42-1-0\r\nFrom: <sip:a@x>;tag=1\r\n\
         To: <sip:b@x>;tag=2\r\nCall-ID: 1-42@127.0.0.1\r\nCSeq: 1 INVITE\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A call that sent INVITE and received that answer at a `recv` with these attributes.
fn answered(recv: &str, content_type: &str, body: &str) -> Side {
    let text = format!(
        "<scenario name=\"m\">{INVITE}<recv response=\"200\" {recv}/>\
         <nop><action><exec play_dtmf=\"1\"/></action></nop><pause milliseconds=\"9\"/></scenario>"
    );
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, crate::call::Origin::Opened);
    side.message(Time::from_millis(1), &answer(content_type, body));
    side
}

fn line(side: &Side, kind: MediaKind) -> MediaLine {
    let call = side.call.as_ref().expect("opened");
    *call.state().media.as_ref().expect("the scenario plays media").line(kind)
}

fn remote(side: &Side, kind: MediaKind) -> Option<String> {
    line(side, kind).remote.as_ref().map(SocketAddr::to_string)
}

#[test]
fn takes_addresses_of_every_shape_of_description() {
    let sdp = "application/sdp";
    let mixed = "multipart/mixed;boundary=xx";
    let part = "--xx\r\nContent-Type: text/plain\r\n\r\nm=audio 1 RTP/AVP 0\r\n--xx\r\n\
                Content-Type: application/sdp\r\n\r\nc=IN IP4 10.0.0.9\r\nm=audio 4000 RTP/AVP 8\r\n--xx--\r\n";
    // RFC 8866 5.7: a c= of the line counts before that of the session.
    let rows = [
        (sdp, "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n", Some("10.0.0.1:4000")),
        (sdp, "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 10.0.0.2\r\n", Some("10.0.0.2:4000")),
        (
            sdp,
            "m=audio 0 RTP/AVP 8\r\nm=audio 4002 RTP/AVP 8\r\nc=IN IP4 10.0.0.1\r\n",
            Some("10.0.0.1:4002"),
        ),
        (
            sdp,
            "m=audio 4000 RTP/AVP 8\r\nm=video 4002 RTP/AVP 96\r\nc=IN IP4 10.0.0.3\r\n",
            Some("10.0.0.3:4000"),
        ),
        (mixed, part, Some("10.0.0.9:4000")),
        (sdp, "c=IN IP4 10.0.0.1\r\nm=audio 0 RTP/AVP 8\r\n", None),
        (sdp, "c=IN IP4 0.0.0.0\r\nm=audio 4000 RTP/AVP 8\r\n", None),
        (sdp, "c=IN IP6 ::1\r\nm=audio 4000 RTP/AVP 8\r\n", None),
        ("text/plain", "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n", None),
    ];
    for (content_type, body, expected) in rows {
        let side = answered("", content_type, body);
        assert_eq!(remote(&side, MediaKind::Audio).as_deref(), expected, "{body}");
    }
}

#[test]
fn says_why_a_line_has_no_address() {
    for (body, part) in [
        ("m=audio 4000 RTP/AVP 8\r\n", "no c= line"),
        ("c=IN IP4 media.example.com\r\nm=audio 4000 RTP/AVP 8\r\n", "'media.example.com'"),
    ] {
        let side = answered("", "application/sdp", body);
        let warned =
            side.log.iter().any(|output| matches!(output, Output::Warning(text) if text.contains(part)));
        assert!(warned, "{body}");
    }
}

#[test]
fn ignoresdp_leaves_addresses_alone() {
    let side =
        answered("ignoresdp=\"true\"", "application/sdp", "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n");
    assert_eq!(remote(&side, MediaKind::Audio), None);
}

/// The port printed on a line with the word audio or video is where captures of that kind come from.
#[test]
fn notes_the_ports_it_prints() {
    let side = answered("", "application/sdp", "c=IN IP4 10.0.0.1\r\n");
    assert_eq!(line(&side, MediaKind::Audio).local_port, 6000);
    assert_eq!(line(&side, MediaKind::Video).local_port, 6002);
    assert_eq!(line(&side, MediaKind::Image).local_port, 0);
}

#[test]
fn only_scenarios_that_play_keep_media() {
    let mut side = Side::new("uac", |_| {});
    side.open(Time::ZERO, crate::call::Origin::Opened);
    assert!(side.call.as_ref().is_some_and(|call| call.state().media.is_none()));
}

/// Keywords of `a=crypto` lines, and what the call keeps of the lines it sent and received (RFC 4568 9.1).
#[test]
fn prints_crypto_lines_and_remembers_those_of_both_sides() {
    let text = format!(
        "<scenario name=\"m\">{}<recv response=\"200\"/>\
         <nop><action><exec rtp_echo=\"startaudio\"/><log message=\"[ueaescm128sha1801audio]\"/></action></nop>\
         <pause milliseconds=\"9\"/></scenario>",
        INVITE.replace(
            "RTP/AVP 8",
            "RTP/SAVP 8\n    a=crypto:[cryptotag1audio] [cryptosuiteaescm128sha1801audio] \
             inline:[cryptokeyparams1audio]|2^31\n    a=crypto:[cryptotag2audio] \
             [cryptosuitenullsha1322audio] inline:[cryptokeyparams2audio]\n    a=again:[cryptokeyparams1audio-1]"
        )
    );
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, crate::call::Origin::Opened);
    let sent = String::from_utf8_lossy(&side.sent[0].1).into_owned();
    let line = |start: &str| sent.lines().find_map(|line| line.strip_prefix(start)).expect(start).to_owned();
    let primary = line("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:");
    let secondary = line("a=crypto:2 NULL_HMAC_SHA1_32 inline:");
    assert_eq!((primary.len(), secondary.len()), (40 + 5, 40));
    assert_eq!(primary.strip_suffix("|2^31"), Some(line("a=again:").as_str()), "the offset reuses the key");
    assert_ne!(primary[..40], secondary);
    let sdp =
        "c=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/SAVP 8\r\na=crypto:1 X inline:y\r\na=rtpmap:8 PCMA/8000\r\n";
    side.message(Time::from_millis(1), &answer("application/sdp", sdp));
    let call = side.call.as_ref().expect("opened");
    let media = call.state().media.as_ref().expect("the scenario has media");
    let ours = media.described(MediaKind::Audio, Writer::Us);
    let theirs = media.described(MediaKind::Audio, Writer::Peer);
    assert_eq!((ours.crypto.len(), ours.is_secure, ours.port, ours.order), (2, true, 6000, 1));
    assert_eq!((theirs.crypto.len(), theirs.mappings.len(), theirs.is_secure), (1, 1, true));
    assert!(theirs.order > ours.order);
    assert_eq!(side.logged(), ["UNENCRYPTED_SRTP"]);
    let echo = Effect::CallEcho { kind: MediaKind::Audio, switch: EchoSwitch::On };
    assert!(side.log.contains(&Output::Effect(echo)));
}

#[test]
fn an_echo_that_was_not_started_cannot_be_stopped() {
    let text = "<scenario name=\"m\"><nop><action><exec rtp_echo=\"stopvideo\"/></action></nop></scenario>";
    let mut side = Side::new(text, |_| {});
    side.open(Time::ZERO, crate::call::Origin::Opened);
    assert_eq!(side.outcome, Some(Outcome::Failed(Some(Cause::CallRejected))));
}

/// Digits of INFO requests and what the ears of the world heard, in variables.
#[test]
fn reads_what_was_heard_into_variables() {
    struct Deaf;
    impl Ears for Deaf {
        fn heard(&self, call: u64, kind: MediaKind) -> Heard {
            assert_eq!(call, 1);
            let packets = if kind == MediaKind::Video { 7 } else { 90 };
            Heard { packets, lost: 10, digits: "12".into(), ..Heard::default() }
        }
    }
    let stats = "<exec rtp_stats=\"loss, video_packets,dtmf,mos,dtmf_info\" assign_to=\"l,v,d,m,i\"/>\
                 <log message=\"[$l] [$v] [$d] ([$m]) [$i]\"/>";
    let text = format!(
        "<scenario name=\"m\">{INVITE}<recv response=\"200\"/><recv request=\"INFO\"><action>{stats}</action></recv>\
         </scenario>"
    );
    let mut side = Side::new(&text, |_| {});
    side.world.hear_with(Box::new(Deaf));
    side.open(Time::ZERO, crate::call::Origin::Opened);
    side.message(Time::from_millis(1), &answer("application/sdp", "m=audio 0 RTP/AVP 8\r\n"));
    let info = "INFO sip:a@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:b@x>;tag=2\r\n\
                To: <sip:a@x>;tag=1\r\nCall-ID: 1-42@127.0.0.1\r\nCSeq: 2 INFO\r\n\
                Content-Type: application/dtmf-relay\r\nContent-Length: 23\r\n\r\nSignal=9\r\nDuration=80\r\n";
    side.message(Time::from_millis(2), info.as_bytes());
    assert_eq!(side.logged(), ["10.000000 7.000000 12 () 9"]);
}

#[test]
fn wrong_media_actions_are_told_when_the_scenario_is_read() {
    let rows = [
        ("rtp_stats=\"loss,wisdom\" assign_to=\"a,b\"", "wisdom"),
        ("rtp_stats=\"loss,mos\" assign_to=\"a\"", "one variable for each"),
        ("rtp_echo=\"begin\"", "startaudio"),
        ("rtp_stream=\"apattern,9,0\"", "patterns 1 to 6"),
    ];
    for (attributes, part) in rows {
        let text =
            format!("<scenario name=\"m\"><nop><action><exec {attributes}/></action></nop></scenario>");
        let infiles = crate::infile::Infiles::default();
        let context = crate::scenario::Context::new(&[], &infiles);
        let Err(list) = crate::scenario::load("m.xml", text.as_bytes(), context) else {
            panic!("{attributes}")
        };
        let shown: String = list.iter().map(ToString::to_string).collect();
        assert!(shown.contains(part), "{attributes}: {shown}");
    }
}
