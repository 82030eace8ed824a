//! Spans: places in a buffer, kept instead of copies.

/// A run of bytes in a buffer: start and length, 32 bits each (a SIP message is far below 4 GiB).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

impl Span {
    /// The span from `start` up to, not including, `end`; empty when `end` lies before `start`.
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, len: end.saturating_sub(start) as u32 }
    }

    /// Offset behind the last byte.
    pub fn end(self) -> usize {
        self.start as usize + self.len as usize
    }

    /// True when the span holds no byte.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The bytes of the span in `buffer`; empty when the span does not lie inside it.
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start as usize..self.end()).unwrap_or(&[])
    }

    /// Where `part`, a sub-slice of `buffer`, lies in it; `None` when it is not a part of it.
    pub fn locate(buffer: &[u8], part: &[u8]) -> Option<Span> {
        let start = (part.as_ptr() as usize).checked_sub(buffer.as_ptr() as usize)?;
        (start + part.len() <= buffer.len()).then(|| Span::new(start, start + part.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn locates_parts_of_a_buffer_only() {
        let buffer = b"INVITE sip:a@b SIP/2.0";
        assert_eq!(Span::locate(buffer, &buffer[7..14]), Some(Span { start: 7, len: 7 }));
        assert_eq!(Span::new(7, 14).of(buffer), b"sip:a@b");
        assert_eq!(Span::locate(buffer, b"elsewhere"), None);
        assert_eq!(Span::new(20, 40).of(buffer), b"");
    }
}
