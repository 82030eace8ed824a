//! AVPs and XAVPs: lists of values that live with a message and then with its transaction.
//!
//! Every list is a stack: the newest value is the first. Lists are short, so they are searched in order.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::pv::At;
use super::value::Value;

/// The name of an AVP: `$avp(x)` and `$avp(s:x)`, or `$avp(i:5)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AvpName {
    /// A text.
    Text(Bytes),
    /// A number, a name different from the text of its digits.
    Number(i64),
}

/// Other names of AVPs, as module parameter `avp_aliases` gives them; shared by all workers.
#[derive(Debug, Default)]
pub struct AvpAliases(FxHashMap<Bytes, AvpName>);

impl AvpAliases {
    /// Reads `alias=name;alias=name`, names with `s:` or `i:` or without. Errors: a part without `=`.
    pub fn parse(text: &[u8]) -> Result<AvpAliases, String> {
        let text = String::from_utf8_lossy(text);
        let mut aliases = AvpAliases::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (alias, name) =
                part.split_once('=').ok_or_else(|| format!("\"{part}\": expected alias=name"))?;
            let name = AvpName::parse(&Bytes::copy_from_slice(name.trim().as_bytes()));
            aliases.0.insert(Bytes::copy_from_slice(alias.trim().as_bytes()), name);
        }
        Ok(aliases)
    }

    /// What `name` stands for.
    pub fn resolve(&self, name: &[u8]) -> Option<AvpName> {
        self.0.get(name).cloned()
    }

    /// True when no alias is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// All AVPs of a message, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Avps {
    list: Vec<Avp>,
}

#[derive(Clone, Debug)]
struct Avp {
    name: AvpName,
    value: Value,
    flags: u32,
}

impl AvpName {
    /// Reads a name as it stands in parentheses: `s:` is dropped, `i:5` is a number.
    pub fn parse(text: &Bytes) -> AvpName {
        if let Some(number) = text.strip_prefix(b"i:").and_then(super::value::parse_int) {
            return AvpName::Number(number);
        }
        let start = if text.starts_with(b"s:") { 2 } else { 0 };
        AvpName::Text(text.slice(start..))
    }
}

impl Avps {
    /// Puts a value in front of the others of its name.
    pub fn push(&mut self, name: AvpName, value: Value) {
        self.list.push(Avp { name, value, flags: 0 });
    }

    /// The value at a place, counted from the newest; `At::None` is the newest.
    pub fn get(&self, name: &AvpName, at: At) -> Option<&Value> {
        match at {
            At::None | At::Position(0) => self.newest_first(name).next().map(|avp| &avp.value),
            _ => {
                let place = at.of(self.count(name))?;
                self.newest_first(name).nth(place).map(|avp| &avp.value)
            }
        }
    }

    /// All values of a name, newest first.
    pub fn all(&self, name: &AvpName) -> impl Iterator<Item = &Value> {
        self.newest_first(name).map(|avp| &avp.value)
    }

    /// How many values a name has.
    pub fn count(&self, name: &AvpName) -> usize {
        self.newest_first(name).count()
    }

    /// Removes the newest value of a name; false when there is none.
    pub fn pop(&mut self, name: &AvpName) -> bool {
        let place = self.list.iter().rposition(|avp| avp.name == *name);
        place.map(|place| self.list.remove(place)).is_some()
    }

    /// Removes all values of a name; how many there were.
    pub fn remove(&mut self, name: &AvpName) -> usize {
        let before = self.list.len();
        self.list.retain(|avp| avp.name != *name);
        before - self.list.len()
    }

    /// Flags of the newest value of a name, to read and change.
    pub fn flags_mut(&mut self, name: &AvpName) -> Option<&mut u32> {
        self.list.iter_mut().rev().find(|avp| avp.name == *name).map(|avp| &mut avp.flags)
    }

    /// All names and values, newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&AvpName, &Value)> {
        self.list.iter().rev().map(|avp| (&avp.name, &avp.value))
    }

    fn newest_first(&self, name: &AvpName) -> impl Iterator<Item = &Avp> {
        self.list.iter().rev().filter(move |avp| avp.name == *name)
    }
}

/// The three classes of structured values; they share one list and differ in how names count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XavpClass {
    /// `$xavp`: names as written.
    Xavp,
    /// `$xavi`: names in any case.
    Xavi,
    /// `$xavu`: one value of each name; assigning replaces.
    Xavu,
}

impl XavpClass {
    /// What a name of this class is in the list: a prefix keeps the classes apart.
    pub fn key(self, name: &[u8]) -> Bytes {
        match self {
            XavpClass::Xavp => Bytes::copy_from_slice(name),
            XavpClass::Xavi => [XAVI, &name.to_ascii_lowercase()[..]].concat().into(),
            XavpClass::Xavu => [XAVU, name].concat().into(),
        }
    }

    /// The class and the name behind a key of the list.
    pub fn of(key: &[u8]) -> (XavpClass, &[u8]) {
        match (key.strip_prefix(XAVI), key.strip_prefix(XAVU)) {
            (Some(name), _) => (XavpClass::Xavi, name),
            (_, Some(name)) => (XavpClass::Xavu, name),
            _ => (XavpClass::Xavp, key),
        }
    }
}

const XAVI: &[u8] = b"xavi:";
const XAVU: &[u8] = b"xavu:";

/// All XAVPs of a message, newest root first.
#[derive(Clone, Debug, Default)]
pub struct Xavps {
    roots: Vec<(Bytes, Xavp)>,
}

/// One root element of an XAVP.
#[derive(Clone, Debug)]
pub enum Xavp {
    /// `$xavp(r) = 5`
    Plain(Value),
    /// `$xavp(r=>f) = 5`: fields, newest first.
    Fields(Vec<(Bytes, Value)>),
}

impl Xavps {
    /// Puts a root element in front of all others.
    pub fn push(&mut self, name: Bytes, element: Xavp) {
        self.roots.insert(0, (name, element));
    }

    /// Puts a root element behind all others.
    pub fn push_last(&mut self, name: Bytes, element: Xavp) {
        self.roots.push((name, element));
    }

    /// The root element at a place among those of its name.
    pub fn get(&self, name: &[u8], at: At) -> Option<&Xavp> {
        let place = at.of(self.count(name))?;
        self.of(name).nth(place)
    }

    /// The root element at a place, to change.
    pub fn get_mut(&mut self, name: &[u8], at: At) -> Option<&mut Xavp> {
        let place = at.of(self.count(name))?;
        self.roots.iter_mut().filter(|(of, _)| **of == *name).map(|(_, element)| element).nth(place)
    }

    /// The root elements of a name, newest first.
    pub fn of(&self, name: &[u8]) -> impl Iterator<Item = &Xavp> {
        self.roots.iter().filter(move |(of, _)| **of == *name).map(|(_, element)| element)
    }

    /// How many root elements a name has.
    pub fn count(&self, name: &[u8]) -> usize {
        self.of(name).count()
    }

    /// All root elements with their keys, newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Xavp)> {
        self.roots.iter().map(|(key, element)| (key, element))
    }

    /// Removes the root element at a place; all of the name for [`At::All`]. How many were removed.
    pub fn remove(&mut self, name: &[u8], at: At) -> usize {
        let wanted = at.of(self.count(name));
        let before = self.roots.len();
        let mut place = 0;
        self.roots.retain(|(of, _)| {
            if **of != *name {
                return true;
            }
            place += 1;
            at != At::All && wanted != Some(place - 1)
        });
        before - self.roots.len()
    }
}

impl Xavp {
    /// The values of a field, newest first; none for a plain element.
    pub fn field(&self, name: &[u8]) -> impl Iterator<Item = &Value> {
        let fields: &[(Bytes, Value)] = match self {
            Xavp::Plain(_) => &[],
            Xavp::Fields(fields) => fields,
        };
        fields.iter().filter(move |(of, _)| **of == *name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{At, AvpName, Avps, Value, Xavp, Xavps};

    #[test]
    fn avps_are_stacks() {
        let mut avps = Avps::default();
        let name = AvpName::parse(&Bytes::from_static(b"s:a"));
        assert_eq!(name, AvpName::parse(&Bytes::from_static(b"a")));
        assert_ne!(AvpName::parse(&Bytes::from_static(b"i:1")), AvpName::parse(&Bytes::from_static(b"1")));
        avps.push(name.clone(), Value::Int(1));
        avps.push(name.clone(), Value::Int(2));
        let at = |avps: &Avps, at| avps.get(&name, at).map(Value::to_int);
        assert_eq!(at(&avps, At::None), Some(2));
        assert_eq!(at(&avps, At::Position(1)), Some(1));
        assert_eq!(at(&avps, At::Position(-1)), Some(1));
        assert_eq!(at(&avps, At::Position(2)), None);
        assert!(avps.pop(&name));
        assert_eq!(at(&avps, At::None), Some(1));
        assert_eq!((avps.remove(&name), avps.count(&name)), (1, 0));
    }

    #[test]
    fn xavps_remove_one_or_all() {
        let mut xavps = Xavps::default();
        for int in 0..3 {
            xavps.push(Bytes::from_static(b"r"), Xavp::Plain(Value::Int(int)));
        }
        assert!(matches!(xavps.get(b"r", At::None), Some(Xavp::Plain(value)) if value.to_int() == 2));
        assert_eq!(xavps.remove(b"r", At::None), 1);
        assert!(matches!(xavps.get(b"r", At::Position(-1)), Some(Xavp::Plain(value)) if value.to_int() == 0));
        assert_eq!((xavps.remove(b"r", At::All), xavps.count(b"r")), (2, 0));
    }
}
