//! The TOML form of tests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

/// A file of tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestFile {
    /// Addresses of host names; a name that is not here does not exist.
    #[serde(default)]
    pub(super) hosts: BTreeMap<String, Vec<IpAddr>>,
    /// The tests.
    pub(super) test: Vec<Test>,
}

/// One test: steps in order, on a proxy that has just started.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    /// What it shows.
    pub(super) name: String,
    /// The steps.
    pub(super) step: Vec<Step>,
}

/// Something happens, and something is expected of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// A message that comes in: `METHOD uri`, or whole lines. Lines that every request has are added unless given.
    pub(super) send: Option<String>,
    /// `status reason` of an answer to the last request that was forwarded, from where it went.
    pub(super) answer: Option<String>,
    /// Time that passes: `500ms`, `30s`, `2m`, `1h`.
    pub(super) wait: Option<String>,
    /// `[proto:]address:port` the message comes from.
    pub(super) from: Option<String>,
    /// Which forwarded request is answered, counted from 1 within the step before that; else the last.
    pub(super) to: Option<usize>,
    /// More header fields of the message.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Its body.
    #[serde(default)]
    pub(super) body: String,
    /// `user:password` for the challenge that came last.
    pub(super) credentials: Option<String>,
    /// The request belongs to the dialog that the last reply with a To tag made.
    #[serde(default)]
    pub(super) in_dialog: bool,
    /// Send the text as it is.
    #[serde(default)]
    pub(super) raw: bool,
    /// All messages that leave in this step, in order; not looked at when it is missing.
    pub(super) expect: Option<Vec<Expected>>,
    /// Lines that are logged, in this order; others may stand between them.
    #[serde(default)]
    pub(super) log: Vec<String>,
    /// Lines that are not logged.
    #[serde(default)]
    pub(super) no_log: Vec<String>,
    /// Texts with variables and what they are at the end of the last run of the step.
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
}

/// A message that leaves. In all patterns `*` stands for anything.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Expected {
    /// Its first line.
    Line(String),
    /// More of it.
    Message(ExpectedMessage),
}

/// What is expected of a message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedMessage {
    /// First line.
    pub(super) line: String,
    /// `[proto:]address:port` it goes to.
    pub(super) to: Option<String>,
    /// Header fields: one of that name has this value.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Header fields it does not have.
    #[serde(default)]
    pub(super) absent: Vec<String>,
    /// Its body.
    pub(super) body: Option<String>,
}

impl TestFile {
    /// Reads a file. Errors: the file, the place and what is wrong there.
    pub(super) fn read(path: &Path) -> Result<TestFile, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// A span as tests write it. Errors: what was expected.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| format!("wait {text}: a number was expected"))?;
    match &text[digits..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3600))),
        unit => Err(format!("wait {text}: unknown unit {unit}, there are ms, s, m, h")),
    }
}
