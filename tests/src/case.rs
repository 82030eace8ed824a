//! The contents of an `expect.toml`: what is started, in which order, and what must come out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One folder below `cases/`.
#[derive(Debug)]
pub struct Case {
    /// `area/name`, from the folder.
    pub name: String,
    /// The folder; its files are copied, placeholders filled in, before anything starts.
    pub folder: PathBuf,
    /// The file's contents.
    pub plan: Plan,
}

/// `expect.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the case proves, one sentence.
    pub about: String,
    /// Runs of the case; names and words that replace `{word}` in programs, arguments and files.
    /// Without any, the case runs once.
    #[serde(default)]
    pub variant: Vec<BTreeMap<String, String>>,
    /// Files of the area's `parts` folder that the case uses besides its own.
    #[serde(default)]
    pub parts: Vec<String>,
    /// Programs in the order they start.
    pub step: Vec<Step>,
}

/// One program of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `sipp`, `sip-proxy`, `packaged-sipp`, `kamailio`, `sh` or `impair`; may be a `{word}` of the variant.
    pub program: String,
    /// Arguments, split at blanks; placeholders: `{port.NAME}`, `{dir}`, `{top}`, `{proxy_path}`, `{peer_calls}` (100, or what the
    /// environment's `PEER_CALLS` says) and the variant's words.
    #[serde(default)]
    pub args: String,
    /// `NAME` of the port that is bound once the program is ready; then the next step starts. Without it the
    /// case waits for the program's end.
    pub ready: Option<String>,
    /// Transport of `ready`: `udp` (default) or `tcp`, or SIPp's `u1`, `t1`; may be a `{word}`.
    #[serde(default)]
    pub ready_on: String,
    /// How long the program may take, in seconds.
    #[serde(default = "default_timeout")]
    pub timeout_s: u64,
    /// What must come out; a program still running behind the last step is waited for when this names an exit
    /// code, otherwise it is ended.
    #[serde(default)]
    pub expect: Expect,
}

/// What must come out of a program.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Exit code.
    pub exit: Option<i32>,
    /// `Successful call`, cumulative, of the closing statistics: a number or a `{word}`.
    pub successful: Option<String>,
    /// `Failed call`, cumulative, of the closing statistics: a number or a `{word}`.
    pub failed: Option<String>,
    /// Texts that standard output must hold.
    #[serde(default)]
    pub stdout: Vec<String>,
    /// Texts that standard error must hold.
    #[serde(default)]
    pub stderr: Vec<String>,
    /// Texts that files must hold: name in the case's directory (`*` stands for anything), text.
    #[serde(default)]
    pub file: BTreeMap<String, Vec<String>>,
}

fn default_timeout() -> u64 {
    40
}

/// All cases below `folder`, by name. Errors: the file and what is wrong in it.
pub fn load_all(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for area in folders(folder)? {
        for case in folders(&area)? {
            let file = case.join("expect.toml");
            if !file.exists() {
                continue;
            }
            let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
            let plan = toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
            let name = case.strip_prefix(folder).map_err(|error| error.to_string())?.display().to_string();
            cases.push(Case { name, folder: case, plan });
        }
    }
    Ok(cases)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut found: Vec<PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    Ok(found)
}
