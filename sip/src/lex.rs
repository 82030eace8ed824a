//! Byte classes and the cursor of RFC 3261 25.1: token, linear white space, quoted string.

/// True for the bytes of `token` (25.1).
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// True for space, tab, and the line ends a folded value may hold.
pub fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text` without linear white space at both ends.
pub fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_lws(*byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !is_lws(*byte)).map_or(start, |last| last + 1);
    &text[start..end]
}

/// Parses an unsigned decimal number that fills `text`; `None` when empty, not digits only, or too large.
pub fn parse_u32(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        sum.checked_mul(10)?.checked_add(u32::from(digit))
    })
}
