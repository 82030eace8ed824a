//! Media files: where they are looked for, and that each is read once.
//!
//! What a scenario names outright is read before the run; names made of keywords when first played.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::lang::{FileUse, MediaFile};
use crate::media::payload::Format;
use crate::media::{Capture, Samples};

/// The media files of a run.
#[derive(Debug, Default)]
pub(in crate::engine) struct Library {
    /// The folders of the scenario files.
    folders: Vec<PathBuf>,
    captures: FxHashMap<String, Arc<Capture>>,
    samples: FxHashMap<String, Samples>,
    /// What is worth a warning about files that were found.
    pub(in crate::engine) notes: Vec<String>,
}

impl Library {
    /// The same files for another engine, which need not speak of them again.
    pub(in crate::engine) fn shared(&self) -> Library {
        Library {
            folders: self.folders.clone(),
            captures: self.captures.clone(),
            samples: self.samples.clone(),
            notes: Vec::new(),
        }
    }

    /// Files are also looked for beside the scenario of that file.
    pub(super) fn look_beside(&mut self, scenario: &Path) {
        self.folders.extend(scenario.parent().map(Path::to_owned));
    }

    /// Reads a file that a scenario names. Error: one line that says what is wrong with it.
    pub(super) fn load(&mut self, file: &MediaFile) -> Result<(), String> {
        match file.use_as {
            FileUse::Capture => self.capture(&file.path).map(drop),
            FileUse::Samples(format) => self.samples(&file.path, format).map(drop),
        }
    }

    /// A capture. Error: one line that says what is wrong with it.
    pub(in crate::engine) fn capture(&mut self, name: &str) -> Result<Arc<Capture>, String> {
        if let Some(known) = self.captures.get(name) {
            return Ok(Arc::clone(known));
        }
        let bytes = self.read(name)?;
        let capture = Capture::parse(&bytes).map_err(|error| format!("Cannot replay {name}: {error}"))?;
        if capture.skipped() > 0 {
            let count = capture.skipped();
            self.notes.push(format!("{name}: {count} packet(s) that are not UDP are not replayed"));
        }
        let capture = Arc::new(capture);
        self.captures.insert(name.into(), Arc::clone(&capture));
        Ok(capture)
    }

    /// A file to stream in that format. Error: one line that says what is wrong with it.
    pub(in crate::engine) fn samples(&mut self, name: &str, format: &Format) -> Result<Samples, String> {
        let samples = match self.samples.get(name) {
            Some(known) => known.clone(),
            None => {
                let bytes = self.read(name)?;
                let read =
                    Samples::parse(&bytes).map_err(|error| format!("Cannot stream {name}: {error}"))?;
                self.samples.insert(name.into(), read.clone());
                read
            }
        };
        samples.check(format).map_err(|error| format!("Cannot stream {name}: {error}"))?;
        Ok(samples)
    }

    /// The content of a file, at most as much as a capture may have.
    fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let refuse = |error: String| format!("Cannot read/cache media file {name}: {error}");
        let Some(path) = self.find(name) else {
            let embedded = EMBEDDED.iter().find(|(known, _)| *known == name);
            return embedded.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| {
                refuse("not found beside the scenario, in the working directory or in its folder pcap".into())
            });
        };
        let file = File::open(&path).map_err(|error| refuse(error.to_string()))?;
        let limit = Capture::MAX_BYTES as u64;
        let too_large = || refuse(format!("it is larger than {} MiB", limit >> 20));
        // Asked first, so that nothing of a huge file is read; a pipe has no length.
        if file.metadata().is_ok_and(|about| about.len() > limit) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| refuse(error.to_string()))?;
        if bytes.len() as u64 > limit {
            return Err(too_large());
        }
        Ok(bytes)
    }

    /// SIPp's order: `~` is the home directory; an absolute path stays; else beside the scenario, then in the
    /// working directory. Ours besides: the folder `pcap` of the working directory.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let home = name.strip_prefix("~/").zip(std::env::home_dir()).map(|(rest, home)| home.join(rest));
        let named = home.unwrap_or_else(|| PathBuf::from(name));
        let is_file = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.is_file());
        if named.is_absolute() {
            return Some(named).filter(is_file);
        }
        let beside = self.folders.iter().map(|folder| folder.join(&named));
        beside.chain([named.clone(), Path::new("pcap").join(&named)]).find(is_file)
    }
}

/// The samples that built-in scenarios play, so that these run in any directory.
const EMBEDDED: &[(&str, &[u8])] = &[
    ("pcap/g711a.pcap", include_bytes!("../../../../pcap/g711a.pcap")),
    ("pcap/dtmf_2833_1.pcap", include_bytes!("../../../../pcap/dtmf_2833_1.pcap")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_of_built_in_scenarios_are_found_anywhere() {
        let mut library = Library::default();
        for (name, _) in EMBEDDED {
            assert!(library.capture(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Library::default().capture("no/such.pcap").expect_err("missing");
        assert!(error.contains("no/such.pcap") && error.contains("not found"), "{error}");
    }
}
