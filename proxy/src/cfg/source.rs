//! The texts of a configuration and the positions in them.
//!
//! A position is a file number and a byte offset, so that nodes stay small; line and column are counted
//! when a message is written.

use std::sync::Arc;

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
        self.files.push(Source { name: name.into(), text });
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

    /// Source name, line and column of a position.
    pub fn place(&self, pos: Pos) -> Place {
        match self.files.get(pos.file.0 as usize) {
            Some(source) => Place::at(&source.name, &source.text, pos.offset as usize),
            None => Place { source: Arc::from("-"), line: 1, column: 1 },
        }
    }
}

#[derive(Clone, Debug)]
struct Source {
    name: Arc<str>,
    text: Bytes,
}

#[cfg(test)]
mod tests {
    use super::{Pos, SourceMap};

    #[test]
    fn positions_become_file_line_and_column() {
        let mut sources = SourceMap::default();
        sources.add("a.cfg", "x".into());
        let file = sources.add("b.cfg", "one\ntwo three".into());
        let place = sources.place(Pos { file, offset: 8 });
        assert_eq!(place.to_string(), "b.cfg:2:5");
    }
}
