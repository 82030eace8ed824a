//! Several programs that play one piece: run with the packaged SIPp in every part, then with ours in each part in
//! turn and in all; the wires between them, the logs and the exit codes must be the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use crate::impair::{Impair, Way};
use crate::mask::Mask;
use crate::ports;
use crate::programs::{self, Missing, Running};
use crate::run::Verdict;
use crate::stream_link::StreamLink;
use crate::words::Words;

/// `ensemble.toml`; the folder's other files are copied into the directory of each part.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// What it shows, one sentence.
    pub about: String,
    /// The wires that are compared.
    pub wire: Vec<Wire>,
    /// The programs in the order they start.
    pub part: Vec<Part>,
    /// Patterns of what else differs from run to run.
    #[serde(default)]
    pub mask: Vec<String>,
}

/// A recorded wire: `{port.NAME}` leads to `{port.NAME_end}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wire {
    /// Its name.
    pub name: String,
    /// `udp` or `tcp`.
    pub on: String,
}

/// One program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Arguments behind those every part gets.
    pub args: String,
    /// `udp NAME` or `tcp NAME`: the port that is bound once the next part may start.
    pub ready: Option<String>,
}

/// What came out of one run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Name of a wire with its way, and what was said.
    wires: Vec<(String, Vec<String>)>,
    /// Name of a part, its log and its exit code.
    parts: Vec<(String, String, Option<i32>)>,
}

/// How long one part may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Reads the `ensemble.toml` of `folder`. Errors: what is wrong in it.
pub fn load(folder: &Path) -> Result<Ensemble, String> {
    let text = fs::read_to_string(folder.join("ensemble.toml")).map_err(|error| error.to_string())?;
    toml::from_str(&text).map_err(|error| format!("ensemble.toml: {error}"))
}

/// Plays it with every mix; the packaged SIPp in all parts is the measure.
pub fn compare(ensemble: &Ensemble, folder: &Path, scratch: &Path) -> Verdict {
    if let Err(Missing::Original(what)) = programs::locate("packaged-sipp") {
        return Verdict::Skipped(what);
    }
    let mut mixes = vec![Mix { who: "original".into(), ours: Vec::new() }];
    for (at, part) in ensemble.part.iter().enumerate() {
        mixes.push(Mix { who: format!("ours in {}", part.name), ours: vec![at] });
    }
    mixes.push(Mix { who: "ours in all".into(), ours: (0..ensemble.part.len()).collect() });
    let play = |mix: &Mix| {
        let directory = scratch.join(mix.who.replace(' ', "_"));
        let stage = Stage { ensemble, folder, directory, words: Words::default() };
        stage.play(&mix.ours).map_err(|what| format!("{}: {what}", mix.who))
    };
    // The programs mostly wait, so all mixes play at the same time.
    let outcomes: Vec<Result<Outcome, String>> = thread::scope(|scope| {
        let players: Vec<_> = mixes.iter().map(|mix| scope.spawn(|| play(mix))).collect();
        players
            .into_iter()
            .map(|player| player.join().unwrap_or_else(|_| Err("a player panicked".into())))
            .collect()
    });
    let mut outcomes = outcomes.into_iter();
    let expected = match outcomes.next().unwrap_or_else(|| Err("nothing was played".into())) {
        Ok(expected) => expected,
        Err(what) => return Verdict::Failed(what),
    };
    for (seen, mix) in outcomes.zip(&mixes[1..]) {
        match seen.map(|seen| difference(&expected, &seen)) {
            Ok(None) => {}
            Ok(Some(difference)) => return Verdict::Failed(format!("{}: {difference}", mix.who)),
            Err(what) => return Verdict::Failed(what),
        }
    }
    Verdict::Passed
}

/// Who plays which part.
struct Mix {
    who: String,
    /// The parts that are ours.
    ours: Vec<usize>,
}

struct Stage<'a> {
    ensemble: &'a Ensemble,
    folder: &'a Path,
    directory: PathBuf,
    words: Words,
}

enum Link {
    Datagrams(Impair),
    Stream(StreamLink),
}

impl Stage<'_> {
    fn play(mut self, ours: &[usize]) -> Result<Outcome, String> {
        let _ = fs::remove_dir_all(&self.directory);
        let links = self.links()?;
        let mut running = Vec::new();
        for (at, part) in self.ensemble.part.iter().enumerate() {
            running.push(self.start(part, if ours.contains(&at) { "sipp" } else { "packaged-sipp" })?);
        }
        let mut exits = Vec::new();
        for program in &mut running {
            exits.push(program.wait(LIMIT)?.code());
        }
        let mut mask = Mask::times();
        for (name, port) in self.words.ports() {
            mask.number(port, &name.to_uppercase());
        }
        for (program, part) in running.iter().zip(&self.ensemble.part) {
            mask.number(program.pid(), &format!("PID of {}", part.name));
        }
        for pattern in &self.ensemble.mask {
            mask.add(pattern, "MASKED")?;
        }
        let parts = self.ensemble.part.iter().zip(exits);
        let parts =
            parts.map(|(part, exit)| (part.name.clone(), mask.apply(&self.log(part)), exit)).collect();
        let wires = self.ensemble.wire.iter().zip(&links);
        let wires = wires.flat_map(|(wire, link)| recorded(wire, link, &mask)).collect();
        let _ = fs::remove_dir_all(&self.directory);
        Ok(Outcome { wires, parts })
    }

    fn links(&mut self) -> Result<Vec<Link>, String> {
        let mut links = Vec::new();
        for wire in &self.ensemble.wire {
            let (front, end) =
                (self.words.port(&wire.name)?, self.words.port(&format!("{}_end", wire.name))?);
            let link = match wire.on.as_str() {
                "tcp" => StreamLink::start(front, end).map(Link::Stream),
                _ => Impair::start(front, end, Vec::new()).map(Link::Datagrams),
            };
            links.push(link.map_err(|error| format!("wire {}: {error}", wire.name))?);
        }
        Ok(links)
    }

    fn start(&mut self, part: &Part, program: &str) -> Result<Running, String> {
        let directory = self.directory.join(&part.name);
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        for entry in fs::read_dir(self.folder).map_err(|error| error.to_string())?.filter_map(Result::ok) {
            self.words.copy(&entry.path(), &directory)?;
        }
        let line = format!("{} -i 127.0.0.1 -nostdin -trace_logs", part.args);
        let args: Vec<String> = self.words.fill(&line)?.split_whitespace().map(str::to_string).collect();
        let path = programs::locate(program).map_err(|missing| format!("{missing:?}"))?;
        let mut running = Running::start(&path, &args, &directory, &part.name)?;
        if let Some((table, name)) = part.ready.as_ref().and_then(|ready| ready.split_once(' ')) {
            let port = self.words.port(name)?;
            running.wait_until(LIMIT, || ports::is_bound(table, port))?;
        }
        Ok(running)
    }

    fn log(&self, part: &Part) -> String {
        let entries =
            fs::read_dir(self.directory.join(&part.name)).into_iter().flatten().filter_map(Result::ok);
        let logs = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with("_logs.log"));
        logs.map(|entry| fs::read_to_string(entry.path()).unwrap_or_default()).collect()
    }
}

/// Both ways of a wire: its messages; those of a stream end in ESC, as commands between twins do.
fn recorded(wire: &Wire, link: &Link, mask: &Mask) -> Vec<(String, Vec<String>)> {
    [(Way::ToServer, "to"), (Way::ToClient, "from")]
        .into_iter()
        .map(|(way, word)| {
            let mut texts: Vec<String> = match link {
                Link::Datagrams(link) => {
                    let packets = link.recording().into_iter().filter(|(to, _)| *to == way);
                    packets.map(|(_, packet)| String::from_utf8_lossy(&packet).into_owned()).collect()
                }
                Link::Stream(link) => {
                    let streams =
                        link.streams().into_iter().filter(|(to, said)| *to == way && !said.is_empty());
                    let said: Vec<u8> = streams.flat_map(|(_, said)| said).collect();
                    said.split_inclusive(|byte| *byte == 0x1b)
                        .map(|text| String::from_utf8_lossy(text).into_owned())
                        .collect()
                }
            };
            texts.iter_mut().for_each(|text| *text = mask.apply(text));
            // A retransmission depends on the machine's mood.
            texts.dedup();
            (format!("{word} {}", wire.name), texts)
        })
        .collect()
}

/// `text` with the ends of its lines to be seen, since they may be all that differs.
fn visible(text: &str) -> String {
    text.escape_debug().to_string().replace("\\n", "\\n\n")
}

/// The first thing that differs, with both texts.
fn difference(expected: &Outcome, seen: &Outcome) -> Option<String> {
    for ((name, wanted), (_, got)) in expected.wires.iter().zip(&seen.wires) {
        if wanted != got {
            let first = wanted.iter().zip(got).position(|(a, b)| a != b);
            let place = first.unwrap_or(wanted.len().min(got.len()));
            let text = |list: &[String]| list.get(place).map_or("(nothing)".into(), |text| visible(text));
            let counts = format!("{} and {} messages", wanted.len(), got.len());
            let (wanted, got) = (text(wanted), text(got));
            return Some(format!(
                "message {place} {name} differs ({counts})\n--- original\n{wanted}\n--- ours\n{got}"
            ));
        }
    }
    for ((name, log, exit), (_, our_log, our_exit)) in expected.parts.iter().zip(&seen.parts) {
        if log != our_log {
            return Some(format!("log of {name} differs\n--- original\n{log}\n--- ours\n{our_log}"));
        }
        if exit != our_exit {
            return Some(format!("exit code of {name}: original {exit:?}, ours {our_exit:?}"));
        }
    }
    None
}
