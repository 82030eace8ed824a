//! Tables of named values that all shards share: reading, writing, counting, expiry.
//!
//! A table is cut into parts with a lock each. Expired items read as absent at once; they are taken out at
//! intervals, so a table does not grow with what is over.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::database::Source;
use super::locks::Locks;
use crate::api::Value;

/// One table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) rules: Rules,
    /// What `sht_lock()` holds.
    pub(super) locks: Locks,
    parts: Box<[Mutex<Part>]>,
}

/// What the definition of a table says. Times in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// Life of an item; 0 is for ever.
    pub(super) autoexpire: u64,
    /// A write does not start the life of an item anew.
    pub(super) keeps_expiry: bool,
    /// What a missing key reads as.
    pub(super) initval: Option<i64>,
    /// What the database has to do with it.
    pub(super) database: Source,
}

#[derive(Debug, Default)]
struct Part {
    items: FxHashMap<Bytes, Item>,
}

#[derive(Clone, Debug)]
struct Item {
    value: Value,
    /// Unix time in seconds; `None` is for ever.
    expires: Option<u64>,
}

impl Item {
    fn is_over(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// How many locks a table has.
pub(super) const PARTS: usize = 16;

/// The part a key is in.
pub(super) fn part_of(key: &[u8]) -> usize {
    let sum = key.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    sum % PARTS
}

impl Table {
    pub(super) fn new(name: String, rules: Rules) -> Table {
        Table { name, rules, locks: Locks::default(), parts: (0..PARTS).map(|_| Mutex::default()).collect() }
    }

    fn part(&self, key: &[u8]) -> MutexGuard<'_, Part> {
        self.parts[part_of(key)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key; a missing one reads as the table says.
    pub(super) fn get(&self, now: u64, key: &[u8]) -> Value {
        let part = self.part(key);
        match part.items.get(key).filter(|item| !item.is_over(now)) {
            Some(item) => item.value.clone(),
            None => self.rules.initval.map_or(Value::Null, Value::Int),
        }
    }

    /// Sets a key; null removes it.
    pub(super) fn set(&self, now: u64, key: &[u8], value: Value) {
        let life = (self.rules.autoexpire > 0).then_some(self.rules.autoexpire);
        let mut part = self.part(key);
        if value.is_null() {
            part.items.remove(key);
            return;
        }
        let kept = part.items.get(key).filter(|item| self.rules.keeps_expiry && !item.is_over(now));
        let expires = kept.map_or(life.map(|life| now + life), |item| item.expires);
        part.items.insert(Bytes::copy_from_slice(key), Item { value: owned(value), expires });
    }

    /// Sets a key and its life in seconds; 0 is for ever.
    pub(super) fn set_for(&self, now: u64, key: &[u8], value: Value, life: u64) {
        let expires = (life > 0).then(|| now + life);
        let mut part = self.part(key);
        part.items.insert(Bytes::copy_from_slice(key), Item { value: owned(value), expires });
    }

    /// Adds to a number; null when the key is missing and the table has no first value, or holds a text.
    pub(super) fn add(&self, now: u64, key: &[u8], step: i64) -> Value {
        let current = self.get(now, key);
        let mut part = self.part(key);
        let life = self.rules.autoexpire;
        match part.items.get_mut(key).filter(|item| !item.is_over(now)) {
            Some(item) => {
                let Value::Int(int) = &mut item.value else { return Value::Null };
                *int = int.wrapping_add(step);
                let sum = Value::Int(*int);
                if life > 0 && !self.rules.keeps_expiry {
                    item.expires = Some(now + life);
                }
                sum
            }
            None => {
                let Value::Int(first) = current else { return Value::Null };
                let value = Value::Int(first.wrapping_add(step));
                let expires = (life > 0).then(|| now + life);
                part.items.insert(Bytes::copy_from_slice(key), Item { value: value.clone(), expires });
                value
            }
        }
    }

    /// Seconds until a key is over; 0 when it is missing or stays.
    pub(super) fn life(&self, now: u64, key: &[u8]) -> u64 {
        let part = self.part(key);
        part.items.get(key).and_then(|item| item.expires).map_or(0, |expires| expires.saturating_sub(now))
    }

    /// Gives a key a new life. False when it is missing.
    pub(super) fn set_life(&self, now: u64, key: &[u8], life: u64) -> bool {
        let mut part = self.part(key);
        let found = part.items.get_mut(key).filter(|item| !item.is_over(now));
        found.map(|item| item.expires = Some(now + life)).is_some()
    }

    /// Whether there is an item of that key.
    pub(super) fn has(&self, now: u64, key: &[u8]) -> bool {
        self.part(key).items.get(key).is_some_and(|item| !item.is_over(now))
    }

    /// Sets a key with the moment it is over, in Unix time; without one its life is as after a write.
    pub(super) fn put(&self, now: u64, key: &[u8], value: Value, expires: Option<u64>) {
        match expires {
            Some(at) => self.set_for(now, key, value, at.saturating_sub(now).max(1)),
            None => self.set(now, key, value),
        }
    }

    /// Takes out what is over.
    pub(super) fn take_expired(&self, now: u64) -> Vec<(Bytes, Value)> {
        let mut over = Vec::new();
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            over.extend(
                part.items.extract_if(|_, item| item.is_over(now)).map(|(key, item)| (key, item.value)),
            );
        }
        over
    }

    /// How many items are wanted.
    pub(super) fn count(&self, now: u64, is_wanted: impl Fn(&[u8], &Value) -> bool) -> usize {
        let of_part = |part: &Mutex<Part>| {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.items.iter().filter(|(key, item)| !item.is_over(now) && is_wanted(key, &item.value)).count()
        };
        self.parts.iter().map(of_part).sum()
    }

    /// Removes what is unwanted.
    pub(super) fn remove_where(&self, is_unwanted: impl Fn(&[u8], &Value) -> bool) {
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            part.items.retain(|key, item| !is_unwanted(key, &item.value));
        }
    }

    /// All items in the order of their keys, with their life in seconds.
    pub(super) fn items(&self, now: u64) -> Vec<(Bytes, Value, u64)> {
        let mut all = Vec::new();
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(part.items.iter().filter(|(_, item)| !item.is_over(now)).map(|(key, item)| {
                (key.clone(), item.value.clone(), item.expires.map_or(0, |at| at.saturating_sub(now)))
            }));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

/// A value that outlives the message must not keep its buffer alive.
fn owned(value: Value) -> Value {
    match value {
        Value::Str(text) => Value::copied(&text),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Rules, Table};
    use crate::api::Value;

    fn text(value: &Value) -> String {
        if value.is_null() { "null".into() } else { value.to_display() }
    }

    #[test]
    fn items_expire_and_writes_start_their_life_anew() {
        let table = Table::new("t".into(), Rules { autoexpire: 10, ..Rules::default() });
        table.set(100, b"k", Value::Int(1));
        assert_eq!(text(&table.get(109, b"k")), "1");
        assert_eq!(text(&table.get(110, b"k")), "null");
        table.set(105, b"k", Value::Int(2));
        assert_eq!((text(&table.get(110, b"k")).as_str(), table.life(110, b"k")), ("2", 5));
        let keeps = Table::new("t".into(), Rules { autoexpire: 10, keeps_expiry: true, ..Rules::default() });
        keeps.set(100, b"k", Value::Int(1));
        keeps.set(105, b"k", Value::Int(2));
        assert_eq!(text(&keeps.get(110, b"k")), "null");
    }

    #[test]
    fn a_missing_key_counts_only_from_a_first_value() {
        let table = Table::new("t".into(), Rules::default());
        assert_eq!(text(&table.add(0, b"k", 1)), "null");
        let table = Table::new("t".into(), Rules { initval: Some(5), ..Rules::default() });
        assert_eq!(text(&table.add(0, b"k", 1)), "6");
        assert_eq!(text(&table.add(0, b"k", -1)), "5");
        table.set(0, b"s", Value::literal("text"));
        assert_eq!(text(&table.add(0, b"s", 1)), "null");
    }
}
