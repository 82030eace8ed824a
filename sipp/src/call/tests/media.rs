//! What calls learn about media from received descriptions, and from what they print themselves.

use std::net::SocketAddr;

use sip::time::Time;

use super::Side;
use crate::call::Output;
use crate::state::{MediaKind, MediaLine};

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
