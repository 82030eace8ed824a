//! Failed calls at the desk: a list for the screen, the files of `-failures`, and the page of `-html`.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use crate::options::Watch;
use crate::page;
use crate::recorder::{Flight, capture, ladder};
use crate::stats::snapshot::Snapshot;
use crate::stats::times::Wall;

/// The failed calls that are kept, in the order they failed. Their memory is bounded by whoever sends them.
#[derive(Debug)]
pub(super) struct Flights {
    list: Vec<Arc<Flight>>,
    wall: Wall,
    files: Option<Files>,
    page: Option<File>,
}

/// Where their files go.
#[derive(Debug)]
struct Files {
    directory: PathBuf,
    /// `<scenario>_<pid>`.
    stem: String,
}

impl Flights {
    /// No failed calls yet. Errors: the directory or the page cannot be made or written; the line to show.
    pub(super) fn new(watch: &Watch, scenario: &str, pid: u32, wall: Wall) -> Result<Flights, String> {
        let files = match watch.failures.as_deref() {
            None => None,
            Some(directory) => {
                let refuse = |error| format!("Unable to write into '{directory}' (-failures): {error}");
                fs::create_dir_all(directory).map_err(refuse)?;
                let files = Files { directory: directory.into(), stem: format!("{scenario}_{pid}") };
                // Told now: after an hour of calls it would be too late.
                let probe = files.directory.join(format!("{}_probe", files.stem));
                fs::write(&probe, "").and_then(|()| fs::remove_file(&probe)).map_err(refuse)?;
                Some(files)
            }
        };
        let page = watch.page.as_ref().map(|name| {
            File::create(name).map_err(|error| format!("Unable to create '{name}' (-html): {error}"))
        });
        let page = page.transpose()?;
        Ok(Flights { list: Vec::new(), wall, files, page })
    }

    /// Takes a failed call and writes its files. Errors: a file cannot be written; no more are tried then.
    pub(super) fn add(&mut self, flight: Flight) -> Result<(), String> {
        self.list.push(Arc::new(flight));
        let (Some(files), Some(flight)) = (&self.files, self.list.last()) else { return Ok(()) };
        let written = files.write(self.list.len(), flight, self.wall);
        if written.is_err() {
            self.files = None;
        }
        written
    }

    /// The run is over: writes the page. Errors: it cannot be written.
    pub(super) fn finish(&mut self, snapshot: &Snapshot) -> Result<(), String> {
        let Some(page) = &mut self.page else { return Ok(()) };
        let text = page::html(snapshot, &self.list);
        page.write_all(text.as_bytes()).map_err(|error| format!("Unable to write the page of -html: {error}"))
    }

    /// All of them.
    pub(super) fn list(&self) -> &[Arc<Flight>] {
        &self.list
    }
}

impl Files {
    fn write(&self, number: usize, flight: &Flight, wall: Wall) -> Result<(), String> {
        let path = |ending: &str| self.directory.join(format!("{}_{number:03}.{ending}", self.stem));
        let packets =
            capture::pcapng(flight, wall).map_err(|error| format!("No packets of a call: {error}"))?;
        let parts = [(path("txt"), ladder::text(flight, wall).into_bytes()), (path("pcapng"), packets)];
        for (path, bytes) in parts {
            fs::write(&path, bytes)
                .map_err(|error| format!("Unable to write '{}': {error}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Flights;
    use crate::options::Watch;
    use crate::recorder::tests::refused;
    use crate::stats::times::Wall;

    fn watch(directory: &str) -> Watch {
        Watch { failures: Some(directory.into()), ..Watch::default() }
    }

    #[test]
    fn a_failed_call_is_a_text_and_a_capture() {
        let directory = std::env::temp_dir().join(format!("sipp-flights-{}", std::process::id()));
        let name = directory.display().to_string();
        let mut flights = Flights::new(&watch(&name), "uac", 7, Wall::default()).expect("it can be made");
        flights.add(refused()).expect("writable");
        let text = fs::read_to_string(directory.join("uac_7_001.txt")).expect("it was written");
        assert!(text.contains("404 instead of 200"), "{text}");
        let packets = fs::read(directory.join("uac_7_001.pcapng")).expect("it was written");
        assert_eq!(packets[..4], [0x0a, 0x0d, 0x0d, 0x0a], "a section header");
        assert_eq!(flights.list().len(), 1);
        fs::remove_dir_all(&directory).expect("ours");
    }

    #[test]
    fn a_directory_that_cannot_be_is_refused_at_once() {
        let refusal =
            Flights::new(&watch("/dev/null/x"), "uac", 7, Wall::default()).expect_err("no directory");
        assert!(refusal.starts_with("Unable to write into '/dev/null/x' (-failures)"), "{refusal}");
    }
}
