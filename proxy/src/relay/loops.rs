//! Loops through ourselves (RFC 3261 16.3 item 4, 16.6 item 8).
//!
//! Part of the branch parameter of a response context is a hash of what decides where its request goes. A request
//! with Vias of ours that carry its own hash has been here before, unchanged. A script may send a request to itself
//! once, to look at it anew, so it takes two such Vias; a spiral comes back with another request URI.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use sip::msg::{HeaderName, Via, View};
use smallvec::SmallVec;

use super::branch::BranchParam;

/// The bits of a discriminator that are the hash.
const MARK: u64 = 0xff_ffff;

/// Puts the hash of a request into the discriminator of its context.
pub(super) fn marked(discriminator: u64, request: View<'_>, key: u64) -> u64 {
    discriminator & !MARK | mark(request, key)
}

/// Whether the request has been here twice as it is.
pub(super) fn is_looping(request: View<'_>, key: u64) -> bool {
    // Below two Vias of ours stands that of the sender.
    if request.values(HeaderName::Via).nth(2).is_none() {
        return false;
    }
    let discriminator =
        |via: Via<'_>| BranchParam::parse(via.branch()?).map(|(_, discriminator, _)| discriminator);
    let own: SmallVec<[u64; 8]> = request.vias().filter_map(Result::ok).filter_map(discriminator).collect();
    if own.len() < 2 {
        return false;
    }
    let mark = mark(request, key);
    own.into_iter().filter(|it| it & MARK == mark).nth(1).is_some()
}

/// 16.6 item 8: the fields that decide where a request goes.
fn mark(request: View<'_>, key: u64) -> u64 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    request.request_uri().hash(&mut hasher);
    for tag in [request.from(), request.to()] {
        tag.ok().and_then(|address| address.tag()).hash(&mut hasher);
    }
    request.call_id().ok().hash(&mut hasher);
    request.cseq().ok().map(|cseq| cseq.number).hash(&mut hasher);
    request.values(HeaderName::Route).for_each(|route| route.hash(&mut hasher));
    hasher.finish() >> 32 & MARK
}

#[cfg(test)]
mod tests {
    use sip::msg::Message;

    use super::super::branch::BranchParam;
    use super::{is_looping, marked};

    const KEY: u64 = 7;

    fn request(uri: &str, vias: &[String], route: &str) -> Message {
        let vias: String =
            vias.iter().map(|branch| format!("Via: SIP/2.0/UDP us;branch={branch}\r\n")).collect();
        let text = format!(
            "INVITE {uri} SIP/2.0\r\n{vias}Via: SIP/2.0/UDP a;branch=z9hG4bKa\r\n{route}From: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n"
        );
        Message::parse(text.into()).expect("valid")
    }

    /// The branch parameter a request leaves with.
    fn branch(of: &Message, random: u64) -> String {
        let param = BranchParam::new(marked(random, of.view(), KEY), 3, 0);
        String::from_utf8(param.as_bytes().to_vec()).expect("ASCII")
    }

    #[test]
    fn the_third_visit_of_the_same_request_is_a_loop() {
        let mut vias = Vec::new();
        for visit in 0..4 {
            let request = request("sip:b@us", &vias, "");
            assert_eq!(is_looping(request.view(), KEY), visit >= 2, "visit {visit}");
            vias.insert(0, branch(&request, visit << 40 | 0x77));
        }
    }

    #[test]
    fn spirals_and_vias_of_others_are_none() {
        let first = branch(&request("sip:b@us", &[], ""), 1);
        let second = branch(&request("sip:b@us", &[], ""), 2 << 30);
        let vias = [second, first];
        assert!(is_looping(request("sip:b@us", &vias, "").view(), KEY));
        assert!(!is_looping(request("sip:c@us", &vias, "").view(), KEY), "another request URI");
        assert!(
            !is_looping(request("sip:b@us", &vias, "Route: <sip:r;lr>\r\n").view(), KEY),
            "another route"
        );
        assert!(!is_looping(request("sip:b@us", &vias, "").view(), KEY + 1), "made by another");
        let foreign = ["z9hG4bK-1-2", "z9hG4bKnashds8", ""].map(str::to_owned);
        assert!(!is_looping(request("sip:b@us", &foreign, "").view(), KEY));
    }
}
