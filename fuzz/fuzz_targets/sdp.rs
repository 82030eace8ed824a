//! Any bytes as a session description and as a multipart body: parts lie in the text and walking ends.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sip::sdp::{Line, Parts, Sdp};
use sip::span::Span;

fuzz_target!(|bytes: &[u8]| {
    let sdp = Sdp::new(bytes);
    let _ = (sdp.connection(), sdp.origin_connection(), sdp.session().find_map(Line::direction));
    for media in sdp.media() {
        for part in [media.kind, media.port_text, media.proto, media.formats] {
            assert!(Span::locate(bytes, part).is_some());
        }
        let _ =
            (media.connection().and_then(|connection| connection.ip()), media.direction(), media.rtcp_port());
        let _ = media.attributes(b"rtpmap").count();
    }
    for part in Parts::new(bytes, b"b") {
        assert!(Span::locate(bytes, part.body).is_some());
        let _ = part.content_type();
    }
});
