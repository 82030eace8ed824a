//! The files of numbers that one scenario has: statistics, counts, response times, and the reports of the run.

use std::io::Write;
use std::path::Path;

use crate::options::Traces;
use crate::stats::csv::{self, Bins};
use crate::stats::layout::Part;
use crate::stats::report;
use crate::stats::snapshot::{Baseline, Snapshot};
use crate::stats::verdict;

use super::has_closing_screens;
use super::link::Batch;

/// The files of numbers.
#[derive(Default)]
pub(super) struct Tables {
    /// Whose.
    part: Part,
    stat: Option<Table>,
    counts: Option<Table>,
    error_codes: Option<Table>,
    response_times: Option<Table>,
    report: Option<Table>,
    junit: Option<Table>,
    /// Where the periodic columns of the next row begin.
    since: Baseline,
    bins: Bins,
    /// Names of the response times.
    timers: Vec<String>,
    /// What could not be written, until somebody takes it.
    problems: Vec<String>,
    /// Response times not written yet.
    waiting: usize,
    pending: String,
}

/// One file of numbers.
struct Table {
    name: String,
    file: std::fs::File,
}

impl Tables {
    /// `main`: how the names of the main scenario's files begin; those of another one must differ.
    pub(super) fn open(
        (options, junit): (&Traces, Option<&str>),
        (part, stem): (Part, &str),
        main: &str,
    ) -> Result<Tables, String> {
        let is_main = part == Part::Main;
        let stem = &if is_main || stem != main { stem.to_owned() } else { format!("{stem}_{}", part.word()) };
        let table = |on: bool, name: String| -> Result<Option<Table>, String> {
            if !on {
                return Ok(None);
            }
            let file = std::fs::File::create(&name);
            let file = file.map_err(|error| format!("Unable to create '{name}': {error}"))?;
            Ok(Some(Table { name, file }))
        };
        let given = options.stat.file.as_ref();
        let given = given.map(|name| if is_main { name.clone() } else { beside(name, part) });
        let stat = given.unwrap_or_else(|| format!("{stem}_.csv"));
        Ok(Tables {
            part,
            stat: table(options.stat.on, stat)?,
            counts: table(options.counts, format!("{stem}_counts.csv"))?,
            error_codes: table(options.error_codes, format!("{stem}_error_codes.csv"))?,
            response_times: table(options.response_times, format!("{stem}_rtt.csv"))?,
            // Opened now, so that a wrong name is told before the run and not after it.
            report: table(is_main && options.report.is_some(), options.report.clone().unwrap_or_default())?,
            junit: table(is_main && junit.is_some(), junit.unwrap_or_default().to_owned())?,
            ..Tables::default()
        })
    }

    /// Titles and the row of zeros.
    pub(super) fn begin(&mut self, snapshot: &Snapshot, options: &Traces) {
        let delimiter = options.delimiter.as_str();
        self.timers.clone_from(&snapshot.layout.response_times);
        self.put(|tables| &mut tables.stat, &csv::stat_header(snapshot, delimiter));
        self.put(
            |tables| &mut tables.counts,
            &csv::counts_header(&snapshot.layout, snapshot.setup.lossy, delimiter),
        );
        self.put(|tables| &mut tables.response_times, &csv::rtt_header(delimiter));
        self.row(snapshot, options);
    }

    pub(super) fn row(&mut self, snapshot: &Snapshot, options: &Traces) {
        let delimiter = options.delimiter.as_str();
        if self.since.restart(snapshot) {
            self.bins = Bins::default();
        }
        self.put(|tables| &mut tables.stat, &csv::stat_row(snapshot, &self.since, &self.bins, delimiter));
        self.put(|tables| &mut tables.counts, &csv::counts_row(snapshot, delimiter));
        self.put(
            |tables| &mut tables.error_codes,
            &csv::error_codes_row(snapshot, &snapshot.counters.error_codes, delimiter),
        );
        self.since = Baseline::of(snapshot);
        if options.periodic_repartition {
            self.bins = Bins::of(snapshot);
        }
    }

    pub(super) fn response_times(&mut self, batch: &Batch, options: &Traces) {
        for (at, took, (part, timer)) in &batch.response_times {
            if *part != self.part {
                continue;
            }
            let name = self.timers.get(usize::from(*timer)).map_or("", String::as_str);
            self.pending.push_str(&csv::rtt_row(*at, *took, name, &options.delimiter));
            self.waiting += 1;
            if self.waiting >= options.response_times_batch {
                self.flush_response_times();
            }
        }
    }

    /// The last response times; and the reports, which are about all scenarios.
    pub(super) fn close(&mut self, snapshots: &[Snapshot]) {
        self.flush_response_times();
        let Some((main, others)) = snapshots.split_first() else { return };
        self.put(|tables| &mut tables.report, &report::json(main, others));
        let judged = verdict::judge(main, &main.setup.rules.conditions);
        let cases = snapshots.iter().filter(|snapshot| has_closing_screens(snapshot)).collect::<Vec<_>>();
        self.put(|tables| &mut tables.junit, &verdict::junit(&cases, &judged));
    }

    /// Appends text; a table that cannot be written (disk full) is given up, the run goes on.
    fn put(&mut self, table: fn(&mut Tables) -> &mut Option<Table>, text: &str) {
        let place = table(self);
        let Some(open) = place else { return };
        if let Err(error) = open.file.write_all(text.as_bytes()) {
            let problem = format!("Unable to write '{}': {error}", open.name);
            *place = None;
            self.problems.push(problem);
        }
    }

    /// What could not be written since the last time.
    pub(super) fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    fn flush_response_times(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.put(|tables| &mut tables.response_times, &pending);
        self.waiting = 0;
    }
}

/// The name of another scenario's file beside the one that an option names: `a/stat.csv` gives `a/stat_rx.csv`.
fn beside(name: &str, part: Part) -> String {
    let path = Path::new(name);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map_or(String::new(), |end| format!(".{}", end.to_string_lossy()));
    path.with_file_name(format!("{stem}_{}{extension}", part.word())).to_string_lossy().into_owned()
}
