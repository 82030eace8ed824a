//! The index of `-infindex`: the keys of one field, and the last line that has each.
//!
//! Lines of the file as it was read are found by the hash of their keys, without a copy of them: five million lines
//! cost 64 MB. Only keys that the run changed are kept.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// The index of one file.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// The field that holds the keys.
    pub(super) field: usize,
    hasher: RandomState,
    /// Lines of the file, each at the first free place from that of its hash on; never more than half are taken.
    places: Vec<u32>,
    /// Keys of lines that were appended or replaced; `None` is a key that no line has any more.
    changed: HashMap<Box<[u8]>, Option<u32>>,
}

impl Index {
    /// Reads the keys of `lines` lines; `key_of` gives that of a line.
    pub(super) fn build<'t>(field: usize, lines: u32, key_of: impl Fn(u32) -> Option<&'t [u8]>) -> Index {
        let size = (lines as usize * 2).next_power_of_two().max(2);
        let mut index =
            Index { field, hasher: RandomState::new(), places: vec![FREE; size], changed: HashMap::new() };
        for line in 0..lines {
            if let Some(key) = key_of(line) {
                let place = index.place_of(key, &key_of);
                index.places[place] = line;
            }
        }
        index
    }

    /// The last line that has the key; `key_of` gives the keys that [`Index::build`] read.
    pub(super) fn find<'t>(&self, key: &[u8], key_of: impl Fn(u32) -> Option<&'t [u8]>) -> Option<u32> {
        match self.changed.get(key) {
            Some(line) => *line,
            None => Some(self.places[self.place_of(key, &key_of)]).filter(|line| *line != FREE),
        }
    }

    /// From here on the key is that of `line`, or of none.
    pub(super) fn set(&mut self, key: &[u8], line: Option<u32>) {
        self.changed.insert(key.into(), line);
    }

    /// The place of the key, or the free one where it belongs.
    fn place_of<'t>(&self, key: &[u8], key_of: &impl Fn(u32) -> Option<&'t [u8]>) -> usize {
        let last = self.places.len() - 1;
        let mut place = self.hasher.hash_one(key) as usize & last;
        while self.places[place] != FREE && key_of(self.places[place]) != Some(key) {
            place = (place + 1) & last;
        }
        place
    }
}

/// A place without a line.
const FREE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::Index;

    #[test]
    fn the_last_line_of_a_key_is_found_whatever_its_hash() {
        let keys: Vec<String> = (0..1000).map(|line| format!("key{}", line % 700)).collect();
        let key_of = |line: u32| keys.get(line as usize).map(String::as_bytes);
        let mut index = Index::build(0, 1000, key_of);
        for number in 0..700u32 {
            let last = if number < 300 { number + 700 } else { number };
            assert_eq!(index.find(format!("key{number}").as_bytes(), key_of), Some(last));
        }
        assert_eq!(index.find(b"key700", key_of), None);
        index.set(b"key700", Some(1000));
        index.set(b"key3", None);
        assert_eq!((index.find(b"key700", key_of), index.find(b"key3", key_of)), (Some(1000), None));
    }

    #[test]
    fn lines_without_the_field_have_no_key() {
        let index = Index::build(2, 3, |_| None);
        assert_eq!(index.find(b"", |_| None), None);
    }
}
