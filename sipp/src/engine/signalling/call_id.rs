//! Call-IDs of the calls we open, from `-cid_type` and `-cid_str`.

use sip::ident::{Ident, write_hex};

use crate::options::CallIdType;

/// How Call-IDs are made.
#[derive(Clone, Debug)]
pub(in crate::engine) struct CallIds {
    form: Form,
    /// What stands behind all forms but those of `-cid_str`: `@` and the local address.
    host: String,
    pid: u32,
    ident: Ident,
}

#[derive(Clone, Debug)]
enum Form {
    /// `-cid_str` with everything filled in that stays the same.
    Format(Vec<Piece>),
    Type(CallIdType),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// `%u`
    Number,
    /// `%r`
    Random,
}

impl CallIds {
    /// `ident` is behind what is random.
    pub(in crate::engine) fn new(
        (kind, format): (CallIdType, &str),
        (pid, local_ip): (u32, &str),
        ident: Ident,
    ) -> CallIds {
        let form = match kind {
            CallIdType::Format => Form::Format(parse(format, pid, local_ip)),
            other => Form::Type(other),
        };
        CallIds { form, host: format!("@{local_ip}"), pid, ident }
    }

    /// The Call-ID of the call of that number, opened at that moment.
    pub(super) fn write(&mut self, number: u64, unix_micros: i64) -> Vec<u8> {
        let mut id = Vec::with_capacity(64);
        match &self.form {
            Form::Format(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Literal(text) => id.extend_from_slice(text.as_bytes()),
                        Piece::Number => id.extend_from_slice(number.to_string().as_bytes()),
                        Piece::Random => {
                            let random = self.ident.next_u64() >> 32;
                            id.extend_from_slice(random.to_string().as_bytes());
                        }
                    }
                }
                return id;
            }
            Form::Type(CallIdType::Uuid) => write_uuid(&mut self.ident, &mut id),
            Form::Type(CallIdType::Random) => {
                id.extend_from_slice(format!("{number}-").as_bytes());
                write_random(&mut self.ident, &mut id);
            }
            Form::Type(CallIdType::Timestamp) => {
                id.extend_from_slice(format!("{unix_micros}-{number}-{}", self.pid).as_bytes());
            }
            Form::Type(CallIdType::UuidCompact | CallIdType::Format) => {
                write_random(&mut self.ident, &mut id)
            }
        }
        id.extend_from_slice(self.host.as_bytes());
        id
    }
}

/// `%u` is the call number, `%p` the process id, `%s` the local address, `%r` a random number; any other `%x` is a
/// percent sign.
fn parse(format: &str, pid: u32, local_ip: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        let piece = match letter {
            '%' => match letters.next() {
                Some('u') => Piece::Number,
                Some('r') => Piece::Random,
                Some('p') => {
                    literal.push_str(&pid.to_string());
                    continue;
                }
                Some('s') => {
                    literal.push_str(local_ip);
                    continue;
                }
                _ => {
                    literal.push('%');
                    continue;
                }
            },
            letter => {
                literal.push(letter);
                continue;
            }
        };
        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
        pieces.push(piece);
    }
    pieces.push(Piece::Literal(literal));
    pieces
}

/// 32 hex digits.
fn write_random(ident: &mut Ident, out: &mut Vec<u8>) {
    write_hex(ident.next_u64(), out);
    write_hex(ident.next_u64(), out);
}

/// A random UUID (RFC 9562 5.4: version 4, variant 10).
fn write_uuid(ident: &mut Ident, out: &mut Vec<u8>) {
    let mut hex = Vec::with_capacity(32);
    write_hex(ident.next_u64() & !0xf000 | 0x4000, &mut hex);
    write_hex(ident.next_u64() & !(3 << 62) | (2 << 62), &mut hex);
    for (at, digit) in hex.into_iter().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        out.push(digit);
    }
}

#[cfg(test)]
mod tests {
    use sip::ident::Ident;

    use super::CallIds;
    use crate::options::CallIdType;

    fn id(kind: CallIdType, format: &str) -> String {
        let mut ids = CallIds::new((kind, format), (42, "::1"), Ident::seeded(1));
        String::from_utf8(ids.write(7, 1_795_270_323_773_559)).expect("ASCII")
    }

    #[test]
    fn formats_are_filled_in() {
        let rows = [("%u-%p@%s", "7-42@::1"), ("x%%%q%u%u", "x%%77"), ("plain", "plain"), ("%", "%")];
        for (format, expected) in rows {
            assert_eq!(id(CallIdType::Format, format), expected, "{format}");
        }
        let random = id(CallIdType::Format, "a%rb");
        assert!(random[1..random.len() - 1].parse::<u32>().is_ok(), "{random}");
    }

    /// The forms of SIPp 3.7; RFC 9562 5.4 for the UUID.
    #[test]
    fn types_ignore_the_format() {
        let of = |kind| id(kind, "%u");
        let uuid = of(CallIdType::Uuid);
        let groups: Vec<usize> = uuid.trim_end_matches("@::1").split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{uuid}");
        assert!(uuid.as_bytes()[14] == b'4' && b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
        assert_eq!(of(CallIdType::UuidCompact).len(), 32 + 4);
        let random = of(CallIdType::Random);
        assert!(random.starts_with("7-") && random.len() == 2 + 32 + 4, "{random}");
        assert_eq!(of(CallIdType::Timestamp), "1795270323773559-7-42@::1");
    }
}
