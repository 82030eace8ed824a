//! Kamailio's values: a whole number, a text, or null, and the conversions between them.
//!
//! Texts are bytes and share the buffer they were cut from. A value that scripts see with two faces is the
//! face that counts first: `$rs` is a number (its text face is its digits), `$rp` is a text (its number face
//! is what the digits say). Only a text whose number face is something else needs [`Value::Both`].

use bytes::Bytes;

/// What a variable, an expression or an argument holds.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// No value: reads as 0 or as the empty text.
    #[default]
    Null,
    /// A number first; its text face is its decimal digits.
    Int(i64),
    /// A text first; its number face is what [`parse_int`] reads, or 0.
    Str(Bytes),
    /// A text first whose number face is a different thing, as `$rP` (`tcp` and 2) and `$mF` (hex and decimal).
    Both {
        /// The face that `+` and `==` take.
        text: Bytes,
        /// The face that number operators take.
        int: i64,
    },
}

impl Value {
    /// The empty text, which is not null.
    pub const EMPTY: Value = Value::Str(Bytes::new());

    /// A text that lives as long as the program.
    pub const fn literal(text: &'static str) -> Value {
        Value::Str(Bytes::from_static(text.as_bytes()))
    }

    /// A text, copied.
    pub fn copied(text: &[u8]) -> Value {
        Value::Str(Bytes::copy_from_slice(text))
    }

    /// The text, or null when there is none.
    pub fn optional(text: Option<Bytes>) -> Value {
        text.map_or(Value::Null, Value::Str)
    }

    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// True when the number face counts first.
    pub fn is_int(&self) -> bool {
        matches!(self, Value::Int(_))
    }

    /// The number face: null is 0, a text that is not wholly a number is 0.
    pub fn to_int(&self) -> i64 {
        match self {
            Value::Null => 0,
            Value::Int(int) | Value::Both { int, .. } => *int,
            Value::Str(text) => parse_int(text).unwrap_or(0),
        }
    }

    /// The text face: null is empty, a number is its decimal digits.
    pub fn to_text(&self) -> Bytes {
        match self {
            Value::Null => Bytes::new(),
            Value::Int(int) => decimal(*int),
            Value::Str(text) | Value::Both { text, .. } => text.clone(),
        }
    }

    /// The text face as UTF-8; bytes that are not become U+FFFD. For messages to people.
    pub fn to_display(&self) -> String {
        String::from_utf8_lossy(&self.to_text()).into_owned()
    }

    /// Appends the text face to `out`.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => {}
            Value::Int(int) => write_decimal(*int, out),
            Value::Str(text) | Value::Both { text, .. } => out.extend_from_slice(text),
        }
    }

    /// The length of the text face in bytes.
    pub fn text_len(&self) -> usize {
        match self {
            Value::Null => 0,
            Value::Int(int) => decimal_len(*int),
            Value::Str(text) | Value::Both { text, .. } => text.len(),
        }
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Int(int)
    }
}

impl From<Bytes> for Value {
    fn from(text: Bytes) -> Value {
        Value::Str(text)
    }
}

/// Reads a text as a number: an optional sign and decimal digits, or `0x` and hex digits, and nothing else.
///
/// `None` when the text is anything else or too large, so also for `12abc`, ` 7 ` and the empty text.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', hex @ ..] => (16, hex),
        decimal => (10, decimal),
    };
    if digits.is_empty() {
        return None;
    }
    let mut magnitude: u64 = 0;
    for &byte in digits {
        let digit = char::from(byte).to_digit(base)?;
        magnitude = magnitude.checked_mul(u64::from(base))?.checked_add(u64::from(digit))?;
    }
    match negative {
        true => 0i64.checked_sub_unsigned(magnitude),
        false => i64::try_from(magnitude).ok(),
    }
}

/// The decimal digits of a number; small non-negative numbers need no memory.
pub fn decimal(int: i64) -> Bytes {
    const SMALL: &str = "0123456789";
    if let Ok(small @ 0..=9) = usize::try_from(int) {
        return Bytes::from_static(&SMALL.as_bytes()[small..=small]);
    }
    let mut out = Vec::with_capacity(decimal_len(int));
    write_decimal(int, &mut out);
    Bytes::from(out)
}

/// Appends the decimal digits of a number.
pub fn write_decimal(int: i64, out: &mut Vec<u8>) {
    let mut buffer = [0u8; 20];
    let mut at = buffer.len();
    let mut rest = int.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&buffer[at..]);
}

fn decimal_len(int: i64) -> usize {
    let digits = int.unsigned_abs().checked_ilog10().unwrap_or(0) as usize + 1;
    digits + usize::from(int < 0)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Value, parse_int};

    #[test]
    fn texts_read_as_numbers_only_when_they_are_wholly_numbers() {
        let rows: [(&str, Option<i64>); 12] = [
            ("12", Some(12)),
            ("-12", Some(-12)),
            ("+5", Some(5)),
            ("010", Some(10)),
            ("0x1F", Some(31)),
            ("12abc", None),
            (" 7 ", None),
            ("", None),
            ("-", None),
            ("0x", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_int(text.as_bytes()), expected, "{text:?}");
            assert_eq!(Value::copied(text.as_bytes()).to_int(), expected.unwrap_or(0), "{text:?}");
        }
    }

    #[test]
    fn numbers_print_in_decimal() {
        for int in [0, 9, 10, -1, 5060, i64::MAX, i64::MIN] {
            assert_eq!(Value::Int(int).to_text(), int.to_string());
            assert_eq!(Value::Int(int).text_len(), int.to_string().len());
        }
    }

    #[test]
    fn null_reads_as_zero_and_empty_and_both_keeps_its_faces() {
        assert_eq!((Value::Null.to_int(), Value::Null.to_text()), (0, Bytes::new()));
        let transport = Value::Both { text: Bytes::from_static(b"tcp"), int: 2 };
        assert_eq!((transport.to_int(), transport.to_text()), (2, Bytes::from_static(b"tcp")));
    }
}
