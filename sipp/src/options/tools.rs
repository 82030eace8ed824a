//! Options that look at scenarios without any traffic.

use sip::diag::Format;

use super::Options;
use super::network::HostPort;
use super::row::{ANY, Effect, Row};
use super::scenario::Source;

/// What is done instead of a run.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// `--check` or `--dry-run`; `None` runs the scenario.
    pub task: Option<Task>,
    /// The word behind it: a scenario file, or what stands there when `-sf` or `-sn` names the scenario.
    pub(super) word: Option<String>,
    /// `--format` of the report of `--check`.
    pub format: Format,
    /// `--against`: the other scenario of a dry run.
    pub against: Option<Source>,
    /// `--loss`: how many messages of a dry run are lost, in percent.
    pub loss_percent: f64,
    /// `--seed` of a dry run.
    pub seed: u64,
}

/// Something to do with a scenario besides running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Look for mistakes.
    Check,
    /// Run it against another one on a simulated clock.
    DryRun,
}

impl Task {
    fn option(self) -> &'static str {
        match self {
            Task::Check => "check",
            Task::DryRun => "dry-run",
        }
    }
}

impl Tools {
    fn ask(&mut self, task: Task, word: Option<&str>) {
        self.task = Some(task);
        self.word = word.map(str::to_owned);
    }
}

/// Decides what the word behind `-check` or `-dry-run` is: the scenario, or, when `-sf` or `-sn` names one, the remote
/// host of a command line that the option was put in front of.
///
/// Errors: the line to show, when no scenario is named at all.
pub(super) fn settle(options: &mut Options) -> Result<(), String> {
    let Some(task) = options.tools.task else { return Ok(()) };
    match (options.tools.word.take(), &options.scenario.main) {
        (Some(file), None) => options.scenario.choose(Source::File(file)),
        (Some(host), Some(_)) if options.network.remote.is_none() => {
            options.network.remote = Some(HostPort::parse(&host)?);
            Ok(())
        }
        (None, None) => {
            let name = task.option();
            Err(format!("Missing argument for param '-{name}': a scenario file, unless -sf or -sn names one"))
        }
        _ => Ok(()),
    }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["check"],
        value: "[FILE]",
        help: "Report every mistake and doubt in this scenario, or that of -sf or -sn, and in its injection files, \
               with places, and exit: 1 with mistakes, else 0.",
        effect: Effect::OptionalText(|options, word| options.tools.ask(Task::Check, word)),
    },
    Row {
        names: &["format"],
        value: "WORD",
        help: "Form of the report of -check: text, json or sarif. Default: text.",
        effect: Effect::Text(|options, word| {
            options.tools.format = match word {
                "text" => Format::Text,
                "json" => Format::Json,
                "sarif" => Format::Sarif,
                _ => return Err(format!("-format, \"{word}\" is none of text, json, sarif")),
            };
            Ok(())
        }),
    },
    Row {
        names: &["dry-run"],
        value: "[FILE]",
        help: "Run this scenario, or that of -sf or -sn, against that of -against on a simulated clock, without \
               sockets, and print what they say to each other. Also takes the name of a built-in scenario.",
        effect: Effect::OptionalText(|options, word| options.tools.ask(Task::DryRun, word)),
    },
    Row {
        names: &["against"],
        value: "FILE",
        help: "The other scenario of -dry-run, or the name of a built-in one. Default: uas.",
        effect: Effect::Text(|options, file| {
            options.tools.against = Some(Source::File(file.into()));
            Ok(())
        }),
    },
    Row {
        names: &["loss"],
        value: "PERCENT",
        help: "Messages of -dry-run that are lost on the way. Default: 0.",
        effect: Effect::Text(|options, text| {
            let number = text.strip_suffix('%').unwrap_or(text).parse::<f64>().ok();
            let percent = number.filter(|percent| (0.0..=100.0).contains(percent));
            let wrong = || format!("-loss, \"{text}\" is no percentage");
            options.tools.loss_percent = percent.ok_or_else(wrong)?;
            Ok(())
        }),
    },
    Row {
        names: &["seed"],
        value: "N",
        help: "Which chances -dry-run takes; the same number gives the same bytes. Default: 0.",
        effect: Effect::Int(ANY, |options, seed| options.tools.seed = seed.unsigned_abs()),
    },
];
