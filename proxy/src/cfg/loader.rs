//! Where files and environment variables come from: the one door through which loading sees the outside.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bytes::Bytes;

use super::limits;

/// Reads files and environment variables for the preprocessor.
pub trait Loader {
    /// The content of the file at `path`, relative paths from the working directory.
    ///
    /// Errors: `NotFound` lets the next place be tried; any other is reported. A file beyond the size limit
    /// is `FileTooLarge`.
    fn read(&self, path: &str) -> io::Result<Bytes>;

    /// The value of an environment variable.
    fn env(&self, name: &str) -> Option<Vec<u8>>;
}

/// Reads from disk and from the environment of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskLoader;

impl Loader for DiskLoader {
    fn read(&self, path: &str) -> io::Result<Bytes> {
        let mut text = Vec::new();
        // One byte more than allowed shows that a file is too long, also where it has no length (a pipe).
        std::fs::File::open(path)?.take(limits::MAX_FILE_BYTES as u64 + 1).read_to_end(&mut text)?;
        if text.len() > limits::MAX_FILE_BYTES {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(text.into())
    }

    fn env(&self, name: &str) -> Option<Vec<u8>> {
        std::env::var_os(name).map(|value| value.into_encoded_bytes())
    }
}

/// Files and variables in memory, for tests and for texts that are no files.
#[derive(Clone, Debug, Default)]
pub struct MemoryLoader {
    /// Path to content.
    pub files: BTreeMap<String, Bytes>,
    /// Variable to value.
    pub env: BTreeMap<String, String>,
}

impl Loader for MemoryLoader {
    fn read(&self, path: &str) -> io::Result<Bytes> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn env(&self, name: &str) -> Option<Vec<u8>> {
        self.env.get(name).map(|value| value.clone().into_bytes())
    }
}
