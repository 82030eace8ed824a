//! Class `s`: hashes, encodings and escapes.

use md5::Digest;

use super::super::NAME;
use crate::api::{
    Base64, Ctx, ModuleDef, Padding, TransformArgs, TransformDef, TransformFn, TransformKind, Value,
};

pub(in super::super) static PART: ModuleDef =
    ModuleDef { name: NAME, transforms: TRANSFORMS, ..ModuleDef::EMPTY };

static TRANSFORMS: &[TransformDef] = &[
    row("md5", |_, value, _| hex(&md5::Md5::digest(value.to_text())), "MD5 in hex"),
    row("sha256", |_, value, _| hex(&sha2::Sha256::digest(value.to_text())), "SHA-256 in hex"),
    row("sha384", |_, value, _| hex(&sha2::Sha384::digest(value.to_text())), "SHA-384 in hex"),
    row("sha512", |_, value, _| hex(&sha2::Sha512::digest(value.to_text())), "SHA-512 in hex"),
    row("encode.hexa", |_, value, _| hex(&value.to_text()), "in hex"),
    row("decode.hexa", |_, value, _| text(from_hex(&value.to_text())), "from hex"),
    row("encode.base64", |_, value, _| encode64(&value, Base64::Standard, Padding::Yes), "in base64"),
    row("decode.base64", |_, value, _| text(Base64::Standard.decode(&value.to_text())), "from base64"),
    row(
        "encode.base64t",
        |_, value, _| encode64(&value, Base64::Standard, Padding::No),
        "in base64 without padding",
    ),
    row(
        "decode.base64t",
        |_, value, _| text(Base64::Standard.decode(&value.to_text())),
        "from base64 without padding",
    ),
    row("encode.base64url", |_, value, _| encode64(&value, Base64::Url, Padding::Yes), "in base64 for URLs"),
    row("decode.base64url", |_, value, _| text(Base64::Url.decode(&value.to_text())), "from base64 for URLs"),
    row(
        "encode.base64urlt",
        |_, value, _| encode64(&value, Base64::Url, Padding::No),
        "in base64 for URLs, no padding",
    ),
    row(
        "decode.base64urlt",
        |_, value, _| text(Base64::Url.decode(&value.to_text())),
        "from base64 for URLs",
    ),
    row("encode.base58", |_, value, _| encode58(&value), "in base58"),
    row("decode.base58", |_, value, _| text(decode58(&value.to_text())), "from base58"),
    row("encode.7bit", |_, value, _| encode_7bit(&value), "packed into septets, in hex"),
    row("decode.7bit", |_, value, _| text(decode_7bit(&value.to_text())), "from packed septets in hex"),
    row("escape.common", escape_common, "quotes and backslashes escaped"),
    row("unescape.common", unescape_common, "quotes and backslashes unescaped"),
    row(
        "escape.user",
        |_, value, _| percent(&value, b" /@:\"\\%", Unreserved::Listed),
        "escaped for a SIP user",
    ),
    row("unescape.user", |_, value, _| text(unpercent(&value.to_text())), "unescaped SIP user"),
    row(
        "escape.param",
        |_, value, _| percent(&value, b" =?@;\"\\%,", Unreserved::Listed),
        "escaped for a SIP parameter",
    ),
    row("unescape.param", |_, value, _| text(unpercent(&value.to_text())), "unescaped SIP parameter"),
    row("escape.csv", escape_csv, "quoted for CSV"),
    row(
        "urlencode.param",
        |_, value, _| percent(&value, b"-_.~", Unreserved::AlsoThese),
        "escaped for a URL",
    ),
    row("urldecode.param", |_, value, _| text(unpercent(&value.to_text())), "unescaped from a URL"),
    TransformDef::new("s", "corehash", &[TransformKind::Int], core_hash, "a 32-bit hash").optional(1),
];

const fn row(op: &'static str, run: TransformFn, doc: &'static str) -> TransformDef {
    TransformDef::new("s", op, &[], run, doc)
}

/// Seven bits of each byte, the lowest first (3GPP TS 23.038 6.1.2.1), in capital hex digits.
fn encode_7bit(value: &Value) -> Value {
    let (mut out, mut bits, mut held) = (String::new(), 0u32, 0u32);
    let mut put = |byte: u32| out.push_str(&format!("{:02X}", byte & 0xff));
    for byte in value.to_text().iter() {
        bits |= u32::from(byte & 0x7f) << held;
        held += 7;
        if held >= 8 {
            put(bits);
            bits >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        put(bits);
    }
    Value::Str(out.into())
}

/// `None` for what is not pairs of hex digits. Seven bits at the end that are all zero are padding.
fn decode_7bit(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for byte in from_hex(text)? {
        bits |= u32::from(byte) << held;
        held += 8;
        while held >= 7 {
            out.push((bits & 0x7f) as u8);
            bits >>= 7;
            held -= 7;
        }
    }
    if out.len().is_multiple_of(8) && out.last() == Some(&0) {
        out.pop();
    }
    Some(out)
}

fn text(decoded: Option<Vec<u8>>) -> Value {
    decoded.map_or(Value::Null, |bytes| Value::Str(bytes.into()))
}

fn hex(bytes: &[u8]) -> Value {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| push_hex(*byte, &mut out));
    Value::Str(out.into())
}

fn push_hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// An odd last digit is dropped; `None` when a digit is none.
fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| sip::lex::hex_value(byte);
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn encode64(value: &Value, digits: Base64, padding: Padding) -> Value {
    Value::Str(digits.encode(&value.to_text(), padding).into())
}

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Longest text put into base58: the work grows with the square of the length.
const BASE58_LIMIT: usize = 2048;

fn encode58(value: &Value) -> Value {
    let bytes = value.to_text();
    if bytes.len() > BASE58_LIMIT {
        return Value::Null;
    }
    let mut digits: Vec<u8> = Vec::new();
    for byte in &bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 58) as u8;
            carry /= 58;
        }
        while carry > 0 {
            digits.push((carry % 58) as u8);
            carry /= 58;
        }
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut out = vec![b'1'; zeros];
    out.extend(digits.iter().rev().map(|digit| BASE58[usize::from(*digit)]));
    Value::Str(out.into())
}

fn decode58(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > BASE58_LIMIT {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::new();
    for digit in text {
        let mut carry = BASE58.iter().position(|known| known == digit)? as u32;
        for byte in &mut bytes {
            carry += u32::from(*byte) * 58;
            *byte = carry as u8;
            carry >>= 8;
        }
        while carry > 0 {
            bytes.push(carry as u8);
            carry >>= 8;
        }
    }
    bytes.extend(text.iter().take_while(|digit| **digit == b'1').map(|_| 0));
    bytes.reverse();
    Some(bytes)
}

fn escape_common(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let mut out = Vec::new();
    for byte in value.to_text() {
        match byte {
            b'\'' | b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0 => out.extend_from_slice(b"\\0"),
            other => out.push(other),
        }
    }
    Value::Str(out.into())
}

fn unescape_common(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        let plain = match (byte, rest.peek()) {
            (b'\\', Some(b'0')) => Some(0),
            (b'\\', Some(escaped @ (b'\'' | b'"' | b'\\'))) => Some(*escaped),
            _ => None,
        };
        out.push(plain.unwrap_or(byte));
        if plain.is_some() {
            rest.next();
        }
    }
    Value::Str(out.into())
}

fn escape_csv(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let mut out = vec![b'"'];
    for byte in value.to_text() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
    Value::Str(out.into())
}

/// What the list of characters means to [`percent`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unreserved {
    /// The listed ones and unprintable bytes are escaped.
    Listed,
    /// All but letters, digits and the listed ones are escaped.
    AlsoThese,
}

fn percent(value: &Value, list: &[u8], rule: Unreserved) -> Value {
    let mut out = Vec::new();
    for byte in value.to_text() {
        let is_escaped = match rule {
            Unreserved::Listed => list.contains(&byte) || !(b' '..0x7f).contains(&byte),
            Unreserved::AlsoThese => !byte.is_ascii_alphanumeric() && !list.contains(&byte),
        };
        if is_escaped {
            out.push(b'%');
            push_hex(byte, &mut out);
        } else {
            out.push(byte);
        }
    }
    Value::Str(out.into())
}

/// `None` when a `%` is not followed by two hex digits.
fn unpercent(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        if *byte != b'%' {
            out.push(*byte);
            rest = behind;
            continue;
        }
        let (high, low) = (sip::lex::hex_value(*behind.first()?)?, sip::lex::hex_value(*behind.get(1)?)?);
        out.push(high << 4 | low);
        rest = &behind[2..];
    }
    Some(out)
}

/// The hash function of the original's tables, so that slots computed with it stay the same.
fn core_hash(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let hash = i64::from(crate::api::core_hash(&[&value.to_text()]));
    let size = if args.is_empty() { 0 } else { args.int(ctx, 0) };
    Value::Int(if size > 0 { hash % size } else { hash })
}

#[cfg(test)]
mod tests {
    use super::{decode58, from_hex, unpercent};

    #[test]
    fn what_is_not_encoded_has_no_value() {
        assert_eq!(decode58(b"qVgfxYy3").as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(decode58(b"0"), None);
        assert_eq!(from_hex(b"12345").as_deref(), Some(&[0x12, 0x34][..]));
        assert_eq!(from_hex(b"1x"), None);
        assert_eq!(unpercent(b"a%20b").as_deref(), Some(&b"a b"[..]));
        assert_eq!(unpercent(b"a%2"), None);
    }
}
