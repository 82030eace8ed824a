//! Scenarios and what they read: texts, injection files, media files, loaded and checked before anything starts.
//!
//! A run has a main scenario, and perhaps one for calls that come in (`-rxsf`) and one for requests outside of
//! any call (`-oocsf`). They share injection files and the variables that are wider than a call.

use std::path::Path;
use std::sync::Arc;

use sip::diag::{Diagnostic, Place, in_order};
use sip::ident::Ident;

use crate::infile::{FileId, Infile, Infiles};
use crate::lang::{VarNames, World};
use crate::options::{self, Options, Source, Task};
use crate::scenario::{self, Op, Program};
use crate::state::{Scope, Value};
use crate::stats::layout::Part;

use super::library::Library;
use super::setup::Fatal;
use crate::engine::network::address::resolve;

/// A scenario ready to run.
pub(super) struct Loaded {
    /// Name for files and screens.
    pub(super) name: String,
    /// What it is in the run.
    pub(super) part: Part,
    pub(super) program: Program,
}

/// The scenarios of a command line with what they share.
pub(super) struct LoadedRun {
    /// The main one first.
    pub(super) scenarios: Vec<Loaded>,
    pub(super) world: World,
    /// What their actions play.
    pub(super) library: Library,
    /// Findings that do not hinder the run, in order of the texts.
    pub(super) findings: Vec<Diagnostic>,
}

/// The text of a scenario.
pub(super) struct SourceText {
    /// The scenario's name for files and screens.
    pub(super) name: String,
    /// What findings call it.
    pub(super) shown: String,
    pub(super) text: Vec<u8>,
}

impl SourceText {
    /// Reads a scenario. Error: there is no such file or built-in scenario.
    pub(super) fn read(source: &Source) -> Result<SourceText, Fatal> {
        match source {
            Source::BuiltIn(name) => {
                let text = scenario::builtin::text(name)
                    .ok_or_else(|| Fatal::early(format!("Invalid default scenario name '{name}'")))?;
                Ok(SourceText { name: name.clone(), shown: name.clone(), text: text.into() })
            }
            Source::File(file) => {
                let text = std::fs::read(file).map_err(|error| {
                    Fatal::early(format!("Unable to load or parse '{file}' xml scenario file: {error}"))
                })?;
                Ok(SourceText { name: file_stem(file), shown: file.clone(), text })
            }
        }
    }
}

/// The scenarios that a command line names, the main one first.
pub(super) fn sources(options: &Options) -> Vec<(Part, Source)> {
    let named = &options.scenario;
    let main = named.main.clone().unwrap_or(Source::BuiltIn("uac".into()));
    let others = [(Part::Receiving, &named.receiving), (Part::OutOfCall, &named.out_of_call)];
    let others = others.into_iter().filter_map(|(part, source)| Some((part, source.clone()?)));
    [(Part::Main, main)].into_iter().chain(others).collect()
}

/// Reads and compiles the scenarios of the command line and their injection files.
pub(super) fn load(options: &Options) -> Result<LoadedRun, Fatal> {
    let mut loading = Loading::new(options)?;
    for (part, source) in sources(options) {
        loading.read(part, &source)?;
    }
    let main = loading.scenarios[0].program.mode;
    let has_out_of_call = options.scenario.out_of_call.is_some();
    if has_out_of_call && !main.calls_out() {
        return Err(Fatal::late("SIPp cannot use out-of-call scenarios when running in server mode"));
    }
    if let Some(receiving) = loading.scenarios.iter().find(|loaded| loaded.part == Part::Receiving) {
        if !main.opens_calls() {
            return Err(Fatal::late("-rxsf and -rxsn need a main scenario that opens calls"));
        }
        if !receiving.program.mode.takes_calls() {
            let text = format!("'{}' of -rxsf does not begin with a recv: it takes no calls", receiving.name);
            return Err(Fatal::late(text));
        }
    }
    if options.call.auto_answer && main.calls_out() && loading.scenarios.len() == 1 {
        // Carries the automatic answers to requests outside of any call.
        loading.read(Part::OutOfCall, &Source::BuiltIn(DUMMY.into()))?;
    }
    loading.finish(Ident::seeded(rand::random()))
}

/// One scenario alone, with that generator behind its chances.
pub(super) fn load_one(
    options: &Options,
    source: &Source,
    ident: Ident,
) -> Result<(Loaded, World, Vec<Diagnostic>), Fatal> {
    let mut loading = Loading::new(options)?;
    loading.read(Part::Main, source)?;
    let mut run = loading.finish(ident)?;
    // A simulated clock does not wait for a look-up.
    run.world.resolve_with(|name| {
        let host = options::HostPort { host: name.into(), port: None };
        resolve(&host, 0).ok().map(|addr| addr.ip())
    });
    Ok((run.scenarios.swap_remove(0), run.world, run.findings))
}

/// True for the scenario that only carries automatic answers.
pub(super) fn is_dummy(loaded: &Loaded) -> bool {
    loaded.part == Part::OutOfCall && loaded.name == DUMMY
}

/// Scenarios while they are read one after the other.
struct Loading<'o> {
    options: &'o Options,
    infiles: Infiles,
    scenarios: Vec<Loaded>,
    library: Library,
    findings: Vec<Diagnostic>,
}

impl<'o> Loading<'o> {
    fn new(options: &'o Options) -> Result<Loading<'o>, Fatal> {
        Ok(Loading {
            options,
            infiles: injection_files(&options.scenario)?,
            scenarios: Vec::new(),
            library: Library::default(),
            findings: Vec::new(),
        })
    }

    fn read(&mut self, part: Part, source: &Source) -> Result<(), Fatal> {
        let SourceText { name, shown, text } = SourceText::read(source)?;
        let shared = self.scenarios.last().map(|before| &before.program.vars);
        let compiled = scenario::load(&shown, &text, context(self.options, part, &self.infiles, shared));
        let compiled = compiled.map_err(|findings| {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            Fatal::early(format!("Unable to load or parse '{shown}' xml scenario file\n{}", lines.join("\n")))
        })?;
        let program = compiled.program;
        let commands = program.steps.iter().any(|step| matches!(step.op, Op::SendCmd(_) | Op::RecvCmd(_)));
        if commands && self.options.tools.task == Some(Task::DryRun) {
            return Err(Fatal::late(format!("'{shown}' passes commands to a twin, which -dry-run has not")));
        }
        if commands && !self.options.twin.is_given() {
            let text =
                format!("'{shown}' passes commands to a twin: -3pcc HOST:PORT or -slave_cfg is missing");
            return Err(Fatal::late(text));
        }
        let wrong = media_files(&program, source, (&shown, &text), &mut self.library);
        if !wrong.is_empty() {
            let lines: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            return Err(Fatal::early(lines.join("\n")));
        }
        self.findings.extend(in_order(compiled.warnings.into_iter().chain(compiled.advice).collect()));
        self.scenarios.push(Loaded { name, part, program });
        Ok(())
    }

    fn finish(self, ident: Ident) -> Result<LoadedRun, Fatal> {
        let Loading { options, infiles, scenarios, library, findings } = self;
        // Each scenario knows the wider variables of those before it.
        let vars = scenarios.last().map(|last| last.program.vars.clone()).unwrap_or_default();
        let sizes = (vars.table(Scope::Global).len(), vars.table(Scope::User).len());
        let mut world = World::new(infiles, sizes, ident, |path: &Path| std::fs::read(path));
        set_globals(&mut world, &vars, &options.scenario.set)?;
        Ok(LoadedRun { scenarios, world, library, findings })
    }
}

/// `-set`.
fn set_globals(world: &mut World, vars: &VarNames, set: &[(String, String)]) -> Result<(), Fatal> {
    for (variable, value) in set {
        let slot = vars.find(variable).filter(|slot| slot.scope == Scope::Global).ok_or_else(|| {
            let text = format!("Can not set the global variable {variable}, because it does not exist.");
            Fatal::early(text)
        })?;
        world.globals.set(slot.index, Value::Text(value.as_bytes().into()));
    }
    Ok(())
}

/// What a scenario of this command line may refer to. `shared`: the variables of the one read before.
pub(super) fn context<'a>(
    options: &'a Options,
    part: Part,
    infiles: &'a Infiles,
    shared: Option<&'a VarNames>,
) -> scenario::Context<'a> {
    // The files of -rxinf stand behind those of -inf; either is better than none.
    let own = options.scenario.injection.len();
    let default = if part == Part::Receiving && infiles.len() > own { own } else { 0 };
    scenario::Context {
        stream_type: options.media.stream_type,
        // No more files than that can be given.
        default_file: FileId(default as u16),
        shared,
        ..scenario::Context::new(&options.scenario.keys, infiles)
    }
}

/// Reads the media files that the scenario names, and says which cannot be played, each with its place.
pub(super) fn media_files(
    program: &Program,
    source: &Source,
    (shown, text): (&str, &[u8]),
    library: &mut Library,
) -> Vec<Diagnostic> {
    if let Source::File(file) = source {
        library.look_beside(Path::new(file));
    }
    let shown = Arc::from(shown);
    let mut wrong = Vec::new();
    for file in &program.media.files {
        if let Err(error) = library.load(file) {
            wrong.push(Diagnostic::error("S040", Place::at(&shown, text, file.offset), error));
        }
    }
    wrong
}

fn injection_files(scenario: &options::Scenario) -> Result<Infiles, Fatal> {
    let mut infiles = Infiles::default();
    for path in scenario.injection_files() {
        let text = std::fs::read(path)
            .map_err(|error| Fatal::early(format!("Unable to open file {path}: {error}")))?;
        infiles.push(Infile::parse(&base_name(path), text).map_err(|error| Fatal::early(error.to_string()))?);
    }
    for (name, field) in &scenario.indexes {
        let file = infiles.find(name).and_then(|id| infiles.get_mut(id));
        let text = || format!("-infindex {name}: no injection file of that name was given before with -inf");
        file.ok_or_else(|| Fatal::early(text()))?.build_index(*field);
    }
    Ok(infiles)
}

/// File name without directory, as injection files are known.
pub(super) fn base_name(path: &str) -> String {
    Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy().into_owned())
}

/// File name without directory and `.xml`.
fn file_stem(path: &str) -> String {
    let name = base_name(path);
    name.strip_suffix(".xml").map_or(name.clone(), str::to_owned)
}

/// The built-in scenario behind `-aa`.
const DUMMY: &str = "ooc_dummy";
