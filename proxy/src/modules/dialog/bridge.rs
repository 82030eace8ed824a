//! `dlg_bridge()`: a call to one party, which is then referred to the other and left alone (RFC 3515, RFC 5589).
//! Texts are those of Kamailio 5.6.3.

use bytes::Bytes;
use sip::msg::{HeaderName, View};

use super::params::rules;
use crate::api::{DoneFn, Kept, LocalRequest, Outcome, Shard};

/// What is offered to the first party: nothing that could be heard, since it is referred on at once.
const OFFER: &str = "v=0\r\no=kamailio-bridge 0 0 IN IP4 0.0.0.0\r\ns=kamailio\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
m=audio 9 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n";

/// Two parties to be brought together.
#[derive(Clone, Debug)]
pub(super) struct Bridge {
    /// Who is called.
    pub(super) from: Bytes,
    /// Whom it is referred to.
    pub(super) to: Bytes,
    /// The next hop of the INVITE; empty for none.
    pub(super) next_hop: Bytes,
    /// The offer; empty for one without sound.
    pub(super) offer: Bytes,
}

/// How far a bridge is.
struct Leg {
    bridge: Bridge,
    /// From with its tag, To with its tag, Call-ID, and the URI requests within go to.
    from: Bytes,
    to: Bytes,
    call_id: Bytes,
    target: Bytes,
    /// The number of the last request.
    cseq: u32,
}

/// Calls the first party. The rest happens as answers come.
pub(super) fn begin(shard: &mut Shard, bridge: Bridge) {
    let rules = rules(shard);
    let contact =
        [b"Contact: <", &rules.bridge_contact[..], b">\r\nContent-Type: application/sdp\r\n"].concat();
    let mut request = LocalRequest::new("INVITE", bridge.from.clone()).from(&rules.controller);
    request.next_hop = Some(bridge.next_hop.clone()).filter(|uri| !uri.is_empty());
    request.headers = contact.into();
    request.body =
        if bridge.offer.is_empty() { Bytes::from_static(OFFER.as_bytes()) } else { bridge.offer.clone() };
    shard.send_request(request.then(answered as DoneFn, bridge));
}

/// The first party has answered: it is referred to the second.
fn answered(shard: &mut Shard, outcome: Outcome, kept: Kept) {
    let (Ok(bridge), Some(reply)) = (kept.downcast::<Bridge>(), outcome.reply) else { return };
    if !(200..300).contains(&outcome.status) {
        return;
    }
    let Some(leg) = leg(*bridge, reply.view()) else { return };
    let rules = rules(shard);
    let lines = [
        b"Referred-By: ",
        &rules.controller[..],
        b"\r\nRefer-To: ",
        &leg.bridge.to,
        b"\r\nContact: <",
        &rules.bridge_contact,
        b">\r\n",
    ]
    .concat();
    let request = within(&leg, "REFER", lines.into());
    shard.send_request(request.then(referred as DoneFn, leg));
}

/// The first party knows where to call: what was between it and us is over.
fn referred(shard: &mut Shard, _: Outcome, kept: Kept) {
    if let Ok(mut leg) = kept.downcast::<Leg>() {
        leg.cseq += 1;
        shard.send_request(within(&leg, "BYE", Bytes::new()));
    }
}

/// The dialog as the answer to the INVITE makes it. `None`: it lacks what a dialog needs.
fn leg(bridge: Bridge, reply: View<'_>) -> Option<Leg> {
    let copied = |header| reply.header(header).map(Bytes::copy_from_slice);
    let target = reply.contacts().next()?.ok()?.uri_text;
    Some(Leg {
        from: copied(HeaderName::From)?,
        to: copied(HeaderName::To)?,
        call_id: Bytes::copy_from_slice(reply.call_id().ok()?),
        target: Bytes::copy_from_slice(target),
        cseq: reply.cseq().ok()?.number + 1,
        bridge,
    })
}

fn within(leg: &Leg, method: &'static str, headers: Bytes) -> LocalRequest {
    let mut request = LocalRequest::new(method, leg.target.clone());
    request.from = leg.from.clone();
    request.to = leg.to.clone();
    request.call_id = leg.call_id.clone();
    request.cseq = leg.cseq;
    request.headers = headers;
    request
}
