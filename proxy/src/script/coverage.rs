//! Counts which operations ran and tells it by lines of the configuration, as lcov's tracefiles do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::program::Script;

/// Runs of lines and blocks, by file; those of several scripts add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    files: BTreeMap<Arc<str>, FileHits>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct FileHits {
    /// Runs by line.
    lines: BTreeMap<u32, u64>,
    /// First line and runs by title of the block.
    blocks: BTreeMap<String, (u32, u64)>,
}

impl Script {
    /// Counts from now on how often each operation runs. Runs are a little slower then.
    pub fn count_hits(&mut self) {
        self.hits = Some((0..self.ops.len()).map(|_| AtomicU64::new(0)).collect());
    }

    pub(super) fn hit(&self, position: u32) {
        if let Some(hits) = &self.hits {
            hits[position as usize].fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Coverage {
    /// Adds what was counted in a script.
    pub fn add(&mut self, script: &Script) {
        let Some(hits) = &script.hits else { return };
        let hits = |position: u32| hits.get(position as usize).map_or(0, |hits| hits.load(Ordering::Relaxed));
        for statement in script.names.statements() {
            let file = self.files.entry(statement.file.clone()).or_default();
            let line = file.lines.entry(statement.line).or_default();
            *line = (*line).max(hits(statement.position));
        }
        for id in script.names.ids() {
            let entry = script.entries[id.0 as usize];
            if let Some(first) = script.names.statement(entry) {
                let file = self.files.entry(first.file.clone()).or_default();
                let block = file.blocks.entry(script.names.title(id)).or_insert((first.line, 0));
                block.1 += hits(entry);
            }
        }
    }

    /// Lines that ran, and all lines.
    pub fn lines(&self) -> (usize, usize) {
        let lines = || self.files.values().flat_map(|file| file.lines.values());
        (lines().filter(|hits| **hits > 0).count(), lines().count())
    }

    /// The text of an lcov tracefile.
    pub fn lcov(&self) -> String {
        let mut out = String::from("TN:\n");
        for (name, file) in &self.files {
            // Writing to a string cannot fail.
            let _ = file.write(name, &mut out);
        }
        out
    }
}

impl FileHits {
    fn write(&self, name: &str, out: &mut String) -> std::fmt::Result {
        writeln!(out, "SF:{name}")?;
        for (title, (line, _)) in &self.blocks {
            writeln!(out, "FN:{line},{title}")?;
        }
        for (title, (_, hits)) in &self.blocks {
            writeln!(out, "FNDA:{hits},{title}")?;
        }
        let hit = self.blocks.values().filter(|(_, hits)| *hits > 0).count();
        writeln!(out, "FNF:{}\nFNH:{hit}", self.blocks.len())?;
        for (line, hits) in &self.lines {
            writeln!(out, "DA:{line},{hits}")?;
        }
        let hit = self.lines.values().filter(|hits| **hits > 0).count();
        writeln!(out, "LF:{}\nLH:{hit}\nend_of_record", self.lines.len())
    }
}
