//! GRUUs (RFC 5627): names of one device of a user, handed out with a registration and looked up like a URI.
//!
//! The public one is the address-of-record with the instance, the temporary one the record's own id with a hash
//! that tells where the record is.

use sip::msg::{HeaderName, Uri, View};

use crate::modules::usrloc::{Contact, Table};

/// What the GRUUs of a request's contacts are made of.
#[derive(Debug)]
pub(super) struct Names {
    /// User and host of the public one.
    aor: Vec<u8>,
    host: Vec<u8>,
    hash: u32,
}

impl Names {
    /// The names for a REGISTER whose sender knows GRUUs; `key`: its address-of-record in the table.
    pub(super) fn of(view: View<'_>, key: &[u8]) -> Option<Names> {
        if !view.has_token(HeaderName::Supported, b"gruu") {
            return None;
        }
        let hash = Table::hash(key);
        if let Some(at) = key.iter().rposition(|byte| *byte == b'@') {
            return Some(Names { aor: key.to_vec(), host: key[at + 1..].to_vec(), hash });
        }
        let to = view.to().ok()?;
        let host = Uri::parse(to.uri_text).ok()?.host.to_vec();
        Some(Names { aor: [key, b"@", &host].concat(), host, hash })
    }

    /// Writes the parameters of a contact that has an instance.
    pub(super) fn write(&self, contact: &Contact, out: &mut Vec<u8>) {
        let texts = contact.texts();
        if texts.instance.is_empty() {
            return;
        }
        let parts: [&[u8]; 5] = [b";pub-gruu=\"sip:", &self.aor, b";gr=", bare(texts.instance), b"\""];
        parts.iter().for_each(|part| out.extend_from_slice(part));
        let parts: [&[u8]; 6] = [
            b";temp-gruu=\"sip:",
            texts.ruid,
            &format!("-{:x}", self.hash).into_bytes(),
            b"@",
            &self.host,
            b";gr\"",
        ];
        parts.iter().for_each(|part| out.extend_from_slice(part));
    }
}

/// Which contacts of an address-of-record a URI means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// All.
    All,
    /// Those of one instance, without angle brackets.
    Instance(Vec<u8>),
    /// The one of this record, which is found by its hash.
    Record(Vec<u8>, u32),
}

impl Meant {
    /// Reads the parameter `gr` of a URI.
    pub(super) fn of(uri: &[u8]) -> Meant {
        let Ok(uri) = Uri::parse(uri) else { return Meant::All };
        if !uri.params.has(b"gr") {
            return Meant::All;
        }
        if let Some(instance) = uri.params.value(b"gr").filter(|value| !value.is_empty()) {
            return Meant::Instance(instance.to_vec());
        }
        let user = uri.user.unwrap_or_default();
        let parts = user.iter().rposition(|byte| *byte == b'-').map(|at| (&user[..at], &user[at + 1..]));
        let number = |(ruid, hash): (&[u8], &[u8])| {
            let hash = u32::from_str_radix(std::str::from_utf8(hash).ok()?, 16).ok()?;
            Some(Meant::Record(ruid.to_vec(), hash))
        };
        // A name we never gave out means no record.
        parts.and_then(number).unwrap_or(Meant::Record(Vec::new(), 0))
    }

    /// Whether a contact is meant.
    pub(super) fn takes(&self, contact: &Contact) -> bool {
        let texts = contact.texts();
        match self {
            Meant::All => true,
            Meant::Instance(instance) => bare(texts.instance) == instance.as_slice(),
            Meant::Record(ruid, _) => texts.ruid == ruid.as_slice(),
        }
    }
}

fn bare(instance: &[u8]) -> &[u8] {
    instance.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(instance)
}

#[cfg(test)]
mod tests {
    use super::Meant;

    /// RFC 5627 4.2: `gr` with a value is public, without one temporary.
    #[test]
    fn the_parameter_says_who_is_meant() {
        let rows = [
            ("sip:bob@a.example", Meant::All),
            ("sip:bob@a.example;gr=urn:uuid:1", Meant::Instance(b"urn:uuid:1".to_vec())),
            ("sip:uloc-1-2-3-ff@a.example;gr", Meant::Record(b"uloc-1-2-3".to_vec(), 255)),
            ("sip:bob@a.example;gr", Meant::Record(Vec::new(), 0)),
        ];
        for (uri, expected) in rows {
            assert_eq!(Meant::of(uri.as_bytes()), expected, "{uri}");
        }
    }
}
