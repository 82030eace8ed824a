//! The rows: names, value, effect on [`Options`], help text. In the order of the help.

use sip::diag::Format;

use super::{Action, Daemonize, Options};
use crate::cfg::SubstKind;

/// One option.
pub(super) struct Row {
    /// `-f`
    pub(super) short: Option<char>,
    /// `--format`
    pub(super) long: Option<&'static str>,
    pub(super) effect: Effect,
    pub(super) doc: &'static str,
}

/// What an option does.
pub(super) enum Effect {
    /// Takes no value.
    Flag(fn(&mut Options)),
    /// Takes a value, named as in the help; the error says what was expected.
    Value(&'static str, fn(&mut Options, &str) -> Result<(), String>),
    /// Accepted for Kamailio's sake, no effect here; with the name of its value, if it takes one.
    Ignored(Option<&'static str>),
}

/// One option, for the documentation.
#[derive(Clone, Debug)]
pub struct OptionRow {
    /// `-f`, `--format`
    pub names: Vec<String>,
    /// What becomes of it here.
    pub state: &'static str,
    /// One line for the user.
    pub doc: &'static str,
}

/// All options, in the order of the help.
pub fn rows() -> Vec<OptionRow> {
    let names = |row: &Row| {
        let short = row.short.map(|short| format!("-{short}"));
        short.into_iter().chain(row.long.map(|long| format!("--{long}"))).collect()
    };
    let state = |row: &Row| match row.effect {
        Effect::Ignored(_) => "NoEffect",
        _ if MAPPED.contains(&row.name().as_str()) => "Mapped",
        _ if SETTINGS.contains(&row.name().as_str()) => "Setting",
        _ => "Works",
    };
    ROWS.iter().map(|row| OptionRow { names: names(row), state: state(row), doc: row.doc }).collect()
}

/// Options that set a global parameter, which has a row of its own.
const SETTINGS: [&str; 13] =
    ["-a", "-b", "-e", "-E", "-g", "-K", "--log-engine", "-r", "-R", "--server-id", "-t", "-u", "-Y"];

/// Options that mean something of our own.
const MAPPED: [&str; 3] = ["-D", "-L", "-n"];

/// The row with the short name.
pub(super) fn find_short(short: char) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.short == Some(short))
}

/// The row with the long name.
pub(super) fn find_long(long: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.long == Some(long))
}

impl Row {
    /// The option as a message names it.
    pub(super) fn name(&self) -> String {
        match (self.short, self.long) {
            (Some(short), _) => format!("-{short}"),
            (None, long) => format!("--{}", long.unwrap_or_default()),
        }
    }

    /// The name of its value, if it takes one.
    pub(super) fn value_name(&self) -> Option<&'static str> {
        match self.effect {
            Effect::Flag(_) => None,
            Effect::Value(name, _) => Some(name),
            Effect::Ignored(name) => name,
        }
    }
}

macro_rules! rows {
    ($($short:literal $long:literal $effect:expr, $doc:literal;)*) => {
        &[$(Row { short: short($short), long: long($long), effect: $effect, doc: $doc },)*]
    };
}

const fn short(name: char) -> Option<char> {
    if name == ' ' { None } else { Some(name) }
}

const fn long(name: &'static str) -> Option<&'static str> {
    if name.is_empty() { None } else { Some(name) }
}

pub(super) const ROWS: &[Row] = rows! {
    'a' "" Effect::Value("mode", |o, v| parameter(o, "auto_aliases", if switch(v)? { "yes" } else { "no" })), "Names of the own addresses become aliases: yes, on, no or off";
    ' ' "alias" Effect::Value("val", |o, v| add(&mut o.network.aliases, v)), "Add an alias, [proto:]hostname[:port]";
    ' ' "atexit" Effect::Ignored(Some("val")), "Accepted, no effect";
    'A' "" Effect::Value("define", define), "Define a name for the configuration (-A WITH_AUTH, -A 'FLT_ACC=1', -A 'DEFVAL=\"text\"')";
    'b' "" Effect::Value("nr", |o, v| parameter(o, "maxbuffer", number::<u32>(v)?)), "Largest UDP receive buffer in bytes";
    'c' "check" Effect::Flag(|o| o.action = Action::Check), "Check the configuration and print everything that is wrong with it";
    ' ' "cfg-print" Effect::Flag(|o| o.action = Action::PrintEvaluated), "Print the configuration with includes and defines in place";
    ' ' "print-config" Effect::Flag(|o| o.action = Action::PrintDefault), "Print the built-in configuration, which runs without -f";
    ' ' "statistics" Effect::Flag(|o| o.statistics = true), "Print what was counted when it ends";
    ' ' "trace-call" Effect::Flag(|o| o.trace_calls = true), "Print routes, lines, functions, return codes and microseconds of every message";
    ' ' "coverage" Effect::Value("file", |o, v| text(&mut o.coverage, v)), "Count the lines of the configuration that run, and write them to an lcov file at the end";
    ' ' "format" Effect::Value("name", |o, v| set_to(&mut o.format, format(v))), "Form of what -c prints: text, json or sarif";
    'd' "" Effect::Flag(|o| o.log.level = Some(o.log.level.unwrap_or(0).saturating_add(1))), "One more level of debugging, from 0";
    ' ' "debug" Effect::Value("val", |o, v| set(&mut o.log.level, number(v))), "Log level, -5 to 3";
    'D' "" Effect::Flag(|o| o.process.daemonize = Some(deeper(o.process.daemonize))), "Stay in the foreground, which is always done";
    'e' "" Effect::Flag(|o| setting(o, "log_color", "yes")), "Log in colours (needs -E)";
    'E' "" Effect::Flag(|o| setting(o, "log_stderror", "yes")), "Log to standard error";
    'f' "" Effect::Value("file", |o, v| text(&mut o.config, v)), "Configuration file (default: the built-in configuration)";
    'g' "" Effect::Value("gid", |o, v| parameter(o, "group", quoted(v)?)), "Group to run as";
    'G' "" Effect::Value("file", |o, v| text(&mut o.process.pgid_file, v)), "Create a file with the process group";
    'h' "help" Effect::Flag(|o| o.action = Action::Help), "This help";
    'I' "" Effect::Flag(|o| o.action = Action::Internals), "Print version and limits built in";
    'K' "" Effect::Flag(|o| setting(o, "check_via", "yes")), "Forward replies only when the first Via is ours";
    'l' "" Effect::Value("address", |o, v| add(&mut o.network.listen, v)), "Listen on [proto:]addr[:port][/advaddr], besides the sockets of the configuration; may be repeated (-l udp:127.0.0.1:5080, -l eth0:5062, -l udp:127.0.0.1:5080/1.2.3.4:5060)";
    ' ' "loadmodule" Effect::Value("name", load_module), "Load the module before the configuration";
    ' ' "log-engine" Effect::Value("log", log_engine), "Log engine name and data (json:M)";
    'L' "" Effect::Value("path", |o, v| text(&mut o.module_path, v)), "Search path of modules; all modules are built in";
    'm' "" Effect::Ignored(Some("nr")), "Megabytes of shared memory; accepted, no effect";
    ' ' "modparam" Effect::Value("modname:paramname:type:value", module_param), "Set a module parameter; type is s for a string, i for a number";
    'M' "" Effect::Ignored(Some("nr")), "Megabytes of private memory; accepted, no effect";
    'n' "" Effect::Value("processes", |o, v| set(&mut o.process.children, number(v))), "Number of workers";
    'N' "" Effect::Ignored(Some("processes")), "Number of workers for TCP; accepted, no effect: one thread has all connections";
    'O' "" Effect::Ignored(Some("nr")), "Script optimisation level; accepted, no effect";
    'P' "" Effect::Value("file", |o, v| text(&mut o.process.pid_file, v)), "Create a file with the process id";
    'Q' "" Effect::Ignored(Some("nr")), "Number of workers for SCTP; accepted, no effect";
    'r' "" Effect::Flag(|o| setting(o, "dns", "yes")), "Resolve the Via host before adding received=";
    'R' "" Effect::Flag(|o| setting(o, "rev_dns", "yes")), "Resolve the source address before adding received=";
    ' ' "server-id" Effect::Value("num", |o, v| parameter(o, "server_id", number::<i64>(v)?)), "Value of server_id";
    ' ' "subst" Effect::Value("exp", |o, v| subst(o, SubstKind::Subst, v)), "Substitution in strings: /re/text/flags";
    ' ' "substdef" Effect::Value("exp", |o, v| subst(o, SubstKind::Define, v)), "Substitution that also defines the name";
    ' ' "substdefs" Effect::Value("exp", |o, v| subst(o, SubstKind::DefineQuoted, v)), "The same, defined as a string";
    'S' "" Effect::Ignored(None), "Disable SCTP; accepted, no effect";
    't' "" Effect::Value("dir", |o, v| parameter(o, "chroot", quoted(v)?)), "Change the root directory";
    'T' "" Effect::Flag(|o| o.network.without_tcp = true), "Disable TCP";
    'u' "" Effect::Value("uid", |o, v| parameter(o, "user", quoted(v)?)), "User to run as";
    'v' "version" Effect::Flag(version), "Print the version; with -c: list what the global parameters do";
    'V' "" Effect::Flag(version), "The same";
    'x' "" Effect::Ignored(Some("name")), "Shared memory manager; accepted, no effect";
    'X' "" Effect::Ignored(Some("name")), "Private memory manager; accepted, no effect";
    'Y' "" Effect::Value("dir", |o, v| parameter(o, "rundir", quoted(v)?)), "Directory of control sockets";
    'w' "" Effect::Value("dir", |o, v| text(&mut o.process.workdir, v)), "Working directory";
    'W' "" Effect::Ignored(Some("type")), "Poll method; accepted, no effect";
};

fn set<T>(field: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    *field = Some(value?);
    Ok(())
}

fn set_to<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
    *field = value?;
    Ok(())
}

fn text(field: &mut Option<String>, value: &str) -> Result<(), String> {
    *field = Some(value.to_owned());
    Ok(())
}

fn add(list: &mut Vec<String>, value: &str) -> Result<(), String> {
    list.push(value.to_owned());
    Ok(())
}

fn number<T: std::str::FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| "a number".to_owned())
}

fn switch(value: &str) -> Result<bool, String> {
    match value {
        "yes" | "on" => Ok(true),
        "no" | "off" => Ok(false),
        _ => Err("yes, on, no or off".to_owned()),
    }
}

fn format(value: &str) -> Result<Format, String> {
    match value {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        "sarif" => Ok(Format::Sarif),
        _ => Err("text, json or sarif".to_owned()),
    }
}

fn define(options: &mut Options, value: &str) -> Result<(), String> {
    options.preset.defines.push(value.to_owned());
    Ok(())
}

fn subst(options: &mut Options, kind: SubstKind, value: &str) -> Result<(), String> {
    options.preset.substs.push((kind, value.to_owned()));
    Ok(())
}

fn deeper(level: Option<Daemonize>) -> Daemonize {
    match level {
        None => Daemonize::NoFork,
        Some(Daemonize::NoFork) => Daemonize::Foreground,
        Some(Daemonize::Foreground | Daemonize::Background) => Daemonize::Background,
    }
}

/// `-v` is the version, except beside `-c`, on whichever side it stands.
fn version(options: &mut Options) {
    options.verbose = true;
}

/// A global parameter that wins over the configuration.
fn setting(options: &mut Options, name: &str, value: impl std::fmt::Display) {
    options.preset.after.push_str(&format!("{name}={value}\n"));
}

/// The same for an option whose value can be wrong.
fn parameter(options: &mut Options, name: &str, value: impl std::fmt::Display) -> Result<(), String> {
    setting(options, name, value);
    Ok(())
}

/// `name:data`
fn log_engine(options: &mut Options, value: &str) -> Result<(), String> {
    let (name, data) = value.split_once(':').unwrap_or((value, ""));
    setting(options, "log_engine_type", quoted(name)?);
    parameter(options, "log_engine_data", quoted(data)?)
}

fn load_module(options: &mut Options, value: &str) -> Result<(), String> {
    options.preset.before.push_str(&format!("loadmodule {}\n", quoted(value)?));
    Ok(())
}

fn module_param(options: &mut Options, value: &str) -> Result<(), String> {
    let expected = || "modname:paramname:type:value with type i or s".to_owned();
    let mut parts = value.splitn(4, ':');
    let mut part = || parts.next().filter(|part| !part.is_empty()).ok_or_else(expected);
    let (module, param, kind, value) = (part()?, part()?, part()?, part()?);
    let value = match kind {
        "i" => number::<i64>(value)?.to_string(),
        "s" => quoted(value)?,
        _ => return Err(expected()),
    };
    let line = format!("modparam({}, {}, {value})\n", quoted(module)?, quoted(param)?);
    options.preset.after.push_str(&line);
    Ok(())
}

/// A string literal: without escapes, so every text but one with this quote fits.
fn quoted(text: &str) -> Result<String, String> {
    if text.contains('\'') { Err("a text without '".to_owned()) } else { Ok(format!("'{text}'")) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ROWS;

    #[test]
    fn every_name_stands_once() {
        let mut seen = HashSet::new();
        for row in ROWS {
            for name in row.short.map(String::from).into_iter().chain(row.long.map(str::to_owned)) {
                assert!(seen.insert(name.clone()), "{name} stands twice");
            }
        }
    }
}
