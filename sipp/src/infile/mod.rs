//! Injection files (`-inf`): lines of `;`-separated fields that calls print with `[fieldN]`.
//!
//! A file is held once, all its fields in one buffer; calls remember a line number only. No quoting
//! and no escaping: text between separators is taken as it stands.

mod file;
mod index;
mod printf;

pub use file::{Infile, InfileError, Order, ShortLine};

/// Index of a file in order of `-inf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId(pub u16);

/// All injection files of a run.
#[derive(Clone, Debug, Default)]
pub struct Infiles {
    files: Vec<Infile>,
}

impl Infiles {
    /// Adds a file; the first one is what `[fieldN]` reads without `file=`.
    pub fn push(&mut self, file: Infile) -> FileId {
        self.files.push(file);
        FileId((self.files.len() - 1) as u16)
    }

    /// The file of that base name.
    pub fn find(&self, name: &str) -> Option<FileId> {
        self.files.iter().position(|file| file.name() == name).map(|at| FileId(at as u16))
    }

    /// All base names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(Infile::name)
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// True without `-inf`.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// A file.
    pub fn get(&self, id: FileId) -> Option<&Infile> {
        self.files.get(usize::from(id.0))
    }

    /// One of `of` parts of a run takes every `of`-th line of files in order, from the `index`-th on.
    pub fn take_share(&mut self, index: u32, of: u32) {
        for file in &mut self.files {
            file.take_share(index, of);
        }
    }

    /// A file, to change.
    pub fn get_mut(&mut self, id: FileId) -> Option<&mut Infile> {
        self.files.get_mut(usize::from(id.0))
    }

    /// Picks a line of each of `files` for a new call of `user` (0 for none); `random` gives a number below its
    /// argument. The result has an entry for every file of the run, `u32::MAX` for those not asked for; it is
    /// empty when none is. Errors: a `USER` file with too few lines.
    pub fn pick_lines(
        &mut self,
        user: u32,
        files: &[FileId],
        mut random: impl FnMut(u64) -> u64,
    ) -> Result<Box<[u32]>, InfileError> {
        if files.is_empty() {
            return Ok(Box::default());
        }
        let mut lines = vec![u32::MAX; self.files.len()].into_boxed_slice();
        for FileId(at) in files {
            let at = usize::from(*at);
            if let (Some(file), Some(line)) = (self.files.get_mut(at), lines.get_mut(at)) {
                *line = file.pick_line(user, &mut random)?;
            }
        }
        Ok(lines)
    }
}
