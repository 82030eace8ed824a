//! Words of the command line -> what to do.
//!
//! SIPp's syntax is not that of today's tools (one dash before long names, values that begin with a dash),
//! so the words are first brought into the form that clap reads; the argument definitions come from the
//! table of options. Error texts are SIPp's, with the nearest known name added.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use sip::diag::nearest;

use super::help::Topic;
use super::network::HostPort;
use super::row::Row;
use super::{Options, table, tools};

/// What a command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Run a scenario.
    Run(Box<Options>),
    /// `-h`, or no words at all.
    Help(Topic),
    /// `-v`.
    Version,
    /// `-sd`: the name of the built-in scenario to print.
    Dump(String),
}

/// Why a command line cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong: one line, perhaps followed by an advice.
    pub text: String,
    /// Whether the help belongs before it (an unknown option).
    pub with_help: bool,
}

impl From<String> for Refusal {
    fn from(text: String) -> Refusal {
        Refusal { text, with_help: false }
    }
}

/// The id of the words that are no options.
const REMOTE: &str = "remote_host";

/// Reads the words behind the program's name. Errors: the first mistake, in SIPp's words.
pub fn read(words: &[String]) -> Result<Invocation, Refusal> {
    if words.is_empty() {
        return Ok(Invocation::Help(Topic::Options));
    }
    let matches = command().try_get_matches_from(normalise(words)).map_err(|error| explain(&error))?;
    if let Some(answer) = answer(&matches) {
        return Ok(answer);
    }
    let mut options = Options::default();
    for (row, words) in occurrences(&matches) {
        row.apply(&mut options, &words)?;
    }
    let hosts: Vec<&String> = matches.get_many(REMOTE).into_iter().flatten().collect();
    match hosts[..] {
        [] => {}
        [host] => options.network.remote = Some(HostPort::parse(host)?),
        [first, second, ..] => {
            let text = format!("remote_host given multiple times on command-line ({first} and {second})");
            return Err(text.into());
        }
    }
    tools::settle(&mut options)?;
    options.check()?;
    Ok(Invocation::Run(Box::new(options)))
}

/// clap's view of the table.
fn command() -> Command {
    let remote = Arg::new(REMOTE).num_args(1).action(ArgAction::Append);
    let command = Command::new("sipp").disable_help_flag(true).disable_version_flag(true).arg(remote);
    command.args(table::rows().map(|row| {
        let (least, most) = row.words();
        let arg = Arg::new(row.names[0]).long(row.names[0]).aliases(row.names[1..].iter().copied());
        if most == 0 {
            arg.action(ArgAction::Count)
        } else {
            // SIPp takes the next word as the value even when it looks like an option.
            let arg = arg.num_args(least..=most).action(ArgAction::Append).allow_hyphen_values(least == most);
            // What is left out counts as an empty word, so that the option is seen to be there.
            if least == 0 { arg.default_missing_value("") } else { arg }
        }
    }))
}

/// The words with two dashes before each option, values untouched. The first word is the program's name.
fn normalise(words: &[String]) -> Vec<String> {
    let mut normal = vec!["sipp".to_owned()];
    let mut values = 0;
    for word in words {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
        match name {
            _ if values > 0 => {
                values -= 1;
                normal.push(word.clone());
            }
            Some(name) => {
                values = table::find(name).map_or(0, |row| row.words().0);
                normal.push(format!("--{name}"));
            }
            None => normal.push(word.clone()),
        }
    }
    normal
}

/// The options that are answered instead of run.
fn answer(matches: &ArgMatches) -> Option<Invocation> {
    if matches.contains_id("h") {
        let word = matches.get_one::<String>("h").map(String::as_str);
        return Some(Invocation::Help(Topic::named(word)));
    }
    if matches.get_count("v") > 0 {
        return Some(Invocation::Version);
    }
    matches.get_one::<String>("sd").map(|name| Invocation::Dump(name.clone()))
}

/// Every option that was given with its words, in the order of the command line: the last one wins.
fn occurrences(matches: &ArgMatches) -> Vec<(&'static Row, Vec<String>)> {
    let mut found = Vec::new();
    for row in table::rows() {
        let id = row.names[0];
        let places: Vec<usize> = matches.indices_of(id).into_iter().flatten().collect();
        let most = row.words().1;
        if most == 0 {
            let place = places.last().copied().unwrap_or(0);
            found.extend((matches.get_count(id) > 0).then_some((place, row, Vec::new())));
            continue;
        }
        let values: Vec<String> = matches.get_many(id).into_iter().flatten().cloned().collect();
        for (place, words) in places.chunks(most).zip(values.chunks(most)) {
            found.push((place[0], row, words.to_vec()));
        }
    }
    found.sort_by_key(|(place, ..)| *place);
    found.into_iter().map(|(_, row, words)| (row, words)).collect()
}

/// clap's errors in SIPp's words.
fn explain(error: &clap::Error) -> Refusal {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.as_str(),
        Some(ContextValue::Strings(arguments)) => arguments.first().map_or("", String::as_str),
        _ => "",
    };
    let name = argument.trim_start_matches('-').split(' ').next().unwrap_or("");
    if error.kind() != ErrorKind::UnknownArgument {
        return format!("Missing argument for param '-{name}'.\nUse 'sipp -h' for details").into();
    }
    let known = table::rows().flat_map(|row| row.names.iter().copied());
    // With one or two letters everything is near.
    let near = nearest(name, known).filter(|_| name.len() > 2);
    let hint = near.map(|near| format!(" Did you mean '-{near}'?")).unwrap_or_default();
    Refusal {
        text: format!("Invalid argument: '-{name}'.{hint}\nUse 'sipp -h' for details"),
        with_help: true,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Invocation, Options, Refusal, Topic, read};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn options(line: &str) -> Box<Options> {
        match read(&words(line)) {
            Ok(Invocation::Run(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refusal(line: &str) -> Refusal {
        match read(&words(line)) {
            Err(refusal) => refusal,
            Ok(other) => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn host_stands_anywhere_and_one_dash_is_as_good_as_two() {
        for line in ["-r 5 10.0.0.1:5070 -m 3", "10.0.0.1:5070 --r 5 --m 3", "-m 0x3 -r 5 10.0.0.1:5070"] {
            let options = options(line);
            assert_eq!(options.rate.calls, 5.0, "{line}");
            assert_eq!(options.rate.stop_after, Some(3), "{line}");
            let remote = options.network.remote.expect("the line names a host");
            assert_eq!((remote.host.as_str(), remote.port), ("10.0.0.1", Some(5070)), "{line}");
        }
    }

    #[test]
    fn the_second_scenario_has_both_its_names() {
        for name in ["rxsn", "rxrn"] {
            let given = options(&format!("-sn uac x -{name} uas")).scenario.receiving;
            assert_eq!(given, Some(crate::options::Source::BuiltIn("uas".into())), "{name}");
        }
    }

    #[test]
    fn an_overwrite_rule_alone_keeps_the_automatic_name() {
        let traces = options("x -trace_msg -message_overwrite false").traces;
        assert!(traces.messages.append && traces.messages.file.is_none());
    }

    #[test]
    fn options_that_exclude_each_other_are_refused() {
        let rows = [
            ("x -find-max fail<1% -m 5", "-find-max chooses the rate"),
            ("x -find-max fail<1% -users 5", "-find-max chooses the rate"),
            ("x -t t1 -bind_to_device lo", "-bind_to_device is for UDP only"),
            ("x -arrivals often", "there are even, poisson and burst"),
            ("x -cid_type guid", "there are default, uuid"),
        ];
        for (line, text) in rows {
            assert!(refusal(line).text.contains(text), "{line}: {:?}", refusal(line));
        }
        assert_eq!(options("x -bind_to_device lo").network.device.as_deref(), Some("lo"));
    }

    /// What has no effect is read all the same, and a value that SIPp refuses is refused.
    #[test]
    fn accepted_options_check_their_values() {
        let rows = [
            ("-timer_resol", "10ms", "soon", "time"),
            ("-max_recv_loops", "1000", "many", "integer"),
            ("-max_sched_loops", "0x10", "many", "integer"),
            ("-watchdog_interval", "400", "x", "time"),
            ("-watchdog_reset", "10m", "x", "time"),
            ("-watchdog_minor_threshold", "500", "x", "time"),
            ("-watchdog_major_threshold", "3s", "x", "time"),
            ("-watchdog_major_maxtriggers", "-1", "x", "integer"),
            ("-watchdog_minor_maxtriggers", "120", "x", "integer"),
            ("-sendbuffer_warn", "true", "maybe", "boolean"),
            ("-rtp_threadtasks", "20", "x", "integer"),
            ("-rtp_buffsize", "65536", "x", "integer"),
        ];
        for (name, good, bad, kind) in rows {
            assert_eq!(options(&format!("x {name} {good} -m 3")).rate.stop_after, Some(3), "{name}");
            let text = format!("{name}, \"{bad}\" is not a valid {kind}!");
            assert_eq!(refusal(&format!("x {name} {bad}")).text, text);
        }
        assert_eq!(options("x -skip_rlimit -m 3").rate.stop_after, Some(3));
    }

    #[test]
    fn the_last_occurrence_wins_also_across_options() {
        assert_eq!(options("x -r 5 -r 7").rate.calls, 7.0);
        assert!(options("x -nd -default_behaviors all").call.behaviours.bye);
        assert!(!options("x -default_behaviors all -nd").call.behaviours.bye);
    }

    #[test]
    fn values_may_look_like_options() {
        let options = options("x -key a -b -set v --x -rate_increase -2 -d 1.5s");
        assert_eq!(options.scenario.keys, [("a".to_owned(), "-b".to_owned())]);
        assert_eq!(options.scenario.set, [("v".to_owned(), "--x".to_owned())]);
        assert_eq!(options.rate.increase, -2.0);
        assert_eq!(options.call.pause, Duration::from_millis(1500));
    }

    #[test]
    fn help_version_and_dump_are_answered() {
        assert!(matches!(read(&[]), Ok(Invocation::Help(Topic::Options))));
        assert!(matches!(read(&words("-h")), Ok(Invocation::Help(Topic::Options))));
        assert!(matches!(read(&words("-help stat")), Ok(Invocation::Help(Topic::Statistics))));
        assert!(matches!(read(&words("-h codes")), Ok(Invocation::Help(Topic::ExitCodes))));
        assert!(matches!(read(&words("-v")), Ok(Invocation::Version)));
        assert!(matches!(read(&words("--sd uac")), Ok(Invocation::Dump(name)) if name == "uac"));
    }

    /// Texts measured on SIPp 3.6.1; hints are ours.
    #[test]
    fn mistakes_are_told_in_sipps_words() {
        let rows = [
            ("x -sn", "Missing argument for param '-sn'.\nUse 'sipp -h' for details"),
            ("x -key a", "Missing argument for param '-key'.\nUse 'sipp -h' for details"),
            ("x -m abc", "-m, \"abc\" is not a valid integer!"),
            ("x -r x", "-r, \"x\" is not a floating point number!"),
            ("x -d abc", "-d, \"abc\" is not a valid time!"),
            ("x -reconnect_close maybe", "-reconnect_close, \"maybe\" is not a valid boolean!"),
            ("x -t udp", "Invalid argument for -t param : 'udp'.\nUse 'sipp -h' for details"),
            ("x -t l1", "-t l1 is not available in this version of sipp"),
            ("x -sf a -sn b", "Internal error, main_scenario already set"),
            ("x -users 3 -l 5", "Can not set open call limit (-l) when -users is specified."),
            ("a b", "remote_host given multiple times on command-line (a and b)"),
        ];
        for (line, text) in rows {
            assert_eq!(refusal(line), Refusal { text: text.into(), with_help: false }, "{line}");
        }
        let unknown = refusal("x -trace_msgs");
        assert!(unknown.with_help);
        let text = "Invalid argument: '-trace_msgs'. Did you mean '-trace_msg'?\nUse 'sipp -h' for details";
        assert_eq!(unknown.text, text);
        assert_eq!(refusal("-5").text, "Invalid argument: '-5'.\nUse 'sipp -h' for details");
    }
}
