//! Addresses, subnets and names by group: read from rows or a file, and searched.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::store::{Cell, Row};

/// All records, ready to be searched.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    hosts: FxHashMap<IpAddr, Vec<Entry>>,
    /// Ordered by group, then as they came.
    subnets: Vec<(Subnet, Entry)>,
    names: FxHashMap<Bytes, Vec<Entry>>,
}

/// What a record gives its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) group: i64,
    /// 0 for any.
    port: u16,
    pub(super) tag: Option<Bytes>,
}

/// What is searched.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// `None` for any.
    pub(super) group: Option<i64>,
    pub(super) host: Host,
    pub(super) port: u16,
}

/// An address, or a name that is compared as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// An address.
    Ip(IpAddr),
    /// Anything else.
    Name(Bytes),
}

/// Which of several fitting subnets counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preference {
    /// The first one.
    First,
    /// The one with the longest mask.
    Longest,
}

/// Why records cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordError {
    /// The number of the record, from 1.
    record: usize,
    what: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subnet {
    network: IpAddr,
    mask: u8,
}

impl Host {
    /// Reads an address, with or without brackets, or takes the text as a name.
    pub(super) fn parse(text: &Bytes) -> Host {
        let bare = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(text);
        let address = std::str::from_utf8(bare).ok().and_then(|text| text.parse().ok());
        address.map_or_else(|| Host::Name(text.clone()), Host::Ip)
    }
}

impl Subnet {
    fn contains(self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.mask);
                u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.mask);
                u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl Addresses {
    /// Takes rows of group, address, mask, port, tag. Errors: the first record that is wrong.
    pub(super) fn of_rows(rows: &[Row]) -> Result<Addresses, RecordError> {
        let mut addresses = Addresses::default();
        for (at, row) in rows.iter().enumerate() {
            let int = |column: usize| row.get(column).and_then(Cell::to_int);
            let text = |column: usize| row.get(column).and_then(Cell::to_text);
            let host = text(1).filter(|text| !text.is_empty());
            let record = Record {
                group: int(0).unwrap_or(1),
                host: host.ok_or(RecordError { record: at + 1, what: "there is no address" })?,
                mask: int(2).unwrap_or(0),
                port: int(3).unwrap_or(0),
                tag: text(4),
            };
            addresses.add(record).map_err(|what| RecordError { record: at + 1, what })?;
        }
        addresses.order();
        Ok(addresses)
    }

    /// Takes lines of `group address [mask [port [tag]]]`; `#` starts a comment. Errors: the first wrong line.
    pub(super) fn of_file(text: &[u8]) -> Result<Addresses, RecordError> {
        let mut addresses = Addresses::default();
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let Some(group) = words.next() else { continue };
            let wrong = |what| RecordError { record: at + 1, what };
            let number = |word: Option<&[u8]>, what| match word.map(std::str::from_utf8) {
                None => Ok(0),
                Some(text) => text.ok().and_then(|text| text.parse().ok()).ok_or(wrong(what)),
            };
            let record = Record {
                group: number(Some(group), "the group is not a number")?,
                host: Bytes::copy_from_slice(words.next().ok_or(wrong("there is no address"))?),
                mask: number(words.next(), "the mask is not a number")?,
                port: number(words.next(), "the port is not a number")?,
                tag: words.next().map(Bytes::copy_from_slice),
            };
            addresses.add(record).map_err(wrong)?;
        }
        addresses.order();
        Ok(addresses)
    }

    /// The record that fits: hosts first, then subnets for an address; names for a name.
    pub(super) fn find(&self, wish: &Wish, preference: Preference) -> Option<&Entry> {
        let fits = |entry: &&Entry| {
            wish.group.is_none_or(|group| group == entry.group)
                && (entry.port == 0 || entry.port == wish.port)
        };
        let address = match &wish.host {
            Host::Name(name) => return self.names.get(name)?.iter().find(fits),
            Host::Ip(address) => *address,
        };
        if let Some(entry) = self.hosts.get(&address).and_then(|entries| entries.iter().find(fits)) {
            return Some(entry);
        }
        let mut found =
            self.subnets.iter().filter(|(subnet, entry)| subnet.contains(address) && fits(&entry));
        match preference {
            Preference::First => found.next().map(|(_, entry)| entry),
            // The first one of the longest, so the search goes backwards.
            Preference::Longest => {
                let all: Vec<_> = found.collect();
                all.into_iter().rev().max_by_key(|(subnet, _)| subnet.mask).map(|(_, entry)| entry)
            }
        }
    }

    /// How many subnets there are.
    pub(super) fn subnets(&self) -> usize {
        self.subnets.len()
    }

    fn add(&mut self, record: Record) -> Result<(), &'static str> {
        let port = u16::try_from(record.port).map_err(|_| "the port is beyond 65535")?;
        let entry = Entry { group: record.group, port, tag: record.tag };
        let network = match Host::parse(&record.host) {
            Host::Name(name) => {
                self.names.entry(name).or_default().push(entry);
                return Ok(());
            }
            Host::Ip(network) => network,
        };
        let longest = if network.is_ipv4() { 32 } else { 128 };
        match u8::try_from(record.mask) {
            Ok(0) => self.hosts.entry(network).or_default().push(entry),
            Ok(mask) if mask == longest => self.hosts.entry(network).or_default().push(entry),
            Ok(mask) if mask < longest => self.subnets.push((Subnet { network, mask }, entry)),
            _ => return Err("the mask is too long"),
        }
        Ok(())
    }

    fn order(&mut self) {
        self.subnets.sort_by_key(|(_, entry)| entry.group);
    }
}

struct Record {
    group: i64,
    host: Bytes,
    mask: i64,
    port: i64,
    tag: Option<Bytes>,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.record, self.what)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Addresses, Host, Preference, RecordError, Wish};

    const FILE: &[u8] = b"# group address mask port tag\n1 192.168.1.77 24\n1 10.0.0.0 8 5060 wide\n\
        2 10.1.0.0 16 0 narrow\n1 10.1.2.3 32 0 host\n3 [2001:db8::] 32\n1 gw.example 0 0 name # a name\n\n";

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn records_fit_by_group_address_and_port() {
        let addresses = Addresses::of_file(FILE).expect("the file is right");
        let rows: [(Option<i64>, &str, u16, Option<i64>); 12] = [
            (Some(1), "192.168.1.1", 9, Some(1)),
            (Some(1), "192.168.2.1", 9, None),
            (Some(1), "10.1.1.1", 5060, Some(1)),
            (Some(1), "10.1.1.1", 5061, None),
            (Some(2), "10.1.1.1", 5061, Some(2)),
            (None, "10.1.1.1", 5060, Some(1)),
            (None, "10.1.1.1", 5061, Some(2)),
            (Some(1), "10.1.2.3", 7, Some(1)),
            (None, "2001:db8::5", 1, Some(3)),
            (Some(1), "gw.example", 1, Some(1)),
            (Some(1), "GW.example", 1, None),
            (Some(4), "10.1.2.3", 1, None),
        ];
        for (group, host, port, expected) in rows {
            let host = Host::parse(&Bytes::copy_from_slice(host.as_bytes()));
            let wish = Wish { group, host, port };
            let found = addresses.find(&wish, Preference::First).map(|entry| entry.group);
            assert_eq!(found, expected, "{wish:?}");
        }
        let host = Host::Ip("10.1.1.1".parse().expect("an address"));
        let wish = Wish { group: None, host, port: 5060 };
        let found = addresses.find(&wish, Preference::Longest).and_then(|entry| entry.tag.clone());
        assert_eq!(found.as_deref(), Some(&b"narrow"[..]));
    }

    #[test]
    fn wrong_records_are_refused_by_number() {
        let rows: [(&[u8], &str); 4] = [
            (b"1 10.0.0.1\n1 10.0.0.1 33\n", "record 2: the mask is too long"),
            (b"x 10.0.0.1", "record 1: the group is not a number"),
            (b"\n\n1", "record 3: there is no address"),
            (b"1 10.0.0.1 32 70000", "record 1: the port is beyond 65535"),
        ];
        for (text, expected) in rows {
            let error: Option<RecordError> = Addresses::of_file(text).err();
            assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(expected));
        }
    }
}
