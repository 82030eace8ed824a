//! Attributes of a contact: what the XAVP of parameter `xavp_contact` held when it was stored, packed into one text
//! of the contact. A field is its name, a type, and its value, the two texts with their lengths in front.

use bytes::Bytes;

use crate::api::{Value, Xavp};

/// One attribute.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: Bytes,
    pub(super) value: Value,
}

/// Packs the fields of an XAVP, newest first; what is neither text nor number is left out, and so are texts longer
/// than 65,535 bytes.
pub fn pack(element: &Xavp) -> Vec<u8> {
    let Xavp::Fields(fields) = element else { return Vec::new() };
    let mut packed = Vec::new();
    for (name, value) in fields {
        put(name, value, &mut packed);
    }
    packed
}

/// The XAVP again; `None` when nothing was packed.
pub fn unpack(packed: &[u8]) -> Option<Xavp> {
    let fields: Vec<_> = each(packed).map(|attribute| (attribute.name, attribute.value)).collect();
    (!fields.is_empty()).then_some(Xavp::Fields(fields))
}

/// Puts one attribute behind the others.
pub(super) fn put(name: &[u8], value: &Value, packed: &mut Vec<u8>) {
    let kind = match value {
        Value::Int(_) => NUMBER,
        Value::Str(_) => TEXT,
        _ => return,
    };
    let text = value.to_text();
    let (Ok(name_len), Ok(text_len)) = (u16::try_from(name.len()), u16::try_from(text.len())) else { return };
    packed.push(kind);
    packed.extend_from_slice(&name_len.to_be_bytes());
    packed.extend_from_slice(name);
    packed.extend_from_slice(&text_len.to_be_bytes());
    packed.extend_from_slice(&text);
}

/// The attributes in their order. Reading ends at the first that is not whole.
pub(super) fn each(packed: &[u8]) -> impl Iterator<Item = Attribute> {
    let mut rest = packed;
    std::iter::from_fn(move || {
        let (kind, tail) = rest.split_first()?;
        let (name, tail) = take_text(tail)?;
        let (text, tail) = take_text(tail)?;
        rest = tail;
        let value = match *kind {
            NUMBER => Value::Int(crate::api::parse_int(text)?),
            _ => Value::copied(text),
        };
        Some(Attribute { name: Bytes::copy_from_slice(name), value })
    })
}

/// Type of a text, as column `atype` has it.
pub(super) const TEXT: u8 = 0;
/// Type of a number, as column `atype` has it.
pub(super) const NUMBER: u8 = 1;

fn take_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_at_checked(2)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes([len[0], len[1]])))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{pack, unpack};
    use crate::api::{Value, Xavp};

    #[test]
    fn fields_come_back_in_their_order_and_cut_ones_do_not() {
        let field = |name: &'static str, value| (Bytes::from_static(name.as_bytes()), value);
        let fields = vec![
            field("role", Value::literal("two")),
            field("level", Value::Int(-7)),
            field("none", Value::Null),
            field("empty", Value::literal("")),
        ];
        let packed = pack(&Xavp::Fields(fields));
        let shown = |packed: &[u8]| match unpack(packed) {
            Some(Xavp::Fields(fields)) => fields,
            _ => Vec::new(),
        };
        let back = shown(&packed);
        let names: Vec<_> = back.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, [&b"role"[..], b"level", b"empty"]);
        assert_eq!((back[1].1.to_int(), &back[2].1.to_text()[..]), (-7, &b""[..]));
        for len in 0..packed.len() {
            assert!(shown(&packed[..len]).len() < 3, "{len}");
        }
        assert!(unpack(b"").is_none() && unpack(&pack(&Xavp::Plain(Value::Int(1)))).is_none());
    }
}
