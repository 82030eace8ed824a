//! What one message costs: index it, read the fields a proxy needs, write it with edits, answer it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sip::msg::frame::{Framer, Limits};
use sip::msg::{Edits, HeaderName, Index, Reply, RportPolicy, View, write_reply};

/// About 500 bytes without the session description: an ordinary INVITE behind one proxy.
const INVITE: &[u8] = b"INVITE sip:service@192.0.2.10:5060 SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport\r\n\
Max-Forwards: 70\r\n\
From: \"Alice\" <sip:alice@atlanta.example.com>;tag=1928301774\r\n\
To: Bob <sip:service@192.0.2.10>\r\n\
Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:alice@192.0.2.1:5060>\r\n\
User-Agent: bench\r\n\
Subject: Performance Test\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 129\r\n\r\n\
v=0\r\no=user1 53655765 2353687637 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("message");
    group.throughput(Throughput::Bytes(INVITE.len() as u64));
    group.bench_function("parse", |b| {
        b.iter(|| Index::parse(black_box(INVITE)).expect("valid").headers.len())
    });
    group.bench_function("frame", |b| {
        b.iter(|| Framer::new(Limits::default()).next(black_box(INVITE)).expect("valid"));
    });
    group.finish();
}

fn access(c: &mut Criterion) {
    let index = Index::parse(INVITE).expect("valid");
    let view = View { bytes: INVITE, index: &index };
    c.bench_function("message/mandatory fields", |b| {
        b.iter(|| black_box(view).mandatory().expect("complete"))
    });
    c.bench_function("message/via, branch, call-id, cseq", |b| {
        b.iter(|| {
            let view = black_box(view);
            let via = view.via_top().expect("via");
            (via.rfc3261_branch(), view.call_id(), view.cseq())
        });
    });
    c.bench_function("message/request uri", |b| b.iter(|| black_box(view).ruri().expect("uri")));
    c.bench_function("message/sdp audio address", |b| {
        b.iter(|| {
            let audio = sip::sdp::find(black_box(view)).and_then(|sdp| sdp.media_of(b"audio"));
            audio.and_then(|audio| Some((audio.connection()?.ip()?, audio.port)))
        });
    });
}

fn write(c: &mut Criterion) {
    let index = Index::parse(INVITE).expect("valid");
    let view = View { bytes: INVITE, index: &index };
    let mut out = Vec::with_capacity(2048);
    c.bench_function("message/write without edits", |b| {
        let edits = Edits::new();
        b.iter(|| {
            out.clear();
            edits.write(black_box(view), &mut out);
        });
    });
    c.bench_function("message/record and write the edits of a relay", |b| {
        let (mut base, mut branch) = (Edits::new(), Edits::new());
        b.iter(|| {
            let view = black_box(view);
            base.clear();
            branch.clear();
            let via = view.fields(HeaderName::Via).next().expect("via").line.start as usize;
            base.insert(via, b"Record-Route: <sip:192.0.2.10;lr>\r\n");
            let hops = view.fields(HeaderName::MaxForwards).next().expect("there").value;
            base.replace(hops, b"69");
            branch.insert(via, b"Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1234567890abcdef\r\n");
            branch.set_request_uri(b"sip:service@192.0.2.20:5070");
            out.clear();
            base.write_branch(&branch, view, &mut out);
        });
    });
    c.bench_function("message/reply", |b| {
        let source = "192.0.2.1:5060".parse().expect("address");
        b.iter(|| {
            let view = black_box(view);
            let stamp = view.via_top().expect("via").stamp(source, RportPolicy::WhenAsked);
            let reply = Reply { to_tag: Some(b"tag"), stamp: Some(stamp), ..Reply::new(180) };
            out.clear();
            write_reply(view, &reply, &mut out).expect("complete");
        });
    });
}

criterion_group!(benches, parse, access, write);
criterion_main!(benches);
