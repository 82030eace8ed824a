//! Routes of a configuration, run by the packaged Kamailio and by ours on the same messages: replies, forwarded
//! messages and log lines must be the same.
//!
//! A suite is one TOML file; all its cases share one start of each program. A case is the body of a route that
//! runs for messages to its user; a message to `sync` behind it tells when everything before was worked off.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::programs::{self, Missing};
use crate::stage::Stage;

/// One TOML file below `cases/language/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// What the suite shows, one sentence.
    pub about: String,
    /// Modules loaded besides sl, pv and xlog.
    #[serde(default)]
    pub modules: Vec<String>,
    /// Configuration text behind the modules: parameters, further routes.
    #[serde(default)]
    pub head: String,
    /// Files beside the configuration, by name; ports are placeholders in them too, `{nobody}` is one where nobody
    /// listens.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Arguments of `sip-proxy` for runs before the start, in the directory of the suite: databases are made so.
    /// Behind the word `sqlite3` arguments of that program.
    #[serde(default)]
    pub setup: Vec<Vec<String>>,
    /// `wait_ms` of the cases without one of their own: suites with functions that wait for a database need it.
    #[serde(default)]
    pub wait_ms: u64,
    /// Rows to compare at the end, a query each with `{name}` for the case's name: `["acc.sqlite", "SELECT ..."]`.
    #[serde(default)]
    pub rows: Vec<[String; 2]>,
    /// The cases.
    pub case: Vec<Case>,
}

/// One route body and the messages it sees.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Lower-case letters, digits, `_`; the user of the request URI of its messages, or what their field `X-Case` holds.
    pub name: String,
    /// Body of the route.
    #[serde(default)]
    pub route: String,
    /// Texts with variables, logged one by one behind the body.
    #[serde(default)]
    pub prints: Vec<String>,
    /// Expressions; the value of each is logged behind the prints, `-` when it fails.
    #[serde(default)]
    pub values: Vec<String>,
    /// Conditions; behind the values it is logged which hold.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// Method of the default message.
    #[serde(default = "options")]
    pub method: String,
    /// More header lines of the default message.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Whole messages instead of the default one; `{caller}`, `{called}`, `{called2}`, `{called3}`, `{proxy}`
    /// stand for ports, `{tag}` for the To tag of the last reply, `{route}` for its Record-Route,
    /// `{digest USER PASSWORD}` for an answer to its challenge.
    #[serde(default)]
    pub messages: Vec<String>,
    /// What each called side answers to a request other than ACK and CANCEL, in order: `["180", "200"]`.
    #[serde(default)]
    pub answers: Vec<Vec<String>>,
    /// How long to listen behind each message, for what timers and called sides bring, in milliseconds.
    #[serde(default)]
    pub wait_ms: u64,
    /// That nothing comes out, neither message nor log line, is what the case shows.
    #[serde(default)]
    pub silent: bool,
    /// A difference that is known and not mended yet: the case is listed as ignored.
    pub known_gap: Option<String>,
    /// Why ours differs on purpose, and what it does instead: log lines ours writes.
    pub ours_logs: Option<Vec<String>>,
    /// Why ours differs on purpose: start lines of replies that only the original sends.
    #[serde(default)]
    pub ours_omits: Vec<String>,
    /// Why ours differs on purpose: the start line ours refuses the message with before any script runs.
    pub ours_refuses: Option<String>,
}

fn options() -> String {
    "OPTIONS".to_string()
}

/// What came out of one case.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Messages that came back to the caller.
    pub replies: Vec<String>,
    /// Messages that went to the called side.
    pub forwarded: Vec<String>,
    /// Texts logged by the script, and records of module acc.
    pub logs: Vec<String>,
    /// Rows the suite's queries found.
    pub rows: Vec<String>,
}

/// All cases of a suite, by name.
pub type Outcomes = BTreeMap<String, Outcome>;

impl Suite {
    /// Reads a suite. Errors: the file and what is wrong in it.
    pub fn load(path: &Path) -> Result<Suite, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut suite: Suite =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        for case in suite.case.iter_mut().filter(|case| case.wait_ms == 0) {
            case.wait_ms = suite.wait_ms;
        }
        Ok(suite)
    }

    /// How long its cases listen, together.
    pub fn patience(&self) -> Duration {
        let waits = self.case.iter().map(|case| case.wait_ms * case.messages.len().max(1) as u64);
        Duration::from_millis(waits.sum())
    }

    /// Runs all cases with `program` (`kamailio` or `sip-proxy`). Errors: `Err(Missing)` when it is not there.
    pub fn run(&self, program: &str, directory: &Path) -> Result<Outcomes, Missing> {
        let path = programs::locate(program)?;
        Stage::start(self, program, &path, directory)
            .and_then(|mut stage| stage.cases(self))
            .map_err(Missing::Broken)
    }

    /// The configuration of all cases; the ports are still placeholders, `{proxy}`, `{caller}`, `{called}`.
    pub(crate) fn config(&self) -> String {
        let mut text = String::from(
            "#!KAMAILIO\ndebug=1\nlog_stderror=yes\nchildren=1\nauto_aliases=no\nlisten=udp:127.0.0.1:{proxy}\n",
        );
        let modules = ["sl", "pv", "xlog"].into_iter().chain(self.modules.iter().map(String::as_str));
        text.extend(modules.map(|module| format!("loadmodule \"{module}.so\"\n")));
        text.push_str(&self.head);
        text.push_str("\nrequest_route {\n\tif ($rU == \"sync\") {\n\t\txlog(\"L_ERR\", \"sync $ci\\n\");\n");
        text.push_str("\t\tsl_send_reply(\"200\", \"Sync\");\n\t\texit;\n\t}\n");
        for case in &self.case {
            text.push_str(&format!(
                "\tif ($rU == \"{0}\" || $hdr(X-Case) == \"{0}\") {{\n\t\troute(CASE_{0});\n\t\texit;\n\t}}\n",
                case.name
            ));
        }
        text.push_str("}\n");
        for case in &self.case {
            text.push_str(&format!("route[CASE_{}] {{\n{}\n}}\n", case.name, body(case)));
        }
        text
    }
}

/// The statements of a case, one log line for each thing it wants to know.
fn body(case: &Case) -> String {
    let mut text = case.route.clone();
    for print in &case.prints {
        text.push_str(&format!("\n\txlog(\"L_ERR\", \"{}: [{print}]\\n\");", label(print)));
    }
    for value in &case.values {
        let label = label(value);
        text.push_str(&format!(
            "\n\t$var(value) = \"-\"; $var(value) = {value}; xlog(\"L_ERR\", \"{label}: [$var(value)]\\n\");"
        ));
    }
    for condition in &case.conditions {
        let label = label(condition);
        text.push_str(&format!(
            "\n\tif ({condition}) xlog(\"L_ERR\", \"{label}: yes\\n\"); else xlog(\"L_ERR\", \"{label}: no\\n\");"
        ));
    }
    text
}

/// A text of the configuration as it can stand in a format without being evaluated.
fn label(text: &str) -> String {
    text.replace('$', "$$").replace('"', "'").replace('\\', "|")
}

/// The message a case sees unless it brings its own.
pub(crate) fn default_message(case: &Case) -> String {
    let (method, name) = (&case.method, &case.name);
    let headers: String = case.headers.iter().map(|line| format!("{line}\n")).collect();
    format!(
        "{method} sip:{name}@127.0.0.1:{{proxy}} SIP/2.0\n\
         Via: SIP/2.0/UDP 127.0.0.1:{{caller}};branch=z9hG4bK-{name}\n\
         From: \"Alice A\" <sip:alice@atlanta.example;x=1>;tag=a1\n\
         To: Bob <sip:bob@biloxi.example>\n\
         Call-ID: {name}\nCSeq: 7 {method}\nContact: <sip:alice@127.0.0.1:{{caller}}>\n\
         Max-Forwards: 70\nUser-Agent: suite\n{headers}Content-Length: 0\n\n"
    )
}

/// The message behind a case that tells when everything before was worked off.
pub(crate) fn sync_message(case: &str) -> String {
    format!(
        "OPTIONS sip:sync@127.0.0.1:{{proxy}} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:{{caller}};branch=z9hG4bKsync{case}\n\
         From: <sip:sync@a.example>;tag=1\nTo: <sip:sync@b.example>\nCall-ID: {case}\nCSeq: 1 OPTIONS\n\
         Content-Length: 0\n\n"
    )
}
