//! `include_file` and `import_file`: another text is read in place of the statement.

use super::lex::{Origin, Scanner};
use super::source::Pos;
use super::{codes, limits, text};

impl Scanner<'_> {
    /// The statement `include_file "name"`, whose keyword takes `len` bytes.
    pub(super) fn include_statement(&mut self, len: usize) {
        let pos = self.pos();
        let keyword = self.take(len);
        self.include(pos, &keyword[..] == b"import_file");
    }

    /// Reads the file that the rest of the line names; a missing one is no error if it is `optional`.
    pub(super) fn include(&mut self, pos: Pos, optional: bool) {
        let line = self.take_line();
        let line = line.trim_ascii();
        let body = match text::quoted_len(line) {
            Some(len) if line[0] == b'"' && is_end_of_line(&line[len..]) => &line[1..len - 1],
            _ => {
                self.findings.error(codes::INCLUDE, pos, "one file name in double quotes was expected");
                return;
            }
        };
        let mut name = text::unescape_path(body);
        self.apply_substs(pos, &mut name);
        let name = String::from_utf8_lossy(&name).into_owned();
        let depth = self.frames.iter().filter(|frame| matches!(frame.origin, Origin::File { .. })).count();
        if depth > limits::MAX_INCLUDE_DEPTH || self.sources.len() > limits::MAX_INCLUDES {
            let message = format!(
                "too many includes (limits: {} deep, {} in all)",
                limits::MAX_INCLUDE_DEPTH,
                limits::MAX_INCLUDES
            );
            self.findings.fatal(codes::LIMIT, pos, message);
            return;
        }
        self.enter_include(pos, &name, optional);
    }

    /// Looks the file up: as is from the working directory, then beside the including file.
    fn enter_include(&mut self, pos: Pos, name: &str, optional: bool) {
        let including_dir = self.frames.iter().rev().find_map(|frame| match &frame.origin {
            Origin::File { dir, .. } => Some(dir.as_str()),
            Origin::Define { .. } => None,
        });
        let beside = match including_dir {
            Some(dir) if !dir.is_empty() && !name.starts_with('/') => Some(format!("{dir}/{name}")),
            _ => None,
        };
        let mut missing = None;
        for path in std::iter::once(name.to_owned()).chain(beside) {
            match self.loader.read(&path) {
                Ok(text) => {
                    self.taken_in += text.len();
                    if text.len() > limits::MAX_FILE_BYTES || self.taken_in > limits::MAX_TAKEN_IN_BYTES {
                        let message = format!(
                            "{name} is too large (limit for all files: {} MB)",
                            limits::MAX_TAKEN_IN_BYTES >> 20
                        );
                        self.findings.fatal(codes::LIMIT, pos, message);
                        return;
                    }
                    return self.enter_file(name, directory_of(&path), text);
                }
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        let is_missing = missing.as_ref().is_none_or(|error| error.kind() == std::io::ErrorKind::NotFound);
        if !(optional && is_missing) {
            let reason = missing.map_or_else(String::new, |error| format!(": {error}"));
            self.findings.error(codes::INCLUDE, pos, format!("cannot read {name}{reason}"));
        }
    }
}

fn is_end_of_line(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.is_empty() || text.starts_with(b"#") || text.starts_with(b"//")
}

/// The directory part of a path, empty for none.
pub(super) fn directory_of(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((dir, _)) => dir.to_owned(),
        None => String::new(),
    }
}
