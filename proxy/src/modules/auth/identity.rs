//! Whether the user who authenticated is the one the request claims to come from.

use sip::msg::{Method, Uri, View};

/// What of the identities is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Users alone.
    User,
    /// Users and hosts.
    UserAndHost,
}

/// True when the digest user `user` of `realm` is the sender: the From user, for REGISTER and PUBLISH the To user
/// which must be the From user too, and for PUBLISH also the user of the request URI.
pub fn is_own_identity(view: View<'_>, user: &[u8], realm: &[u8], compare: Compare) -> bool {
    let at = user.iter().position(|byte| *byte == b'@');
    let (user, host) = match at {
        Some(at) => (&user[..at], &user[at + 1..]),
        None => (user, realm),
    };
    let is_user = |uri: Option<Uri<'_>>| {
        uri.is_some_and(|uri| {
            let is_host = compare == Compare::User || uri.host.eq_ignore_ascii_case(host);
            uri.user.unwrap_or_default() == user && is_host
        })
    };
    let from = view.from().ok().and_then(|from| from.uri().ok());
    let to = view.to().ok().and_then(|to| to.uri().ok());
    match view.method() {
        Some(Method::Register) => is_user(from) && is_user(to),
        Some(Method::Publish) => is_user(from) && is_user(to) && is_user(view.ruri().ok()),
        _ => is_user(from),
    }
}
