//! Reading the command line in the style of getopt: `-DDE`, `-f file`, `-ffile`, `--debug=3`, `--debug 3`.

use std::fmt;

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
    let mut options = Options::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let row = find_long(name).ok_or_else(|| unknown(&arg, name))?;
            apply(&mut options, row, value, &mut args)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            read_short(&mut options, &arg, &mut args)?;
        } else {
            return Err(Refusal(format!(
                "unexpected argument '{arg}': the configuration file is given with -f. Use -h for help."
            )));
        }
    }
    // `-v` alone asks for the version, beside `-c` for more lines.
    if options.verbose && options.action == Action::Run {
        options.action = Action::Version;
    }
    Ok(options)
}

/// Single letters, which may stand together; a letter that takes a value takes the rest.
fn read_short(
    options: &mut Options,
    arg: &str,
    args: &mut impl Iterator<Item = String>,
) -> Result<(), Refusal> {
    let mut letters = arg[1..].chars();
    while let Some(letter) = letters.next() {
        let row = find_short(letter).ok_or_else(|| unknown(&format!("-{letter}"), &arg[1..]))?;
        let rest = letters.as_str();
        if row.value_name().is_some() && !rest.is_empty() {
            return apply(options, row, Some(rest.to_owned()), args);
        }
        apply(options, row, None, args)?;
    }
    Ok(())
}

fn apply(
    options: &mut Options,
    row: &Row,
    value: Option<String>,
    args: &mut impl Iterator<Item = String>,
) -> Result<(), Refusal> {
    let value = match (row.value_name(), value) {
        (None, None) => String::new(),
        (None, Some(_)) => return Err(Refusal(format!("option {} takes no value", row.name()))),
        (Some(_), Some(value)) => value,
        (Some(name), None) => args.next().ok_or_else(|| {
            Refusal(format!("option {} requires a value: {name}. Use -h for help.", row.name()))
        })?,
    };
    match &row.effect {
        Effect::Flag(set) => set(options),
        Effect::Ignored(_) => {}
        Effect::Value(_, set) => set(options, &value).map_err(|expected| {
            Refusal(format!("bad value '{value}' of option {}: {expected} was expected", row.name()))
        })?,
    }
    Ok(())
}

fn unknown(option: &str, name: &str) -> Refusal {
    match nearest(name, ROWS.iter().filter_map(|row| row.long)).filter(|_| name.len() > 1) {
        Some(near) => Refusal(format!("unknown option {option}, did you mean --{near}? Use -h for help.")),
        None => Refusal(format!("unknown option {option}. Use -h for help.")),
    }
}

#[cfg(test)]
mod tests {
    use sip::diag::Format;

    use super::super::{Action, Daemonize, ModuleValue, Options};
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
        assert!(read.log.to_stderr && read.log.in_colour);
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
        assert_eq!(read.module_params[0].value, ModuleValue::Int(5));
        assert_eq!(read.preset.substs.len(), 1);
    }

    #[test]
    fn version_and_check_share_a_letter() {
        assert_eq!(options("-v").action, Action::Version);
        assert_eq!(options("-v -c").action, Action::Check);
        assert_eq!(options("-cf x.cfg").config.as_deref(), Some("x.cfg"));
    }

    #[test]
    fn refuses_with_one_clear_line() {
        assert_eq!(refusal("-Z"), "unknown option -Z. Use -h for help.");
        assert_eq!(refusal("--chek"), "unknown option --chek, did you mean --check? Use -h for help.");
        assert_eq!(refusal("-f"), "option -f requires a value: file. Use -h for help.");
        assert_eq!(refusal("-n x"), "bad value 'x' of option -n: a number was expected");
        assert_eq!(refusal("--check=1"), "option -c takes no value");
        assert!(refusal("kamailio.cfg").contains("with -f"));
    }
}
