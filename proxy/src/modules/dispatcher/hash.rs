//! The hash that spreads calls over destinations. It is Kamailio's, so that calls go where they always went.

use sip::msg::{Scheme, Uri};

use crate::api::core_hash;

/// The hash of texts, never 0.
pub(super) fn of(texts: &[&[u8]]) -> u32 {
    core_hash(texts).max(1)
}

/// The hash of a URI: user and host, and the port unless it is the usual one; or the user alone.
pub(super) fn of_uri(text: &[u8], user_only: UserOnly) -> Option<u32> {
    let uri = Uri::parse(text).ok()?;
    let user = uri.user.unwrap_or_default();
    let usual = if uri.scheme == Scheme::Sips { 5061 } else { 5060 };
    let host = if uri.port.is_none_or(|port| port == usual) { uri.host } else { uri.host_port };
    Some(match user_only {
        UserOnly::Yes if !user.is_empty() => of(&[user]),
        UserOnly::Yes | UserOnly::No => of(&[user, host]),
    })
}

/// Whether the host of a URI counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserOnly {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::{UserOnly, of, of_uri};

    #[test]
    fn the_usual_port_does_not_count() {
        let hash = |uri: &str| of_uri(uri.as_bytes(), UserOnly::No);
        assert_eq!(hash("sip:a@h:5060"), hash("sip:a@h"));
        assert_ne!(hash("sip:a@h:5070"), hash("sip:a@h"));
        assert_eq!(of_uri(b"sip:a@h", UserOnly::Yes), of_uri(b"sip:a@other", UserOnly::Yes));
        assert_eq!(hash("nothing"), None);
        assert_eq!(of(&[b""]), 1);
    }
}
