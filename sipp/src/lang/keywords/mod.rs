//! The keyword table: what may stand between brackets in a text.
//!
//! One row per keyword or family; each family of meanings has its own file.

pub(super) mod address;
pub mod authentication;
pub(super) mod crypto;
pub(super) mod ids;
pub(super) mod injection;
pub(super) mod last;
pub(super) mod media;
pub(super) mod message;
pub(super) mod text;
pub(super) mod time;
pub(super) mod variable;

use super::KeywordDef;

/// All keywords, families last.
pub const TABLE: &[&KeywordDef] = &[
    &address::SERVICE,
    &address::REMOTE_IP,
    &address::REMOTE_HOST,
    &address::REMOTE_PORT,
    &address::LOCAL_IP,
    &address::LOCAL_IP_TYPE,
    &address::LOCAL_PORT,
    &address::SERVER_IP,
    &address::TRANSPORT,
    &media::MEDIA_IP,
    &media::MEDIA_IP_TYPE,
    &media::MEDIA_PORT,
    &media::AUTO_MEDIA_PORT,
    &media::RTPSTREAM_AUDIO_PORT,
    &media::RTPSTREAM_VIDEO_PORT,
    &ids::CALL_ID,
    &ids::CALL_NUMBER,
    &ids::CSEQ,
    &ids::BRANCH,
    &ids::MSG_INDEX,
    &ids::PID,
    &ids::USERS,
    &ids::USERID,
    &ids::DYNAMIC_ID,
    &ids::TDMMAP,
    &ids::SIPP_VERSION,
    &message::LEN,
    &message::PEER_TAG_PARAM,
    &message::ROUTES,
    &message::NEXT_URL,
    &message::LAST_MESSAGE,
    &message::LAST_REQUEST_URI,
    &message::LAST_CSEQ_NUMBER,
    &time::TIMESTAMP,
    &time::DATE,
    &time::CLOCK_TICK,
    &text::FILE,
    &text::FILL,
    &authentication::AUTHENTICATION,
    &last::LAST,
    &injection::FIELD,
    &variable::VARIABLE,
    &crypto::CRYPTOTAG,
    &crypto::CRYPTOSUITE,
    &crypto::CRYPTOKEYPARAMS,
    &crypto::UNENCRYPTED,
];

/// The keyword of exactly this name.
pub(super) fn find(name: &str) -> Option<&'static KeywordDef> {
    TABLE.iter().copied().find(|def| def.name == name && !matches!(def.form, super::KeywordForm::Family(_)))
}

/// The family whose name `name` begins with.
pub(super) fn find_family(name: &str) -> Option<&'static KeywordDef> {
    TABLE
        .iter()
        .copied()
        .find(|def| matches!(def.form, super::KeywordForm::Family(_)) && name.starts_with(def.name))
}

/// Appends a number in decimal digits.
pub(super) fn write_decimal(number: impl Into<i64>, out: &mut Vec<u8>) {
    let number: i64 = number.into();
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    out.extend_from_slice(&digits[at..]);
}
