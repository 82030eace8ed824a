//! Which stored contact a REGISTER means, and whether its CSeq is acceptable (RFC 3261 10.3 step 7).

use super::contact::{Contact, Texts};

/// How contacts are told apart (usrloc parameter `matching_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// 0: by URI.
    #[default]
    Uri,
    /// 1: by URI and Call-ID.
    UriAndCallId,
    /// 2: by URI and Path.
    UriAndPath,
    /// 3: by Call-ID.
    CallId,
}

/// What a REGISTER does to the contact it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It is newer.
    Newer,
    /// It is the one already applied, come again.
    Repeated,
    /// It is older, or came again too late.
    Stale,
}

/// The position of the contact that `wanted` means. With an instance, instance and reg-id decide.
pub fn find(stored: &[Contact], wanted: &Texts<'_>, reg_id: u32, matching: Matching) -> Option<usize> {
    stored.iter().position(|contact| {
        let texts = contact.texts();
        if !wanted.instance.is_empty() && texts.instance == wanted.instance {
            return contact.facts.reg_id == reg_id;
        }
        match matching {
            Matching::Uri => texts.uri == wanted.uri,
            Matching::UriAndCallId => texts.uri == wanted.uri && texts.call_id == wanted.call_id,
            Matching::UriAndPath => texts.uri == wanted.uri && texts.path == wanted.path,
            Matching::CallId => texts.call_id == wanted.call_id,
        }
    })
}

/// Compares the CSeq of a REGISTER with that of the contact it matches. `delay`: seconds in which an equal
/// CSeq counts as a retransmission. Contacts with an instance are never stale.
pub fn order(stored: &Contact, wanted: &Texts<'_>, cseq: u32, unix_now: u32, delay: u32) -> Order {
    let texts = stored.texts();
    let is_by_instance = !wanted.instance.is_empty() && texts.instance == wanted.instance;
    if is_by_instance || texts.call_id != wanted.call_id || cseq > stored.facts.cseq {
        return Order::Newer;
    }
    let is_recent = unix_now.saturating_sub(stored.facts.last_modified) < delay;
    if cseq == stored.facts.cseq && is_recent { Order::Repeated } else { Order::Stale }
}

/// Sorts contacts by q, highest first, equal ones as they are; with `newest_first` by time alone.
pub fn sort(contacts: &mut [Contact], preference: Preference) {
    match preference {
        Preference::HighestQ => contacts.sort_by_key(|contact| std::cmp::Reverse(contact.facts.q)),
        Preference::Newest => contacts.sort_by_key(|contact| std::cmp::Reverse(contact.facts.last_modified)),
    }
}

/// The order contacts are kept in (usrloc parameter `desc_time_order`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// Highest q first.
    #[default]
    HighestQ,
    /// Newest first.
    Newest,
}

#[cfg(test)]
mod tests {
    use super::super::contact::{Contact, Facts, Texts};
    use super::{Matching, Order, find, order};

    fn texts<'a>(uri: &'a [u8], call_id: &'a [u8], path: &'a [u8], instance: &'a [u8]) -> Texts<'a> {
        Texts { uri, call_id, path, instance, ..Texts::default() }
    }

    #[test]
    fn the_mode_says_what_must_be_equal() {
        let stored = [Contact::new(texts(b"u", b"c", b"p", b""), Facts::default()).expect("short")];
        let rows: &[(Matching, Texts<'_>, bool)] = &[
            (Matching::Uri, texts(b"u", b"x", b"x", b""), true),
            (Matching::Uri, texts(b"x", b"c", b"p", b""), false),
            (Matching::UriAndCallId, texts(b"u", b"c", b"x", b""), true),
            (Matching::UriAndCallId, texts(b"u", b"x", b"p", b""), false),
            (Matching::UriAndPath, texts(b"u", b"x", b"p", b""), true),
            (Matching::UriAndPath, texts(b"u", b"c", b"x", b""), false),
            (Matching::CallId, texts(b"x", b"c", b"x", b""), true),
        ];
        for (matching, wanted, found) in rows {
            assert_eq!(find(&stored, wanted, 0, *matching).is_some(), *found, "{matching:?} {wanted:?}");
        }
        let stored = [Contact::new(texts(b"u", b"c", b"", b"<i>"), Facts::default()).expect("short")];
        assert_eq!(find(&stored, &texts(b"x", b"x", b"", b"<i>"), 0, Matching::Uri), Some(0));
        assert_eq!(find(&stored, &texts(b"x", b"x", b"", b"<i>"), 1, Matching::Uri), None);
    }

    /// Seen on Kamailio 5.6.3: an equal CSeq is a retransmission for `cseq_delay` seconds.
    #[test]
    fn an_older_cseq_of_the_same_call_is_stale() {
        let facts = Facts { cseq: 5, last_modified: 100, ..Facts::default() };
        let stored = Contact::new(texts(b"u", b"c", b"", b""), facts).expect("short");
        let rows = [
            (b"c", 6, 100, Order::Newer),
            (b"c", 5, 119, Order::Repeated),
            (b"c", 5, 120, Order::Stale),
            (b"c", 4, 100, Order::Stale),
            (b"x", 1, 100, Order::Newer),
        ];
        for (call_id, cseq, now, expected) in rows {
            assert_eq!(
                order(&stored, &texts(b"u", call_id, b"", b""), cseq, now, 20),
                expected,
                "{cseq} {now}"
            );
        }
    }
}
