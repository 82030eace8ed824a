//! One pair of scenarios, run with the packaged SIPp on both ends and with ours on either end: the wire, the
//! logs and the exit codes must be the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::impair::{Impair, Way};
use crate::mask::Mask;
use crate::ports;
use crate::programs::{self, Missing, Running};
use crate::run::Verdict;

/// `pair.toml`; the folder holds `uac.xml` and `uas.xml` besides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// What the pair shows, one sentence.
    pub about: String,
    /// More arguments of the calling side; `{dir}` is the run's directory.
    #[serde(default)]
    pub uac_args: String,
    /// More arguments of the called side.
    #[serde(default)]
    pub uas_args: String,
    /// Calls, one after the other.
    #[serde(default = "one")]
    pub calls: u32,
    /// Patterns of what else differs from run to run, e.g. nonces.
    #[serde(default)]
    pub mask: Vec<String>,
    /// The called side is not waited for: its scenario does not end by itself.
    #[serde(default)]
    pub uas_stays: bool,
    /// A difference that is known and not mended yet: the pair is listed as ignored.
    pub known_gap: Option<String>,
    /// How often the first copy of a message is lost on the link: `INVITE`, `200 INVITE`, …
    #[serde(default)]
    pub lost: Vec<String>,
}

fn one() -> u32 {
    1
}

/// What came out of one run.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    to_uas: Vec<String>,
    to_uac: Vec<String>,
    uac_log: String,
    uas_log: String,
    uac_exit: Option<i32>,
    uas_exit: Option<i32>,
}

/// How long one side may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Reads the `pair.toml` of `folder`. Errors: what is wrong in it.
pub fn load(folder: &Path) -> Result<Pair, String> {
    let text = fs::read_to_string(folder.join("pair.toml")).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| format!("pair.toml: {error}"))
}

/// Runs the pair in `folder`; the packaged SIPp is the measure.
pub fn compare(pair: &Pair, folder: &Path, scratch: &Path) -> Verdict {
    if let Err(Missing::Original(what)) = programs::locate("packaged-sipp") {
        return Verdict::Skipped(what);
    }
    let one = |uac: &str, uas: &str| {
        Side { pair, folder, directory: scratch.join(format!("{uac}-{uas}")) }.run(uac, uas)
    };
    let expected = match one("packaged-sipp", "packaged-sipp") {
        Ok(expected) => expected,
        Err(what) => return Verdict::Failed(format!("original on both ends: {what}")),
    };
    for (uac, uas) in [("sipp", "packaged-sipp"), ("packaged-sipp", "sipp"), ("sipp", "sipp")] {
        match one(uac, uas) {
            Ok(seen) => {
                if let Some(difference) = difference(&expected, &seen) {
                    return Verdict::Failed(format!("{uac} calls {uas}: {difference}"));
                }
            }
            Err(what) => return Verdict::Failed(format!("{uac} calls {uas}: {what}")),
        }
    }
    Verdict::Passed
}

struct Side<'a> {
    pair: &'a Pair,
    folder: &'a Path,
    directory: PathBuf,
}

impl Side<'_> {
    fn run(&self, uac: &str, uas: &str) -> Result<Outcome, String> {
        let _ = fs::remove_dir_all(&self.directory);
        for side in ["uac", "uas"] {
            let own = self.directory.join(side);
            fs::create_dir_all(&own).map_err(|error| error.to_string())?;
            for entry in fs::read_dir(self.folder).map_err(|error| error.to_string())?.filter_map(Result::ok)
            {
                fs::copy(entry.path(), own.join(entry.file_name())).map_err(|error| error.to_string())?;
            }
        }
        let (uac_port, uas_port, link_port) = (ports::free()?, ports::free()?, ports::free()?);
        let link =
            Impair::start(link_port, uas_port, self.pair.lost.clone()).map_err(|error| error.to_string())?;
        let mut called = self.start("uas", uas, &format!("-p {uas_port}"), &self.pair.uas_args)?;
        called.wait_until(LIMIT, || ports::is_bound("udp", uas_port))?;
        let place = format!("127.0.0.1:{link_port} -p {uac_port}");
        let mut calling = self.start("uac", uac, &place, &self.pair.uac_args)?;
        let uac_exit =
            calling.wait(LIMIT).map_err(|what| format!("{what}\n{}", called.output("err")))?.code();
        let uas_exit = if self.pair.uas_stays {
            called.end();
            None
        } else {
            called.wait(LIMIT)?.code()
        };
        let mut mask = Mask::times();
        for (number, name) in [
            (u32::from(uac_port), "UAC"),
            (u32::from(uas_port), "UAS"),
            (u32::from(link_port), "LINK"),
            (calling.pid(), "UACPID"),
            (called.pid(), "UASPID"),
        ] {
            mask.number(number, name);
        }
        for pattern in &self.pair.mask {
            mask.add(pattern, "MASKED")?;
        }
        let recording = link.recording();
        let way = |wanted: Way| {
            let mut texts: Vec<String> = recording
                .iter()
                .filter(|(way, _)| *way == wanted)
                .map(|(_, packet)| mask.apply(&String::from_utf8_lossy(packet)))
                .collect();
            // A retransmission depends on the machine's mood.
            texts.dedup();
            texts
        };
        let outcome = Outcome {
            to_uas: way(Way::ToServer),
            to_uac: way(Way::ToClient),
            uac_log: mask.apply(&self.log("uac")),
            uas_log: mask.apply(&self.log("uas")),
            uac_exit,
            uas_exit,
        };
        let _ = fs::remove_dir_all(&self.directory);
        Ok(outcome)
    }

    fn start(&self, side: &str, program: &str, place: &str, more: &str) -> Result<Running, String> {
        let path = programs::locate(program).map_err(|missing| format!("{missing:?}"))?;
        let directory = self.directory.join(side);
        let calls = self.pair.calls;
        let line =
            format!("-sf {side}.xml {place} -i 127.0.0.1 -m {calls} -l 1 -r 20 -nostdin -trace_logs {more}");
        let line = line.replace("{dir}", &directory.display().to_string());
        let args: Vec<String> = line.split_whitespace().map(str::to_string).collect();
        Running::start(&path, &args, &directory, side)
    }

    fn log(&self, side: &str) -> String {
        let entries = fs::read_dir(self.directory.join(side)).into_iter().flatten().filter_map(Result::ok);
        let logs = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with("_logs.log"));
        logs.map(|entry| fs::read_to_string(entry.path()).unwrap_or_default()).collect()
    }
}

/// The first thing that differs, with both texts.
fn difference(expected: &Outcome, seen: &Outcome) -> Option<String> {
    for (name, wanted, got) in
        [("to the uas", &expected.to_uas, &seen.to_uas), ("to the uac", &expected.to_uac, &seen.to_uac)]
    {
        if wanted != got {
            let place =
                wanted.iter().zip(got).position(|(a, b)| a != b).unwrap_or(wanted.len().min(got.len()));
            let nothing = "(nothing)\n".to_string();
            let text = |list: &Vec<String>| list.get(place).unwrap_or(&nothing).clone();
            return Some(format!(
                "message {place} {name} differs ({} and {} messages)\n--- original\n{}--- ours\n{}",
                wanted.len(),
                got.len(),
                text(wanted),
                text(got)
            ));
        }
    }
    for (name, wanted, got) in
        [("uac log", &expected.uac_log, &seen.uac_log), ("uas log", &expected.uas_log, &seen.uas_log)]
    {
        if wanted != got {
            return Some(format!("{name} differs\n--- original\n{wanted}\n--- ours\n{got}"));
        }
    }
    for (name, wanted, got) in
        [("uac", expected.uac_exit, seen.uac_exit), ("uas", expected.uas_exit, seen.uas_exit)]
    {
        if wanted != got {
            return Some(format!("exit code of the {name}: original {wanted:?}, ours {got:?}"));
        }
    }
    None
}
