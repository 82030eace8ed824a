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
    "rcv_replies_1xx_bye" |shard| shard.counts.replies_of_to(1, Method::Bye), "1xx to BYE among them";
    "rcv_replies_1xx_cancel" |shard| shard.counts.replies_of_to(1, Method::Cancel), "1xx to CANCEL among them";
    "rcv_replies_1xx_invite" |shard| shard.counts.replies_of_to(1, Method::Invite), "1xx to INVITE among them";
    "rcv_replies_1xx_message" |shard| shard.counts.replies_of_to(1, Method::Message), "1xx to MESSAGE among them";
    "rcv_replies_1xx_prack" |shard| shard.counts.replies_of_to(1, Method::Prack), "1xx to PRACK among them";
    "rcv_replies_1xx_refer" |shard| shard.counts.replies_of_to(1, Method::Refer), "1xx to REFER among them";
    "rcv_replies_1xx_reg" |shard| shard.counts.replies_of_to(1, Method::Register), "1xx to REGISTER among them";
    "rcv_replies_1xx_update" |shard| shard.counts.replies_of_to(1, Method::Update), "1xx to UPDATE among them";
    "rcv_replies_2xx_bye" |shard| shard.counts.replies_of_to(2, Method::Bye), "2xx to BYE among them";
    "rcv_replies_2xx_cancel" |shard| shard.counts.replies_of_to(2, Method::Cancel), "2xx to CANCEL among them";
    "rcv_replies_2xx_invite" |shard| shard.counts.replies_of_to(2, Method::Invite), "2xx to INVITE among them";
    "rcv_replies_2xx_message" |shard| shard.counts.replies_of_to(2, Method::Message), "2xx to MESSAGE among them";
    "rcv_replies_2xx_prack" |shard| shard.counts.replies_of_to(2, Method::Prack), "2xx to PRACK among them";
    "rcv_replies_2xx_refer" |shard| shard.counts.replies_of_to(2, Method::Refer), "2xx to REFER among them";
    "rcv_replies_2xx_reg" |shard| shard.counts.replies_of_to(2, Method::Register), "2xx to REGISTER among them";
    "rcv_replies_2xx_update" |shard| shard.counts.replies_of_to(2, Method::Update), "2xx to UPDATE among them";
    "rcv_replies_3xx_bye" |shard| shard.counts.replies_of_to(3, Method::Bye), "3xx to BYE among them";
    "rcv_replies_3xx_cancel" |shard| shard.counts.replies_of_to(3, Method::Cancel), "3xx to CANCEL among them";
    "rcv_replies_3xx_invite" |shard| shard.counts.replies_of_to(3, Method::Invite), "3xx to INVITE among them";
    "rcv_replies_3xx_message" |shard| shard.counts.replies_of_to(3, Method::Message), "3xx to MESSAGE among them";
    "rcv_replies_3xx_prack" |shard| shard.counts.replies_of_to(3, Method::Prack), "3xx to PRACK among them";
    "rcv_replies_3xx_refer" |shard| shard.counts.replies_of_to(3, Method::Refer), "3xx to REFER among them";
    "rcv_replies_3xx_reg" |shard| shard.counts.replies_of_to(3, Method::Register), "3xx to REGISTER among them";
    "rcv_replies_3xx_update" |shard| shard.counts.replies_of_to(3, Method::Update), "3xx to UPDATE among them";
    "rcv_replies_4xx_bye" |shard| shard.counts.replies_of_to(4, Method::Bye), "4xx to BYE among them";
    "rcv_replies_4xx_cancel" |shard| shard.counts.replies_of_to(4, Method::Cancel), "4xx to CANCEL among them";
    "rcv_replies_4xx_invite" |shard| shard.counts.replies_of_to(4, Method::Invite), "4xx to INVITE among them";
    "rcv_replies_4xx_message" |shard| shard.counts.replies_of_to(4, Method::Message), "4xx to MESSAGE among them";
    "rcv_replies_4xx_prack" |shard| shard.counts.replies_of_to(4, Method::Prack), "4xx to PRACK among them";
    "rcv_replies_4xx_refer" |shard| shard.counts.replies_of_to(4, Method::Refer), "4xx to REFER among them";
    "rcv_replies_4xx_reg" |shard| shard.counts.replies_of_to(4, Method::Register), "4xx to REGISTER among them";
    "rcv_replies_4xx_update" |shard| shard.counts.replies_of_to(4, Method::Update), "4xx to UPDATE among them";
    "rcv_replies_5xx_bye" |shard| shard.counts.replies_of_to(5, Method::Bye), "5xx to BYE among them";
    "rcv_replies_5xx_cancel" |shard| shard.counts.replies_of_to(5, Method::Cancel), "5xx to CANCEL among them";
    "rcv_replies_5xx_invite" |shard| shard.counts.replies_of_to(5, Method::Invite), "5xx to INVITE among them";
    "rcv_replies_5xx_message" |shard| shard.counts.replies_of_to(5, Method::Message), "5xx to MESSAGE among them";
    "rcv_replies_5xx_prack" |shard| shard.counts.replies_of_to(5, Method::Prack), "5xx to PRACK among them";
    "rcv_replies_5xx_refer" |shard| shard.counts.replies_of_to(5, Method::Refer), "5xx to REFER among them";
    "rcv_replies_5xx_reg" |shard| shard.counts.replies_of_to(5, Method::Register), "5xx to REGISTER among them";
    "rcv_replies_5xx_update" |shard| shard.counts.replies_of_to(5, Method::Update), "5xx to UPDATE among them";
    "rcv_replies_6xx_bye" |shard| shard.counts.replies_of_to(6, Method::Bye), "6xx to BYE among them";
    "rcv_replies_6xx_cancel" |shard| shard.counts.replies_of_to(6, Method::Cancel), "6xx to CANCEL among them";
    "rcv_replies_6xx_invite" |shard| shard.counts.replies_of_to(6, Method::Invite), "6xx to INVITE among them";
    "rcv_replies_6xx_message" |shard| shard.counts.replies_of_to(6, Method::Message), "6xx to MESSAGE among them";
    "rcv_replies_6xx_prack" |shard| shard.counts.replies_of_to(6, Method::Prack), "6xx to PRACK among them";
    "rcv_replies_6xx_refer" |shard| shard.counts.replies_of_to(6, Method::Refer), "6xx to REFER among them";
    "rcv_replies_6xx_reg" |shard| shard.counts.replies_of_to(6, Method::Register), "6xx to REGISTER among them";
    "rcv_replies_6xx_update" |shard| shard.counts.replies_of_to(6, Method::Update), "6xx to UPDATE among them";
    "drop_requests" |shard| shard.counts.dropped.0, "requests that event routes dropped";
    "drop_replies" |shard| shard.counts.dropped.1, "replies that a route dropped";
    "err_requests" |_| 0, "requests that could not be forwarded: always 0";
    "err_replies" |_| 0, "replies that could not be forwarded: always 0";
    "bad_URIs_rcvd" |_| 0, "unreadable URIs: always 0";
    "shmem:total_size" |_| 0, "there is no shared memory: always 0";
    "shmem:used_size" |_| 0, "always 0";
    "shmem:real_used_size" |_| 0, "always 0";
    "shmem:max_used_size" |_| 0, "always 0";
    "shmem:free_size" |_| 0, "always 0";
    "shmem:fragments" |_| 0, "always 0";
    "fwd_requests" |shard| shard.counts.forwarded_requests, "requests forwarded without a transaction";
    "fwd_replies" |shard| shard.counts.forwarded_replies, "replies forwarded without a transaction";
    "bad_msg_hdr" |shard| shard.counts.malformed, "messages that were not SIP";
};
