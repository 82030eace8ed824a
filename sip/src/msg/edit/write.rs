//! Writing a message with its edits: several lists, highest rank first, merged in one walk.

use super::{Edit, Edits, MissingLength};
use crate::lex;
use crate::msg::{HeaderName, StartLine, View};
use crate::span::Span;

impl Edits {
    /// Appends the message with these edits; without any it is one copy.
    ///
    /// When the body changes its size, the first Content-Length is corrected, unless an edit touches it.
    pub fn write(&self, view: View<'_>, out: &mut Vec<u8>) {
        write_lists([self, &Edits::default()], view, out);
    }

    /// Appends the message with these edits, the request-wide ones, and those of one branch.
    ///
    /// Where the two overlap these win; at the same place they stand first. The branch's request URI goes before
    /// that of the request.
    pub fn write_branch(&self, branch: &Edits, view: View<'_>, out: &mut Vec<u8>) {
        write_lists([self, branch], view, out);
    }

    fn lane(&self) -> Lane<'_> {
        Lane { edits: &self.list, text: &self.text }
    }
}

/// A list of edits on its way into the message, and the text they point into.
#[derive(Clone, Copy, Default)]
struct Lane<'e> {
    edits: &'e [Edit],
    text: &'e [u8],
}

/// `lists`: request-wide, then branch.
fn write_lists(lists: [&Edits; 2], view: View<'_>, out: &mut Vec<u8>) {
    let first = view.index.start_line.start as usize;
    let bytes = &view.bytes[..view.index.body.end()];
    if lists.iter().all(|edits| edits.is_empty()) {
        out.extend_from_slice(&bytes[first..]);
        return;
    }
    let uri = uri_edit(lists, view);
    let uri =
        uri.as_ref().map_or(Lane::default(), |(edit, text)| Lane { edits: std::slice::from_ref(edit), text });
    let lanes = [uri, lists[0].lane(), lists[1].lane()];
    // Room for a Content-Length as well, so that the buffer grows once at most.
    let added = lanes.iter().map(|lane| lane.text.len()).sum::<usize>();
    out.reserve(bytes.len() - first + added + 32);
    let mut landmarks = Landmarks::of(view);
    merge(lanes, bytes, first, &mut landmarks, out);
    correct_length(lists, view, &landmarks, out);
}

/// Places of the received message whose place in the written one matters.
struct Landmarks {
    /// Value of the first Content-Length, as received.
    length: Option<Span>,
    /// Where that value was written, if it was copied in one piece.
    length_at: Option<usize>,
    /// Start of the body, as received.
    body: usize,
    /// Where the body starts as written.
    body_at: Option<usize>,
}

impl Landmarks {
    fn of(view: View<'_>) -> Landmarks {
        let length = view.fields(HeaderName::ContentLength).next().map(|field| field.value);
        Landmarks { length, length_at: None, body: view.index.body.start as usize, body_at: None }
    }

    /// Notes that the received bytes from `start` to `end` were written at `at`.
    fn copied(&mut self, start: usize, end: usize, at: usize) {
        if let Some(length) = self.length
            && start <= length.start as usize
            && length.end() <= end
        {
            self.length_at = Some(at + length.start as usize - start);
        }
        if self.body_at.is_none() && (start..=end).contains(&self.body) {
            self.body_at = Some(at + self.body - start);
        }
    }
}

/// Walks the lanes in order of place. A lane earlier in the array wins where edits overlap.
fn merge(mut lanes: [Lane<'_>; 3], bytes: &[u8], first: usize, marks: &mut Landmarks, out: &mut Vec<u8>) {
    let mut at = first;
    loop {
        let next = (0..lanes.len()).filter_map(|rank| Some((lanes[rank].edits.first()?.key(), rank))).min();
        let Some((_, rank)) = next else { break };
        let edit = lanes[rank].edits[0];
        lanes[rank].edits = &lanes[rank].edits[1..];
        let outranked =
            lanes[..rank].iter().any(|lane| lane.edits.first().is_some_and(|e| e.overlaps(&edit)));
        let start = edit.removed.start as usize;
        if outranked || start < at || edit.removed.end() > bytes.len() {
            continue;
        }
        marks.copied(at, start, out.len());
        out.extend_from_slice(&bytes[at..start]);
        out.extend_from_slice(edit.text.of(lanes[rank].text));
        at = edit.removed.end();
    }
    marks.copied(at, bytes.len(), out.len());
    out.extend_from_slice(&bytes[at..]);
}

/// The edit that sets the request URI, with the buffer its text is in.
fn uri_edit<'e>(lists: [&'e Edits; 2], view: View<'_>) -> Option<(Edit, &'e [u8])> {
    let StartLine::Request { uri: removed, .. } = view.index.start else { return None };
    let owner = lists.into_iter().rev().find(|edits| edits.request_uri.is_some())?;
    Some((Edit { removed, text: owner.request_uri?, id: 0 }, &owner.text))
}

/// Brings the written Content-Length into agreement with the written body, where the body changed its size, or
/// adds one where it is missing and wanted.
fn correct_length(lists: [&Edits; 2], view: View<'_>, marks: &Landmarks, out: &mut Vec<u8>) {
    let Some(body_at) = marks.body_at else { return };
    let size = out.len() - body_at;
    let mut field = Vec::new();
    match (marks.length, marks.length_at) {
        (Some(length), Some(at)) if size != view.index.body.len as usize => {
            lex::write_u32(size as u32, &mut field);
            out.splice(at..at + length.len as usize, field);
        }
        (None, _) if lists.iter().any(|edits| edits.missing_length == MissingLength::Add) => {
            let head = &out[..body_at];
            let blank_line = match (head.ends_with(b"\n\r\n"), head.ends_with(b"\n\n")) {
                (true, _) => 2,
                (_, true) => 1,
                _ => 0,
            };
            field.extend_from_slice(b"Content-Length: ");
            lex::write_u32(size as u32, &mut field);
            field.extend_from_slice(b"\r\n");
            let at = body_at - blank_line;
            out.splice(at..at, field);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::Message;

    const REQUEST: &[u8] = b"INVITE sip:a@b SIP/2.0\r\nVia: v\r\nl: 10\r\nX: y\r\n\r\n0123456789";

    fn message(bytes: &'static [u8]) -> Message {
        Message::parse(bytes.into()).expect("valid")
    }

    fn written(base: &Edits, branch: &Edits, view: View<'_>) -> String {
        let mut out = Vec::new();
        base.write_branch(branch, view, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn request_edits_stand_before_and_win_over_those_of_a_branch() {
        let message = message(REQUEST);
        let view = message.view();
        let via = view.fields(HeaderName::Via).next().expect("there").line;
        let x = view.fields_named(b"X").next().expect("there");
        let (mut base, mut branch) = (Edits::new(), Edits::new());
        branch.insert(via.start as usize, b"Via: branch\r\n").expect("free");
        branch.replace(Span::new(via.end() + 1, x.line.end()), b"lost").expect("free");
        branch.insert(view.headers_end(), b"E: branch\r\n").expect("free");
        base.insert(via.start as usize, b"R: base\r\n").expect("free");
        base.replace(x.value, b"base").expect("free");
        base.insert(view.headers_end(), b"E: base\r\n").expect("free");
        base.set_request_uri(b"sip:first");
        branch.set_request_uri(b"sip:c");
        branch.set_request_uri(b"sip:branch@host;lr");
        assert_eq!(
            written(&base, &branch, view),
            "INVITE sip:branch@host;lr SIP/2.0\r\nR: base\r\nVia: branch\r\nVia: v\r\nl: 10\r\nX: base\r\n\
             E: base\r\nE: branch\r\n\r\n0123456789"
        );
        assert!(written(&base, &Edits::new(), view).starts_with("INVITE sip:first SIP/2.0\r\n"));
    }

    /// RFC 3261 20.14: the length follows the body, also when a body edit of the branch is outranked.
    #[test]
    fn content_length_follows_the_body() {
        let message = message(REQUEST);
        let view = message.view();
        let body = view.index.body.start as usize;
        let (mut base, mut branch) = (Edits::new(), Edits::new());
        base.replace(Span::new(body + 2, body + 6), b"").expect("free");
        branch.replace(Span::new(body + 4, body + 8), b"outranked").expect("free");
        branch.insert(body + 10, b"abc").expect("free");
        let text = written(&base, &branch, view);
        assert!(text.ends_with("l: 9\r\nX: y\r\n\r\n016789abc"), "{text}");

        let mut whole = Edits::new();
        whole.replace(view.index.body, b"").expect("free");
        assert!(written(&whole, &Edits::new(), view).ends_with("l: 0\r\nX: y\r\n\r\n"));

        // A Content-Length that a script removes or writes itself stays as the script wants it.
        let mut own = Edits::new();
        own.delete_fields(view, HeaderName::ContentLength);
        own.replace(view.index.body, b"new").expect("free");
        assert!(written(&own, &Edits::new(), view).ends_with("Via: v\r\nX: y\r\n\r\nnew"));
    }

    #[test]
    fn a_missing_length_is_added_only_when_wanted() {
        let message = message(b"BYE sip:a SIP/2.0\r\nVia: v\r\n\r\nabc");
        let view = message.view();
        let mut edits = Edits::new();
        edits.insert(view.headers_end(), b"X: y\r\n").expect("free");
        assert_eq!(written(&edits, &Edits::new(), view), "BYE sip:a SIP/2.0\r\nVia: v\r\nX: y\r\n\r\nabc");
        let mut branch = Edits::new();
        branch.set_missing_length(MissingLength::Add);
        assert_eq!(
            written(&edits, &branch, view),
            "BYE sip:a SIP/2.0\r\nVia: v\r\nX: y\r\nContent-Length: 3\r\n\r\nabc"
        );
    }

    #[test]
    fn edits_outside_the_message_are_left_out() {
        let message = message(REQUEST);
        let mut edits = Edits::new();
        edits.insert(10_000, b"x").expect("free");
        edits.replace(Span::new(50, 10_000), b"y").expect("free");
        assert_eq!(written(&edits, &Edits::new(), message.view()).as_bytes(), REQUEST);
    }
}
