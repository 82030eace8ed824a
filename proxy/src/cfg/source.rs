//! The texts of a configuration and the positions in them.
//!
//! A position is a file number and a byte offset, so that nodes stay small; line and column are counted
//! when a message is written.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip::diag::Place;

/// Number of a text in a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A position in one of the texts. Tokens of an expanded define have the position of the name's use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos {
    /// Which text.
    pub file: FileId,
    /// Byte offset in it.
    pub offset: u32,
}

/// All texts read while loading: the main file, included files, definitions of the command line.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<Source>,
}

impl SourceMap {
    /// Adds a text under the name its user wrote. Texts beyond 4 GiB are cut: the loader refuses them before.
    pub fn add(&mut self, name: &str, text: Bytes) -> FileId {
        let id = FileId(self.files.len() as u32);
        self.files.push(Source { name: name.into(), text, line_starts: OnceLock::new() });
        id
    }

    /// Adds a text that is its own name, such as an option of the command line.
    pub(super) fn add_whole(&mut self, text: &str) -> Pos {
        Pos { file: self.add(text, Bytes::copy_from_slice(text.as_bytes())), offset: 0 }
    }

    /// Number of texts.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Name of the text.
    pub fn name(&self, file: FileId) -> &Arc<str> {
        &self.files[file.0 as usize].name
    }

    /// The text.
    pub fn text(&self, file: FileId) -> &Bytes {
        &self.files[file.0 as usize].text
    }

    /// The text of that name, the first if there are several.
    pub fn text_named(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|source| &*source.name == name).map(|source| &source.text[..])
    }

    /// Source name, line and column of a position.
    pub fn place(&self, pos: Pos) -> Place {
        match self.files.get(pos.file.0 as usize) {
            Some(source) => source.place(pos.offset),
            None => Place { source: Arc::from("-"), line: 1, column: 1 },
        }
    }
}

#[derive(Clone, Debug)]
struct Source {
    name: Arc<str>,
    text: Bytes,
    /// Made when the first place is asked for: a compiler asks for one per statement.
    line_starts: OnceLock<Vec<u32>>,
}

impl Source {
    fn place(&self, offset: u32) -> Place {
        if self.text.len() > MAX_INDEXED_BYTES {
            return Place::at(&self.name, &self.text, offset as usize);
        }
        let line_starts = self.line_starts.get_or_init(|| {
            let after_newlines = memchr::memchr_iter(b'\n', &self.text).map(|newline| newline as u32 + 1);
            std::iter::once(0).chain(after_newlines).collect()
        });
        let offset = offset.min(self.text.len() as u32);
        let line = line_starts.partition_point(|&start| start <= offset);
        Place { source: self.name.clone(), line: line as u32, column: offset - line_starts[line - 1] + 1 }
    }
}

/// Larger texts have their lines counted each time instead: an index of junk would be larger than the junk.
const MAX_INDEXED_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::{Pos, SourceMap};

    #[test]
    fn positions_become_file_line_and_column() {
        let mut sources = SourceMap::default();
        sources.add("a.cfg", "x".into());
        let file = sources.add("b.cfg", "one\ntwo three".into());
        for (offset, expected) in [(0, "1:1"), (3, "1:4"), (4, "2:1"), (8, "2:5"), (99, "2:10")] {
            assert_eq!(sources.place(Pos { file, offset }).to_string(), format!("b.cfg:{expected}"));
        }
    }
}
