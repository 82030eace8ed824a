//! What a user may ask of a running engine: keys, and the lines behind key `c`.
//!
//! Keys and lines come from the keyboard and from the control socket alike. Pure: text in, command out.

use crate::screen::Movement;
use crate::stats::layout::Part;

/// Something asked of the running engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `+ - * /`: add so many times `-rate_scale`.
    AdjustRate(f64),
    /// `p`: stop or resume opening calls.
    TogglePause,
    /// Stop opening calls.
    Pause,
    /// Open calls again.
    Resume,
    /// `q` and SIGUSR1: end softly, forced when repeated.
    Quit,
    /// End softly, however often it is asked for.
    QuitSoftly,
    /// `Q`: end all calls now.
    ForceQuit,
    /// SIGINT and SIGTERM: end at once, without a word to the peers.
    Interrupt,
    /// `1` to `9`, `f`, `?`: show another screen.
    Show(char),
    /// `j k`, arrows, Space, `b`, Enter: move within a screen.
    Move(Movement),
    /// `s` and SIGUSR2: write the screens to a file.
    DumpScreens,
    /// The command line that is being typed after `c`; `None` when it is done.
    Typing(Option<String>),
    /// `set rate`.
    SetRate(f64),
    /// `set rate-scale`.
    SetRateScale(f64),
    /// `set users`.
    SetUsers(u32),
    /// `set limit`.
    SetLimit(u64),
    /// Gives a global variable a text.
    SetVariable(String, String),
    /// `trace`: switch a trace file on or off.
    Trace(Traced, bool),
    /// SIGXFSZ: a file is as large as the system allows; no more traces.
    StopTraces,
    /// `dump variables`, `dump tasks`.
    Dump(Dumped),
    /// `set display`: show the figures of another scenario.
    Display(Part),
    /// `set hide`: whether messages with `hide` stay off the screen.
    Hide(bool),
    /// `reset stats`.
    ResetStatistics,
    /// A line that could not be understood: the warning to log.
    Refused(String),
}

impl Command {
    /// True for what concerns screens and files only, or is answered by one engine for all.
    pub(in crate::engine) fn is_for_the_desk(&self) -> bool {
        matches!(
            self,
            Command::Show(_)
                | Command::Move(_)
                | Command::Typing(_)
                | Command::Display(_)
                | Command::Dump(_)
                | Command::Refused(_)
        )
    }
}

/// The files that `trace` switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// `error`
    Errors,
    /// `logs`
    Logs,
    /// `messages`
    Messages,
    /// `shortmessages`
    ShortMessages,
}

/// What `dump` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dumped {
    /// `tasks`
    Tasks,
    /// `variables`
    Variables,
}

/// The keys: letter, meaning for the help, command. `c` is not among them, since it begins a line.
pub(crate) const KEYS: &[(char, &str, Command)] = &[
    ('+', "rate up by 1 x rate_scale", Command::AdjustRate(1.0)),
    ('-', "rate down by 1 x rate_scale", Command::AdjustRate(-1.0)),
    ('*', "rate up by 10 x rate_scale", Command::AdjustRate(10.0)),
    ('/', "rate down by 10 x rate_scale", Command::AdjustRate(-10.0)),
    ('p', "pause or resume new calls", Command::TogglePause),
    ('q', "end with the open calls; again: end now", Command::Quit),
    ('Q', "end now", Command::ForceQuit),
    ('s', "write the screens to a file", Command::DumpScreens),
    ('1', "scenario screen", Command::Show('1')),
    ('2', "statistics screen", Command::Show('2')),
    ('3', "repartition screen", Command::Show('3')),
    ('4', "variables screen", Command::Show('4')),
    ('5', "circuits of -tdmmap; without it charts", Command::Show('5')),
    ('6', "repartition of response time 2", Command::Show('6')),
    ('7', "repartition of response time 3", Command::Show('7')),
    ('8', "repartition of response time 4", Command::Show('8')),
    ('9', "repartition of response time 5", Command::Show('9')),
    ('g', "charts", Command::Show('g')),
    ('m', "media: packets, loss, jitter, scores", Command::Show('m')),
    ('f', "failed calls", Command::Show('f')),
    ('j', "next line, or next failed call; also Down", Command::Move(Movement::Down)),
    ('k', "line or failed call before; also Up", Command::Move(Movement::Up)),
    (' ', "next page; also Page Down", Command::Move(Movement::PageDown)),
    ('b', "page before; also Page Up", Command::Move(Movement::PageUp)),
    ('\r', "show the chosen failed call; f leads back", Command::Move(Movement::Open)),
    ('?', "this help", Command::Show('?')),
];

/// The keys with their meaning, for the help.
pub(crate) fn keys() -> Vec<(char, &'static str)> {
    KEYS.iter().map(|row| (row.0, row.1)).collect()
}

/// The command of a key, if it has one.
pub(crate) fn key(letter: char) -> Option<Command> {
    KEYS.iter().find(|row| row.0 == letter).map(|row| row.2.clone())
}

/// The command of a line behind `c`. What cannot be understood becomes [`Command::Refused`] in SIPp's words.
pub(crate) fn line(text: &str) -> Command {
    let text = text.trim();
    let mut words = text.split_whitespace();
    let refuse = |text: String| Command::Refused(text);
    match (words.next(), words.next(), words.next()) {
        (Some("set"), None, _) => refuse("The set command requires at least one argument".into()),
        (Some("set"), Some(what), value) => set(what, value),
        (Some("trace"), what, switch) => trace(what, switch),
        (Some("dump"), Some("tasks"), _) => Command::Dump(Dumped::Tasks),
        (Some("dump"), Some("variables"), _) => Command::Dump(Dumped::Variables),
        (Some("dump"), other, _) => refuse(format!("Unknown dump type: {}", other.unwrap_or_default())),
        (Some("reset"), Some("stats"), _) => Command::ResetStatistics,
        (Some("reset"), other, _) => refuse(format!("Unknown reset type: {}", other.unwrap_or_default())),
        _ => refuse(format!("Unrecognized command: \"{text}\"")),
    }
}

fn set(what: &str, value: Option<&str>) -> Command {
    let Some(value) = value else {
        return Command::Refused("The set command requires two arguments (attribute and value)".into());
    };
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    let command = match what {
        "rate" => number.map(|rate| Command::SetRate(rate.max(0.0))),
        "rate-scale" => number.map(Command::SetRateScale),
        "users" => value.parse().ok().map(Command::SetUsers),
        "limit" => value.parse().ok().map(Command::SetLimit),
        "display" => return display(value),
        "hide" => return hide(value),
        _ => return Command::Refused(format!("Unknown set attribute: {what}")),
    };
    let named = if what == "rate-scale" { "rate scale" } else { what };
    command.unwrap_or_else(|| Command::Refused(format!("Invalid {named} value: \"{value}\"")))
}

fn display(value: &str) -> Command {
    let part = Part::ALL.into_iter().find(|(_, word)| *word == value);
    part.map_or_else(
        || Command::Refused(format!("Unknown display scenario: {value}")),
        |(part, _)| Command::Display(part),
    )
}

fn hide(value: &str) -> Command {
    match value {
        "true" => Command::Hide(true),
        "false" => Command::Hide(false),
        _ => Command::Refused(format!("Invalid bool: {value}")),
    }
}

fn trace(what: Option<&str>, switch: Option<&str>) -> Command {
    let traced = match what {
        Some("error") => Traced::Errors,
        Some("logs") => Traced::Logs,
        Some("messages") => Traced::Messages,
        Some("shortmessages") => Traced::ShortMessages,
        other => return Command::Refused(format!("Unknown log file: {}", other.unwrap_or_default())),
    };
    match switch {
        Some("on" | "true") => Command::Trace(traced, true),
        Some("off" | "false") => Command::Trace(traced, false),
        _ => Command::Refused("The trace command's second argument must be on or off.".into()),
    }
}

/// Letters typed one by one: keys, and the line that `c` begins.
#[derive(Debug, Default)]
pub(crate) struct Typist {
    line: Option<String>,
    /// What a terminal sends for keys without a letter, as far as it came.
    escape: Option<String>,
}

impl Typist {
    /// One letter; what it asks for, if anything.
    pub(crate) fn letter(&mut self, letter: char) -> Vec<Command> {
        if let Some(movement) = self.escaped(letter) {
            return movement.into_iter().collect();
        }
        let Some(typed) = &mut self.line else {
            if letter == '\u{1b}' {
                self.escape = Some(String::new());
                return Vec::new();
            }
            if letter == 'c' {
                self.line = Some(String::new());
                return vec![Command::Typing(Some(String::new()))];
            }
            // Raw mode turns Ctrl-C into a letter.
            return if letter == '\u{3}' {
                vec![Command::Interrupt]
            } else {
                // A pipe ends its lines otherwise than a terminal.
                key(if letter == '\n' { '\r' } else { letter }).into_iter().collect()
            };
        };
        match letter {
            '\r' | '\n' => {
                let command = line(typed);
                self.line = None;
                return vec![Command::Typing(None), command];
            }
            '\u{1b}' | '\u{3}' => {
                self.line = None;
                return vec![Command::Typing(None)];
            }
            '\u{8}' | '\u{7f}' => {
                typed.pop();
            }
            letter if !letter.is_control() && typed.len() < 200 => typed.push(letter),
            _ => {}
        }
        vec![Command::Typing(self.line.clone())]
    }
}

/// Keys without a letter: what terminals send behind the escape, and what they mean (ECMA-48, as xterm does).
const ESCAPES: &[(&str, Movement)] = &[
    ("[A", Movement::Up),
    ("[B", Movement::Down),
    ("OA", Movement::Up),
    ("OB", Movement::Down),
    ("[5~", Movement::PageUp),
    ("[6~", Movement::PageDown),
];

impl Typist {
    /// A letter of an escape sequence; `None` when it is an ordinary one.
    fn escaped(&mut self, letter: char) -> Option<Option<Command>> {
        let sequence = self.escape.as_mut()?;
        sequence.push(letter);
        let is_introduced = sequence.starts_with(['[', 'O']);
        let is_whole = sequence.len() > 1 && (letter.is_ascii_alphabetic() || letter == '~');
        if is_introduced && !is_whole && sequence.len() < 16 {
            return Some(None);
        }
        let found = ESCAPES.iter().find(|row| row.0 == sequence).map(|row| Command::Move(row.1));
        self.escape = None;
        is_introduced.then_some(found)
    }
}

/// A datagram of the control socket: `c` begins a line, any other first byte is a key, the rest is ignored.
pub(crate) fn datagram(bytes: &[u8]) -> Option<Command> {
    let (first, rest) = bytes.split_first()?;
    if *first == b'c' {
        return Some(line(&String::from_utf8_lossy(rest)));
    }
    key(char::from(*first))
}

#[cfg(test)]
mod tests {
    use super::{Command, Dumped, Movement, Part, Traced, Typist, datagram, line};

    #[test]
    fn lines_become_commands() {
        let rows = [
            ("set rate 20", Command::SetRate(20.0)),
            ("set rate -1", Command::SetRate(0.0)),
            ("set rate-scale 5", Command::SetRateScale(5.0)),
            ("set users 3\n", Command::SetUsers(3)),
            ("  set limit 12 ", Command::SetLimit(12)),
            ("trace messages on", Command::Trace(Traced::Messages, true)),
            ("trace error false", Command::Trace(Traced::Errors, false)),
            ("dump tasks", Command::Dump(Dumped::Tasks)),
            ("reset stats", Command::ResetStatistics),
            ("set display rx", Command::Display(Part::Receiving)),
            ("set hide false", Command::Hide(false)),
        ];
        for (text, command) in rows {
            assert_eq!(line(text), command, "{text}");
        }
    }

    /// Texts measured on SIPp 3.6.1.
    #[test]
    fn mistakes_are_told_in_sipps_words() {
        let rows = [
            ("set", "The set command requires at least one argument"),
            ("set rate", "The set command requires two arguments (attribute and value)"),
            ("set rate x", "Invalid rate value: \"x\""),
            ("set limit abc", "Invalid limit value: \"abc\""),
            ("set foo 1", "Unknown set attribute: foo"),
            ("set hide maybe", "Invalid bool: maybe"),
            ("set display foo", "Unknown display scenario: foo"),
            ("trace foo on", "Unknown log file: foo"),
            ("trace error maybe", "The trace command's second argument must be on or off."),
            ("dump foo", "Unknown dump type: foo"),
            ("reset foo", "Unknown reset type: foo"),
            ("x", "Unrecognized command: \"x\""),
        ];
        for (text, refusal) in rows {
            assert_eq!(line(text), Command::Refused(refusal.into()), "{text}");
        }
    }

    #[test]
    fn letters_are_keys_until_c_begins_a_line() {
        let mut typist = Typist::default();
        assert_eq!(typist.letter('+'), [Command::AdjustRate(1.0)]);
        assert_eq!(typist.letter('x'), []);
        let mut last = Vec::new();
        for letter in "cset rate 77\u{7f}\n".chars() {
            last = typist.letter(letter);
        }
        assert_eq!(last, [Command::Typing(None), Command::SetRate(7.0)]);
        assert_eq!(typist.letter('q'), [Command::Quit]);
    }

    #[test]
    fn keys_without_a_letter_move() {
        let rows = [
            ("\u{1b}[B", vec![Command::Move(Movement::Down)]),
            ("\u{1b}OA", vec![Command::Move(Movement::Up)]),
            ("\u{1b}[6~", vec![Command::Move(Movement::PageDown)]),
            ("\u{1b}[1;5Cq", vec![Command::Quit]),
            ("\u{1b}q", vec![Command::Quit]),
            ("\n", vec![Command::Move(Movement::Open)]),
        ];
        for (typed, commands) in rows {
            let mut typist = Typist::default();
            let asked: Vec<Command> = typed.chars().flat_map(|letter| typist.letter(letter)).collect();
            assert_eq!(asked, commands, "{typed:?}");
        }
    }

    #[test]
    fn datagrams_are_one_key_or_one_line() {
        assert_eq!(datagram(b"q"), Some(Command::Quit));
        assert_eq!(datagram(b"qqqq"), Some(Command::Quit));
        assert_eq!(datagram(b"cset rate 5\n"), Some(Command::SetRate(5.0)));
        assert_eq!(datagram(b"\xff"), None);
        assert_eq!(datagram(b""), None);
    }
}
