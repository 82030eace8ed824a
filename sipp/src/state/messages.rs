//! The last received message as a call keeps it: only the header fields that its scenario can print.
//!
//! Layout: one byte string of records `header id, name length, line length (4 bytes), line`; the line is the
//! field as received without its line end, folds included. Looking a field up hops over records. The whole
//! message is kept besides only when the scenario asks for it.

use sip::msg::{HeaderName, View};

use super::headers::HeaderSet;

/// Which parts of a received message are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepRule {
    /// Header fields to keep.
    pub headers: HeaderSet,
    /// Keep all bytes of the message too.
    pub whole: bool,
}

/// What is kept of the last received message; empty before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastMessage {
    records: Vec<u8>,
    whole: Option<Box<[u8]>>,
    status: u16,
}

/// One kept header field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptField<'a> {
    /// Name, colon and value as received, without the line end.
    pub line: &'a [u8],
    /// Length of the name at the front of `line`.
    pub name_len: usize,
}

impl<'a> KeptField<'a> {
    /// The value without white space at both ends.
    pub fn value(self) -> &'a [u8] {
        let colon = self.line[self.name_len..].iter().position(|byte| *byte == b':');
        sip::lex::trim(&self.line[self.name_len + colon.map_or(0, |at| at + 1)..])
    }
}

impl LastMessage {
    /// Replaces what is kept by the parts of `message` that `rule` names.
    pub fn keep(&mut self, message: View<'_>, rule: KeepRule) {
        let kept = || {
            message.index.headers.iter().filter_map(|field| {
                let name_len =
                    u8::try_from(field.name.len).ok().filter(|_| rule.headers.contains(field.header))?;
                let line = field.line.of(message.bytes);
                Some((field.header as u8, name_len, &line[..line.len() - line_end_len(line)]))
            })
        };
        self.records.clear();
        // Once and no more than needed: a million calls may hold a message each.
        self.records.reserve_exact(kept().map(|(_, _, line)| HEAD + line.len()).sum());
        for (header, name_len, line) in kept() {
            self.records.extend_from_slice(&[header, name_len]);
            self.records.extend_from_slice(&(line.len() as u32).to_le_bytes());
            self.records.extend_from_slice(line);
        }
        self.whole = rule.whole.then(|| message.bytes.into());
        self.status = message.status().unwrap_or(0);
    }

    /// True before the first message.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.whole.is_none()
    }

    /// The status code; 0 for a request and before the first message.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// All kept bytes of the message; empty when the rule did not ask for them.
    pub fn whole(&self) -> &[u8] {
        self.whole.as_deref().unwrap_or_default()
    }

    /// The kept fields called `name`, long or compact, any case, in order.
    pub fn fields<'a>(&'a self, header: HeaderName, name: &'a [u8]) -> impl Iterator<Item = KeptField<'a>> {
        Records(&self.records)
            .filter(move |(kept, field)| {
                *kept == header as u8
                    && (header != HeaderName::Other
                        || field.line[..field.name_len].eq_ignore_ascii_case(name))
            })
            .map(|(_, field)| field)
    }

    /// The value of the first kept field of a name in the table.
    pub fn value(&self, header: HeaderName) -> Option<&[u8]> {
        self.fields(header, b"").next().map(KeptField::value)
    }

    /// Bytes of memory behind this value.
    pub fn heap_size(&self) -> usize {
        self.records.capacity() + self.whole.as_ref().map_or(0, |whole| whole.len())
    }
}

/// Bytes before the line of a record.
const HEAD: usize = 6;

/// Walks over the records.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = (u8, KeptField<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.0.split_at_checked(HEAD)?;
        let line_len = u32::from_le_bytes([head[2], head[3], head[4], head[5]]) as usize;
        let (line, rest) = rest.split_at_checked(line_len)?;
        self.0 = rest;
        Some((head[0], KeptField { line, name_len: usize::from(head[1]) }))
    }
}

fn line_end_len(line: &[u8]) -> usize {
    match line {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use sip::msg::{HeaderName, Message};

    use super::{HeaderSet, KeepRule, LastMessage};

    #[test]
    fn keeps_only_what_the_rule_names() {
        let text: &[u8] =
            b"SIP/2.0 180 Ringing\r\nv: a\r\nVia:  b\r\n c\r\nX-One: 1\r\nX-Two: 2\r\nTo: d\r\n\r\nbody";
        let message = Message::parse(text.into()).expect("valid");
        let mut last = LastMessage::default();
        let headers = HeaderSet::of(&[HeaderName::Via, HeaderName::Other]);
        last.keep(message.view(), KeepRule { headers, whole: false });
        let lines: Vec<_> = last.fields(HeaderName::Via, b"Via").map(|field| field.line).collect();
        assert_eq!(lines, [&b"v: a"[..], b"Via:  b\r\n c"]);
        let twos: Vec<_> = last.fields(HeaderName::Other, b"x-two").map(|field| field.value()).collect();
        assert_eq!(twos, [b"2"]);
        assert_eq!((last.value(HeaderName::To), last.status(), last.whole()), (None, 180, &b""[..]));
        last.keep(message.view(), KeepRule { headers: HeaderSet::ALL, whole: true });
        assert_eq!((last.value(HeaderName::To), last.whole()), (Some(&b"d"[..]), text));
    }
}
