//! Words of the command line -> [`Options`].
//!
//! clap reads them (`-DDE`, `-f file`, `-ffile`, `--debug=3`, `--debug 3`, as getopt does); its argument
//! definitions come from the table of rows, and so do names and values in our refusals.

use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};
use sip::diag::nearest;

use super::table::{Effect, ROWS, Row, find_long, find_short};
use super::{Action, Options};

/// Why a command line cannot be used: one line for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads the arguments, without the program's name.
///
/// Errors: the first argument that cannot be used, with the nearest known name.
pub fn read(args: impl IntoIterator<Item = String>) -> Result<Options, Refusal> {
    let args: Vec<String> = args.into_iter().collect();
    let matches = command().try_get_matches_from(&args).map_err(|error| explain(&error, &args))?;
    let mut options = Options::default();
    for (row, value) in occurrences(&matches) {
        row.apply(&mut options, value)?;
    }
    // `-v` alone asks for the version, beside `-c` for more lines.
    if options.verbose && options.action == Action::Run {
        options.action = Action::Version;
    }
    Ok(options)
}

/// clap's view of the table.
fn command() -> Command {
    let command =
        Command::new("sip-proxy").no_binary_name(true).disable_help_flag(true).disable_version_flag(true);
    command.args(ROWS.iter().map(|row| {
        let mut arg = Arg::new(row.name());
        if let Some(short) = row.short {
            arg = arg.short(short);
        }
        if let Some(long) = row.long {
            arg = arg.long(long);
        }
        match row.value_name() {
            None => arg.action(ArgAction::Count),
            // getopt takes the next word as the value even when it looks like an option.
            Some(_) => arg.num_args(1).action(ArgAction::Append).allow_hyphen_values(true),
        }
    }))
}

/// Every option that was given with its value, in the order of the command line: the last one wins.
fn occurrences(matches: &ArgMatches) -> Vec<(&'static Row, &str)> {
    let mut found = Vec::new();
    for row in ROWS {
        let id = row.name();
        let mut places = matches.indices_of(&id).into_iter().flatten();
        if row.value_name().is_none() {
            // clap remembers where a repeated flag stood last, and how often it was given.
            let place = places.next_back().unwrap_or(0);
            found.extend((0..matches.get_count(&id)).map(|_| (place, row, "")));
        } else {
            let values = matches.get_many::<String>(&id).into_iter().flatten();
            found.extend(places.zip(values).map(|(place, value)| (place, row, value.as_str())));
        }
    }
    found.sort_by_key(|(place, ..)| *place);
    found.into_iter().map(|(_, row, value)| (row, value)).collect()
}

impl Row {
    fn apply(&self, options: &mut Options, value: &str) -> Result<(), Refusal> {
        match &self.effect {
            Effect::Flag(set) => set(options),
            Effect::Ignored(_) => {}
            Effect::Value(_, set) => set(options, value).map_err(|expected| {
                Refusal(format!("bad value '{value}' of option {}: {expected} was expected", self.name()))
            })?,
        }
        Ok(())
    }
}

/// clap's error as one line.
fn explain(error: &clap::Error, args: &[String]) -> Refusal {
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(argument)) => argument.as_str(),
        _ => "",
    };
    if error.kind() == ErrorKind::UnknownArgument {
        return unknown(argument, args);
    }
    // clap shows the value behind the name, or dots where a flag may be repeated.
    let name = argument.split([' ', '=', '.']).next().unwrap_or("");
    let row = match name.strip_prefix("--") {
        Some(long) => find_long(long),
        None => name.chars().nth(1).and_then(find_short),
    };
    Refusal(match row.map(|row| (row.name(), row.value_name())) {
        Some((name, Some(value))) => format!("option {name} requires a value: {value}. Use -h for help."),
        Some((name, None)) => format!("option {name} takes no value"),
        None => format!("bad argument '{argument}'. Use -h for help."),
    })
}

fn unknown(argument: &str, args: &[String]) -> Refusal {
    let is_option = argument.len() > 1 && argument.starts_with('-');
    if !is_option {
        return Refusal(format!(
            "unexpected argument '{argument}': the configuration file is given with -f. Use -h for help."
        ));
    }
    // Of `-chek` clap names the first letter that is unknown; the hint is for the word.
    let word = args.iter().find(|word| {
        word.starts_with(argument)
            || (word.starts_with('-') && !word.starts_with("--") && word.contains(&argument[1..]))
    });
    let name = word.map_or(argument, String::as_str).trim_start_matches('-');
    let name = name.split('=').next().unwrap_or(name);
    match nearest(name, ROWS.iter().filter_map(|row| row.long)).filter(|_| name.len() > 1) {
        Some(near) => Refusal(format!("unknown option {argument}, did you mean --{near}? Use -h for help.")),
        None => Refusal(format!("unknown option {argument}. Use -h for help.")),
    }
}

#[cfg(test)]
mod tests {
    use sip::diag::Format;

    use super::super::{Action, Daemonize, Options};
    use super::read;

    fn options(line: &str) -> Options {
        read(line.split_whitespace().map(str::to_owned)).expect(line)
    }

    fn refusal(line: &str) -> String {
        read(line.split_whitespace().map(str::to_owned)).expect_err(line).to_string()
    }

    #[test]
    fn reads_letters_together_and_values_attached() {
        let read = options("-DDEe -f a.cfg -ludp:127.0.0.1:5080 -l tcp:lo -n4 -m 64 -M8 -A X -AN=1 -ddd");
        assert_eq!(read.action, Action::Run);
        assert_eq!(read.config.as_deref(), Some("a.cfg"));
        assert_eq!(read.process.daemonize, Some(Daemonize::Foreground));
        assert_eq!(read.preset.after, "log_stderror=yes\nlog_color=yes\n");
        assert_eq!(read.network.listen, ["udp:127.0.0.1:5080", "tcp:lo"]);
        assert_eq!(read.process.children, Some(4));
        assert_eq!(read.preset.defines, ["X", "N=1"]);
        assert_eq!(read.log.level, Some(3));
    }

    #[test]
    fn reads_long_options_with_and_without_equals_sign() {
        let read = options(
            "--debug=2 --alias a.b --format sarif --check -v --modparam=tm:fr_timer:i:5 --subst=/a/b/",
        );
        assert_eq!((read.log.level, read.format), (Some(2), Format::Sarif));
        assert_eq!((read.action, read.verbose), (Action::Check, true));
        assert_eq!(read.network.aliases, ["a.b"]);
        assert_eq!(read.preset.after, "modparam('tm', 'fr_timer', 5)\n");
        assert_eq!(read.preset.substs.len(), 1);
    }

    #[test]
    fn version_and_check_share_a_letter() {
        assert_eq!(options("-v").action, Action::Version);
        assert_eq!(options("-v -c").action, Action::Check);
        assert_eq!(options("-cf x.cfg").config.as_deref(), Some("x.cfg"));
    }

    #[test]
    fn values_may_look_like_options_and_the_last_action_wins() {
        let read = options("-f -c --debug -3 --debug=1 --debug -2 --cfg-print -h");
        assert_eq!((read.config.as_deref(), read.log.level), (Some("-c"), Some(-2)));
        assert_eq!(read.action, Action::Help);
        assert_eq!(options("-h --cfg-print").action, Action::PrintEvaluated);
    }

    /// What has a global parameter or a line of the language becomes one, behind the configuration.
    #[test]
    fn options_that_are_lines_of_the_language_become_such() {
        let read = options(
            "--loadmodule kex.so --server-id 7 -a no -b 9000 -Y /run/x -E -N 4 -S -m 9 -M 9 -O 1 -Q 2 -x a -X b -W c",
        );
        assert_eq!(read.preset.before, "loadmodule 'kex.so'\n");
        let after = "server_id=7\nauto_aliases=no\nmaxbuffer=9000\nrundir='/run/x'\nlog_stderror=yes\n";
        assert_eq!(read.preset.after, after);
        assert_eq!(refusal("-a maybe"), "bad value 'maybe' of option -a: yes, on, no or off was expected");
        assert_eq!(
            refusal("--loadmodule a'b"),
            "bad value 'a'b' of option --loadmodule: a text without ' was expected"
        );
    }

    #[test]
    fn options_of_process_and_log_are_lines_too() {
        let read = options("-K -r -R -u nobody -g nogroup -t /srv -e --log-engine json:M");
        assert_eq!(
            read.preset.after,
            "check_via=yes\ndns=yes\nrev_dns=yes\nuser='nobody'\ngroup='nogroup'\nchroot='/srv'\nlog_color=yes\n\
             log_engine_type='json'\nlog_engine_data='M'\n"
        );
        let read = options("-D -L /lib -n 2 -G g -P p -w / -T --coverage f");
        assert_eq!(read.process.daemonize, Some(Daemonize::NoFork));
        assert_eq!(
            (read.process.pgid_file.as_deref(), read.process.pid_file.as_deref()),
            (Some("g"), Some("p"))
        );
        assert!(read.network.without_tcp && read.module_path.is_some() && read.coverage.is_some());
    }

    #[test]
    fn refuses_with_one_clear_line() {
        assert_eq!(refusal("-Z"), "unknown option -Z. Use -h for help.");
        assert_eq!(refusal("--chek"), "unknown option --chek, did you mean --check? Use -h for help.");
        assert_eq!(refusal("-chek"), "unknown option -k, did you mean --check? Use -h for help.");
        assert_eq!(refusal("--debgu=3"), "unknown option --debgu, did you mean --debug? Use -h for help.");
        assert_eq!(refusal("-f"), "option -f requires a value: file. Use -h for help.");
        assert_eq!(refusal("-n x"), "bad value 'x' of option -n: a number was expected");
        assert_eq!(refusal("--check=1"), "option -c takes no value");
        assert_eq!(refusal("--subst"), "option --subst requires a value: exp. Use -h for help.");
        assert!(refusal("kamailio.cfg").contains("with -f"));
    }
}
