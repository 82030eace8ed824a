//! Edits: ordered insertions, replacements and deletions on a received message, applied once when it is written.
//!
//! Positions are offsets into the received bytes, so all readers keep seeing the message as received until a
//! written copy is parsed. Where two edits overlap the first recorded wins. A request-wide list and a list per
//! branch are merged while writing; bytes that no edit touches leave as they came.

mod write;

use std::ops::Range;

use smallvec::SmallVec;

use super::name_addr::Values;
use super::{HeaderField, HeaderName, View};
use crate::span::Span;

/// Names a recorded edit, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EditId(u32);

/// A list of edits for one message. The empty list is free; inserted text is kept in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// In order of position; insertions before a replacement at the same place, else as recorded.
    list: SmallVec<[Edit; 4]>,
    /// All inserted text.
    text: Vec<u8>,
    /// New request URI, as a part of `text`.
    request_uri: Option<Span>,
    next_id: u32,
    missing_length: MissingLength,
}

/// What is written when a message without Content-Length leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingLength {
    /// Nothing: on datagrams the field is optional (RFC 3261 20.14).
    #[default]
    Leave,
    /// A Content-Length behind the last header field: streams need it.
    Add,
}

/// One change: `removed` bytes of the message become `text`.
#[derive(Clone, Copy, Debug)]
struct Edit {
    removed: Span,
    text: Span,
    id: u32,
}

impl Edit {
    /// Order of application: by place, insertions before a replacement.
    fn key(&self) -> (u32, bool) {
        (self.removed.start, !self.removed.is_empty())
    }

    /// True when the two touch the same bytes, or one inserts inside what the other removes.
    fn overlaps(&self, other: &Edit) -> bool {
        (self.removed.start as usize) < other.removed.end()
            && (other.removed.start as usize) < self.removed.end()
    }
}

impl Edits {
    /// An empty list.
    pub fn new() -> Edits {
        Edits::default()
    }

    /// True when writing would change nothing.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.request_uri.is_none() && self.missing_length == MissingLength::Leave
    }

    /// Forgets all edits and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.text.clear();
        self.request_uri = None;
        self.missing_length = MissingLength::Leave;
    }

    /// Inserts `text` before the byte at offset `at`, behind earlier insertions at the same place.
    ///
    /// For whole header fields (with their line end) the places are [`View::headers_start`],
    /// [`View::headers_end`] and the start or end of a field's `line`. `None` when an earlier edit removes the
    /// bytes around `at`: the insertion is dropped.
    pub fn insert(&mut self, at: usize, text: &[u8]) -> Option<EditId> {
        self.replace(Span::new(at, at), text)
    }

    /// Like [`Edits::insert`], with the text written straight into the list's buffer.
    pub fn insert_with(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>)) -> Option<EditId> {
        let start = self.text.len();
        write(&mut self.text);
        let text = Span::new(start, self.text.len());
        self.record(Span::new(at, at), text)
    }

    /// Deletes `span`. `None` when an earlier edit overlaps: this one is dropped.
    pub fn delete(&mut self, span: Span) -> Option<EditId> {
        self.replace(span, b"")
    }

    /// Replaces `span` by `text`. `None` when an earlier edit overlaps: this one is dropped.
    pub fn replace(&mut self, span: Span, text: &[u8]) -> Option<EditId> {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        self.record(span, Span::new(start, start + text.len()))
    }

    /// Takes an edit back, so that another one may change the same bytes. False when it is not in the list.
    pub fn cancel(&mut self, id: EditId) -> bool {
        let before = self.list.len();
        self.list.retain(|edit| edit.id != id.0);
        self.list.len() < before
    }

    /// Sets the request URI; unlike other edits the last one counts, and that of a branch goes before that of
    /// the request.
    pub fn set_request_uri(&mut self, uri: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(uri);
        self.request_uri = Some(Span::new(start, self.text.len()));
    }

    /// The request URI set here, if any.
    pub fn request_uri(&self) -> Option<&[u8]> {
        self.request_uri.map(|span| span.of(&self.text))
    }

    /// What to write when the message has no Content-Length.
    pub fn set_missing_length(&mut self, rule: MissingLength) {
        self.missing_length = rule;
    }

    /// Deletes all fields of that name; the number of fields deleted now.
    pub fn delete_fields(&mut self, view: View<'_>, header: HeaderName) -> usize {
        view.fields(header).filter(|field| self.delete(field.line).is_some()).count()
    }

    /// Deletes the values `range` (counted from 0) of a comma list with the commas that become superfluous; the
    /// whole line when no value is left. `None` when there are no such values or an earlier edit overlaps.
    pub fn delete_values(
        &mut self,
        view: View<'_>,
        field: &HeaderField,
        range: Range<usize>,
    ) -> Option<EditId> {
        let value = field.value.of(view.bytes);
        let values: SmallVec<[Span; 8]> =
            Values::new(value).filter_map(|value| Span::locate(view.bytes, value)).collect();
        let range = range.start..range.end.min(values.len());
        if range.is_empty() {
            return None;
        }
        let span = match (range.start, values.get(range.end)) {
            (0, None) => field.line,
            (start, Some(kept)) => Span::new(values[start].start as usize, kept.start as usize),
            (start, None) => Span::new(values[start - 1].end(), field.value.end()),
        };
        self.delete(span)
    }

    fn record(&mut self, removed: Span, text: Span) -> Option<EditId> {
        let edit = Edit { removed, text, id: self.next_id };
        let at = self.list.partition_point(|other| other.key() <= edit.key());
        // The list holds no overlaps, so only the neighbours can be in the way.
        let before = at.checked_sub(1).map(|before| &self.list[before]);
        if before.is_some_and(|other| other.overlaps(&edit))
            || self.list.get(at).is_some_and(|other| other.overlaps(&edit))
        {
            self.text.truncate(text.start as usize);
            return None;
        }
        self.next_id += 1;
        self.list.insert(at, edit);
        Some(EditId(edit.id))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    const REQUEST: &[u8] =
        b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP one, SIP/2.0/UDP two ,SIP/2.0/UDP three\r\n\
        Call-ID: x\r\nSubject: s\r\nl: 3\r\n\r\nabc";

    fn message(bytes: &'static [u8]) -> Message {
        Message::parse(bytes.into()).expect("valid")
    }

    fn written(edits: &Edits, view: View<'_>) -> String {
        let mut out = Vec::new();
        edits.write(view, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn no_edit_leaves_the_bytes_as_they_came() {
        let message = message(REQUEST);
        assert_eq!(written(&Edits::new(), message.view()).as_bytes(), REQUEST);
        // RFC 3261 7.5, 18.3: line ends before and surplus bytes behind the message are no part of it.
        let padded = [b"\r\n\r\n", REQUEST, b"surplus"].concat();
        let padded = Message::parse(padded.into()).expect("valid");
        assert_eq!(written(&Edits::new(), padded.view()).as_bytes(), REQUEST);
    }

    #[test]
    fn insertions_at_one_place_keep_their_order_around_a_deletion() {
        let message = message(REQUEST);
        let view = message.view();
        let subject = view.fields_named(b"Subject").next().expect("there").line;
        let mut edits = Edits::new();
        edits.insert(view.headers_end(), b"Last: 1\r\n").expect("free");
        edits.insert(view.headers_start(), b"First: 1\r\n").expect("free");
        edits.delete(subject).expect("free");
        edits.insert(subject.start as usize, b"Before: 1\r\n").expect("edge of the deletion");
        edits.insert(subject.end(), b"After: 1\r\n").expect("edge of the deletion");
        edits.insert_with(view.headers_start(), |out| out.extend_from_slice(b"First: 2\r\n")).expect("free");
        edits.insert(view.headers_end(), b"Last: 2\r\n").expect("free");
        assert_eq!(
            written(&edits, view),
            "INVITE sip:a@b SIP/2.0\r\nFirst: 1\r\nFirst: 2\r\n\
             Via: SIP/2.0/UDP one, SIP/2.0/UDP two ,SIP/2.0/UDP three\r\nCall-ID: x\r\nBefore: 1\r\nAfter: 1\r\n\
             l: 3\r\nLast: 1\r\nLast: 2\r\n\r\nabc"
        );
    }

    #[test]
    fn the_first_of_overlapping_edits_wins() {
        let rows: &[(Range<usize>, Range<usize>, bool)] = &[
            (10..20, 10..20, false),
            (10..20, 15..25, false),
            (10..20, 5..11, false),
            (10..20, 12..18, false),
            (12..18, 10..20, false),
            (10..20, 20..30, true),
            (10..20, 5..10, true),
            (10..20, 15..15, false),
            (15..15, 10..20, false),
            (10..10, 10..20, true),
            (10..20, 10..10, true),
            (10..20, 20..20, true),
            (10..10, 10..10, true),
        ];
        for (first, second, kept) in rows {
            let mut edits = Edits::new();
            edits.replace(Span::new(first.start, first.end), b"x").expect("the list is empty");
            let second = edits.replace(Span::new(second.start, second.end), b"y");
            assert_eq!(second.is_some(), *kept, "{first:?} {second:?}");
        }
        let mut edits = Edits::new();
        let first = edits.delete(Span::new(1, 5)).expect("free");
        assert!(edits.cancel(first) && !edits.cancel(first) && edits.is_empty());
        assert!(edits.delete(Span::new(2, 3)).is_some());
    }

    /// RFC 3261 16.7 (3): the top Via goes, the others stay, also in one field.
    #[test]
    fn deletes_values_of_a_list_with_their_commas() {
        let message = message(REQUEST);
        let view = message.view();
        let field = view.fields(HeaderName::Via).next().expect("there");
        let rows: &[(Range<usize>, &str)] = &[
            (0..1, "Via: SIP/2.0/UDP two ,SIP/2.0/UDP three\r\n"),
            (0..2, "Via: SIP/2.0/UDP three\r\n"),
            (1..2, "Via: SIP/2.0/UDP one, SIP/2.0/UDP three\r\n"),
            (1..9, "Via: SIP/2.0/UDP one\r\n"),
            (2..3, "Via: SIP/2.0/UDP one, SIP/2.0/UDP two\r\n"),
            (0..3, ""),
        ];
        for (range, expected) in rows {
            let mut edits = Edits::new();
            edits.delete_values(view, field, range.clone()).expect("there");
            let text = written(&edits, view);
            let after = text.strip_prefix("INVITE sip:a@b SIP/2.0\r\n").expect("start line");
            assert_eq!(after.split_once("Call-ID").expect("next field").0, *expected, "{range:?}");
        }
        assert_eq!(Edits::new().delete_values(view, field, 3..4), None);
        assert_eq!(Edits::new().delete_fields(view, HeaderName::Via), 1);
    }
}
