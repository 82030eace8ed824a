//! Texts that come from the table of options: help, version, exit codes, columns of the statistics file.

use std::fmt::Write;

use super::row::{Effect, Row};
use super::table;
use crate::exit::Exit;

/// What `-h` was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// `-h`: the options.
    Options,
    /// `-h stat`: the columns of the statistics file.
    Statistics,
    /// `-h codes`: the exit codes.
    ExitCodes,
}

impl Topic {
    /// The topic of that word, the options for any other one.
    pub(super) fn named(word: Option<&str>) -> Topic {
        match word {
            Some("stat") => Topic::Statistics,
            Some("codes") => Topic::ExitCodes,
            _ => Topic::Options,
        }
    }

    /// The text to print.
    pub fn text(self) -> String {
        match self {
            Topic::Options => options_text(),
            Topic::Statistics => STATISTICS.to_owned(),
            Topic::ExitCodes => exit_codes_text(),
        }
    }
}

/// One option as documentation shows it.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Names without the dash, the usual one first.
    pub names: &'static [&'static str],
    /// What stands for its value, empty for a flag.
    pub value: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Whether it has an effect here.
    pub support: Support,
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does what it says.
    Works,
    /// It is read and means nothing here.
    Accepted,
    /// It is refused by name.
    Refused,
}

/// All options by the title of their group, in the order of the help.
pub fn described() -> Vec<(&'static str, Vec<Described>)> {
    let describe = |row: &Row| Described {
        names: row.names,
        value: row.value,
        help: row.help,
        support: match row.effect {
            Effect::Accepted(_) => Support::Accepted,
            Effect::NotYet(_) => Support::Refused,
            _ => Support::Works,
        },
    };
    table::groups().map(|(title, rows)| (title, rows.map(describe).collect())).collect()
}

/// What `-v` prints. Scripts look for `SIPp v`.
pub fn version() -> String {
    format!(
        "\n SIPp v3.6.1-SHA256.\n\n This is sipp {}, a program of its own that runs SIPp 3.6.1 scenarios.\n \
         Licence: MIT OR Apache-2.0.\n\n",
        env!("CARGO_PKG_VERSION")
    )
}

const HEAD: &str = "
Usage:

  sipp remote_host[:remote_port] [options]

Example:

   Answer calls:
     sipp -sn uas
   Make calls to it from the same host:
     sipp -sn uac 127.0.0.1

  Options begin with one dash or two. TIME is a number with a unit: ms, s, m or h.
";

const SIGNALS: &str = "
Signals:

   USR1  End softly, as key q does: no new calls; a second one ends all calls.
   USR2  Write the screens to <scenario>_<pid>_screen.log.
   INT, TERM  End at once with the final statistics.
";

fn options_text() -> String {
    let mut text = HEAD.to_owned();
    for (title, rows) in table::groups() {
        write!(text, "\n\n*** {title}:\n\n").expect("a String takes everything");
        for row in rows {
            row_text(&mut text, row);
        }
    }
    text.push('\n');
    text.push_str(SIGNALS);
    text.push_str(&exit_codes_text());
    text
}

fn row_text(text: &mut String, row: &Row) {
    const INDENT: usize = 22;
    const WIDTH: usize = 100;
    let mut help = row.help.to_owned();
    if matches!(row.effect, Effect::NotYet(_)) {
        help.push_str(" Not available in this version.");
    }
    if row.names.len() > 1 {
        write!(help, " Also -{}.", row.names[1..].join(", -")).expect("a String takes everything");
    }
    let head = format!("   -{} {}", row.names[0], row.value);
    write!(text, "{:<width$}", head.trim_end(), width = INDENT - 2).expect("a String takes everything");
    text.push_str(": ");
    let mut column = head.trim_end().len().max(INDENT - 2) + 2;
    let mut first = true;
    for word in help.split(' ') {
        if !first && column + 1 + word.len() > WIDTH {
            write!(text, "\n{:INDENT$}", "").expect("a String takes everything");
            column = INDENT;
        } else if !first {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
        first = false;
    }
    text.push('\n');
}

fn exit_codes_text() -> String {
    let mut text = "\nExit codes:\n\n".to_owned();
    for (exit, meaning) in Exit::ALL {
        writeln!(text, "   {:>3}  {meaning}", *exit as u8).expect("a String takes everything");
    }
    text
}

const STATISTICS: &str = "
The file of -trace_stat has one row at the start, one every -fd, and two at the end. A column name that
ends with (P) counts since the row before, one with (C) since the start.

   StartTime, LastResetTime, CurrentTime   Dates of the row.
   ElapsedTime           Time since the start or the last row.
   TargetRate            Calls wanted per period, or users.
   CallRate              Calls per second.
   IncomingCall, OutgoingCall, TotalCallCreated, CurrentCall   Calls by origin, all, and open ones.
   SuccessfulCall, FailedCall   Calls that ended.
   Failed...             Failed calls by cause.
   OutOfCallMsgs         Messages that belong to no call.
   DeadCallMsgs          Messages for a call that has ended.
   Retransmissions       Messages sent again.
   AutoAnswered          Requests answered on their own, see -aa.
   Warnings, FatalErrors, WatchdogMajor, WatchdogMinor   Events of the program itself.
   ResponseTime<name>    Average of that response time, and its standard deviation (StDev).
   CallLength            Average length of a call, and its standard deviation.
   <counter>             Counters of the scenario.
   ResponseTimeRepartition<name>, CallLengthRepartition   Samples below each border.
";

#[cfg(test)]
mod tests {
    use super::Topic;

    /// The golden text stands in `tests/golden/help.txt`; `UPDATE=1` writes it anew.
    #[test]
    fn help_is_the_golden_text() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/help.txt");
        let text = Topic::Options.text();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &text).expect("the repository is writable");
        }
        let golden = std::fs::read_to_string(path).expect("the golden file is in the repository");
        assert_eq!(text, golden, "run with UPDATE=1 and review the difference");
    }

    #[test]
    fn no_line_of_the_help_is_wider_than_100_columns() {
        for line in Topic::Options.text().lines() {
            assert!(line.len() <= 100, "{line}");
        }
    }
}
