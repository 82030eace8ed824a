//! Statistics of the core: messages received and forwarded.

use sip::msg::Method;

use super::NAME;
use crate::api::{ModuleDef, StatDef};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, stats: STATS, ..ModuleDef::EMPTY };

macro_rules! stats {
    ($($name:literal $read:expr, $doc:literal;)*) => {
        &[$(StatDef { name: $name, read: $read, doc: $doc },)*]
    };
}

static STATS: &[StatDef] = stats! {
    "rcv_requests" |shard| shard.counts.requests(), "requests received";
    "rcv_requests_invite" |shard| shard.counts.requests_of(Method::Invite), "INVITE among them";
    "rcv_requests_cancel" |shard| shard.counts.requests_of(Method::Cancel), "CANCEL among them";
    "rcv_requests_ack" |shard| shard.counts.requests_of(Method::Ack), "ACK among them";
    "rcv_requests_bye" |shard| shard.counts.requests_of(Method::Bye), "BYE among them";
    "rcv_requests_info" |shard| shard.counts.requests_of(Method::Info), "INFO among them";
    "rcv_requests_register" |shard| shard.counts.requests_of(Method::Register), "REGISTER among them";
    "rcv_requests_subscribe" |shard| shard.counts.requests_of(Method::Subscribe), "SUBSCRIBE among them";
    "rcv_requests_notify" |shard| shard.counts.requests_of(Method::Notify), "NOTIFY among them";
    "rcv_requests_message" |shard| shard.counts.requests_of(Method::Message), "MESSAGE among them";
    "rcv_requests_options" |shard| shard.counts.requests_of(Method::Options), "OPTIONS among them";
    "rcv_requests_prack" |shard| shard.counts.requests_of(Method::Prack), "PRACK among them";
    "rcv_requests_update" |shard| shard.counts.requests_of(Method::Update), "UPDATE among them";
    "rcv_requests_refer" |shard| shard.counts.requests_of(Method::Refer), "REFER among them";
    "rcv_requests_publish" |shard| shard.counts.requests_of(Method::Publish), "PUBLISH among them";
    "unsupported_methods" |shard| shard.counts.requests_of(Method::Other), "other methods among them";
    "rcv_replies" |shard| shard.counts.replies(), "replies received";
    "rcv_replies_1xx" |shard| shard.counts.replies_of(1), "1xx among them";
    "rcv_replies_18x" |shard| shard.counts.ringing(), "180 to 189 among them";
    "rcv_replies_2xx" |shard| shard.counts.replies_of(2), "2xx among them";
    "rcv_replies_3xx" |shard| shard.counts.replies_of(3), "3xx among them";
    "rcv_replies_4xx" |shard| shard.counts.replies_of(4), "4xx among them";
    "rcv_replies_5xx" |shard| shard.counts.replies_of(5), "5xx among them";
    "rcv_replies_6xx" |shard| shard.counts.replies_of(6), "6xx among them";
    "rcv_replies_401" |shard| shard.counts.replies_with(401), "401 among them";
    "rcv_replies_404" |shard| shard.counts.replies_with(404), "404 among them";
    "rcv_replies_407" |shard| shard.counts.replies_with(407), "407 among them";
    "rcv_replies_480" |shard| shard.counts.replies_with(480), "480 among them";
    "rcv_replies_486" |shard| shard.counts.replies_with(486), "486 among them";
    "fwd_requests" |shard| shard.counts.forwarded_requests, "requests forwarded without a transaction";
    "fwd_replies" |shard| shard.counts.forwarded_replies, "replies forwarded without a transaction";
    "bad_msg_hdr" |shard| shard.counts.malformed, "messages that were not SIP";
};
