//! Any bytes as a message: lenient and strict reading, all typed readers, edits, replies.
//!
//! Beyond "no panic": slices lie in the message, an empty edit list copies, and what is built can be read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sip::msg::{Edits, HeaderName, Index, MissingLength, Reply, RportPolicy, View};
use sip::msg::{Additions, write_ack, write_cancel, write_reply};

fuzz_target!(|bytes: &[u8]| {
    let Ok(index) = Index::parse_lenient(bytes) else {
        assert!(Index::parse(bytes).is_err());
        return;
    };
    let view = View { bytes, index: &index };
    read_all(view);
    edit(view);
    build(view);
});

fn read_all(view: View<'_>) {
    let _ = view.mandatory();
    let _ = (view.ruri(), view.rack(), view.rseq(), view.retry_after(), view.min_expires());
    let _ = (view.max_forwards(), view.expires(), view.content_length(), view.has_star_contact());
    for via in view.vias().flatten() {
        let _ = (via.branch(), via.rport(), via.ttl(), via.response_target());
        assert!(view.locate(via.text).is_some() && view.locate(via.sent_by).is_some());
    }
    for field in &view.index.headers {
        for addr in view.name_addrs(field.header).flatten() {
            let _ = (addr.tag(), addr.q_thousandths(), addr.expires(), addr.display_name());
            assert!(view.locate(addr.uri_text).is_some());
        }
        for auth in view.auths(field.header).flatten() {
            for param in auth.params {
                assert!(view.locate(param.whole).is_some());
                let _ = param.unquoted();
            }
        }
    }
    if let Some(sdp) = sip::sdp::find(view) {
        assert!(view.locate(sdp.as_bytes()).is_some());
    }
}

fn edit(view: View<'_>) {
    let end = view.index.body.end();
    let mut out = Vec::new();
    Edits::new().write(view, &mut out);
    assert_eq!(out, &view.bytes[view.index.start_line.start as usize..end]);
    let (mut base, mut branch) = (Edits::new(), Edits::new());
    base.insert(view.headers_start(), b"First: 1\r\n");
    base.insert(view.headers_end(), b"Last: 1\r\n");
    branch.set_request_uri(b"sip:fuzz");
    branch.set_missing_length(MissingLength::Add);
    branch.replace(view.index.body, b"body");
    for field in view.fields(HeaderName::Via) {
        branch.delete_values(view, field, 0..1);
    }
    base.delete_fields(view, HeaderName::Route);
    out.clear();
    base.write_branch(&branch, view, &mut out);
    if view.index.defect.is_none() {
        let written = Index::parse(&out).expect("edits of a good message leave a good message");
        let written = View { bytes: &out, index: &written };
        assert_eq!(written.body(), b"body");
        assert_eq!(written.header_named(b"First"), Some(&b"1"[..]));
        assert!(written.header(HeaderName::Route).is_none());
    }
}

fn build(view: View<'_>) {
    let mut out = Vec::new();
    let source = "192.0.2.1:5060".parse().expect("an address");
    let stamp = view.via_top().ok().map(|via| via.stamp(source, RportPolicy::Force));
    let reply = Reply { to_tag: Some(b"tag"), stamp, ..Reply::new(400) };
    if write_reply(view, &reply, &mut out).is_ok() {
        let written = Index::parse(&out).expect("a reply is a message");
        let written = View { bytes: &out, index: &written };
        assert_eq!(written.status(), Some(400));
        assert_eq!(written.header(HeaderName::CallId), view.header(HeaderName::CallId));
    }
    for cancel in [true, false] {
        out.clear();
        let built =
            if cancel { write_cancel(view, Additions::default(), &mut out) } else { write_ack(view, view, Additions::default(), &mut out) };
        if built.is_ok() && view.index.defect.is_none() {
            let written = Index::parse(&out).expect("a request is a message");
            assert!(View { bytes: &out, index: &written }.mandatory().is_ok() || view.mandatory().is_err());
        }
    }
}
