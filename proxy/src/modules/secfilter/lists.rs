//! The lists and how a value is found in them: it starts with an entry, letter case does not matter.

use bytes::Bytes;

use crate::store::{Cell, Row};

/// What an entry is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    UserAgent,
    Country,
    Domain,
    Address,
    User,
}

/// What the lists say about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opinion {
    Allowed,
    Blocked,
}

/// All entries.
#[derive(Debug, Default)]
pub(super) struct Lists {
    entries: Vec<(Opinion, Of, Bytes)>,
    destinations: Vec<Bytes>,
}

impl Lists {
    /// Takes rows of action, type, value; rows of other actions and types are left out.
    pub(super) fn of_rows(rows: &[Vec<Row>]) -> Result<Lists, String> {
        let mut lists = Lists::default();
        for row in rows.iter().flatten() {
            let int = |at: usize| row.get(at).and_then(Cell::to_int);
            let Some(value) = row.get(2).and_then(Cell::to_text) else { continue };
            let of = match int(1) {
                Some(0) => Of::UserAgent,
                Some(1) => Of::Country,
                Some(2) => Of::Domain,
                Some(3) => Of::Address,
                Some(4) => Of::User,
                _ if int(0) == Some(2) => Of::User,
                _ => continue,
            };
            match int(0) {
                Some(0) => lists.entries.push((Opinion::Blocked, of, value)),
                Some(1) => lists.entries.push((Opinion::Allowed, of, value)),
                Some(2) => lists.destinations.push(value),
                _ => {}
            }
        }
        Ok(lists)
    }

    /// True when a list has an entry the value starts with.
    pub(super) fn has(&self, opinion: Opinion, of: Of, value: &[u8]) -> bool {
        self.entries
            .iter()
            .any(|(of_entry, kind, entry)| (*of_entry, *kind) == (opinion, of) && starts_with(value, entry))
    }

    /// What the lists say about a value; who is allowed is not blocked.
    pub(super) fn opinion(&self, of: Of, value: &[u8]) -> Option<Opinion> {
        [Opinion::Allowed, Opinion::Blocked].into_iter().find(|opinion| self.has(*opinion, of, value))
    }

    /// True when a number is a destination on the list, or begins as one.
    pub(super) fn has_destination(&self, number: &[u8], by_prefix: bool) -> bool {
        self.destinations.iter().any(|entry| {
            if by_prefix { starts_with(number, entry) } else { number.eq_ignore_ascii_case(entry) }
        })
    }
}

fn starts_with(value: &[u8], entry: &[u8]) -> bool {
    value.get(..entry.len()).is_some_and(|start| start.eq_ignore_ascii_case(entry))
}

/// What does not belong into a header field and may do harm in SQL.
const SUSPICIOUS: [&[u8]; 6] = [b"'", b"\"", b"--", b"%27", b"%22", b"%60"];

/// The same in display names, which may have quotes.
const SUSPICIOUS_IN_NAMES: [&[u8]; 2] = [b"--", b"%60"];

/// True when a text looks like an injection of SQL.
pub(super) fn is_suspicious(text: &[u8]) -> bool {
    SUSPICIOUS.iter().any(|part| memchr::memmem::find(text, part).is_some())
}

/// True when a display name looks like one.
pub(super) fn is_suspicious_name(text: &[u8]) -> bool {
    SUSPICIOUS_IN_NAMES.iter().any(|part| memchr::memmem::find(text, part).is_some())
}

#[cfg(test)]
mod tests {
    use super::{Lists, Of, Opinion, is_suspicious, is_suspicious_name};
    use crate::store::Cell;

    fn lists() -> Lists {
        let rows: [(i64, i64, &str); 6] = [
            (0, 0, "sip"),
            (1, 0, "sipvoice"),
            (0, 4, "mallory"),
            (1, 2, "good.example"),
            (2, 9, "900"),
            (7, 0, "x"),
        ];
        let row = |(action, kind, value): &(i64, i64, &str)| {
            vec![Cell::Int(*action), Cell::Int(*kind), Cell::text(value.as_bytes())]
        };
        Lists::of_rows(&[rows.iter().map(row).collect()]).expect("rows of the right shape")
    }

    #[test]
    fn a_value_starts_with_an_entry_in_any_case_and_allowed_goes_first() {
        let rows = [
            (Of::UserAgent, "SIPvicious", Some(Opinion::Blocked)),
            (Of::UserAgent, "SipVoice 2", Some(Opinion::Allowed)),
            (Of::UserAgent, "si", None),
            (Of::UserAgent, "a sip", None),
            (Of::UserAgent, "x", None),
            (Of::User, "mallory2", Some(Opinion::Blocked)),
            (Of::Domain, "mallory", None),
            (Of::Domain, "good.example.org", Some(Opinion::Allowed)),
        ];
        for (of, value, expected) in rows {
            assert_eq!(lists().opinion(of, value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn destinations_are_whole_numbers_or_prefixes() {
        let rows = [("900", false, true), ("9001", false, false), ("9001", true, true), ("90", true, false)];
        for (number, by_prefix, expected) in rows {
            assert_eq!(lists().has_destination(number.as_bytes(), by_prefix), expected, "{number}");
        }
    }

    #[test]
    fn quotes_are_suspicious_but_not_in_names() {
        let rows = [
            ("a'b", true, false),
            ("a\"b", true, false),
            ("a--b", true, true),
            ("a%60b", true, true),
            ("a-b", false, false),
        ];
        for (text, value, name) in rows {
            assert_eq!(
                (is_suspicious(text.as_bytes()), is_suspicious_name(text.as_bytes())),
                (value, name),
                "{text}"
            );
        }
    }
}
