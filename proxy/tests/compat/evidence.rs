//! Which tests use a row of a table: cases that run on the packaged Kamailio and on ours, and test functions.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

/// What a row looks like where it is used.
#[derive(Debug)]
pub(crate) enum Needle<'n> {
    /// `name(`
    Function(&'n str),
    /// `$name` or `$(name`
    Variable(&'n str),
    /// `{class.op`
    Transformation(&'n str),
    /// `modparam("module", "name"`
    Parameter(&'n str, &'n str),
    /// `name =`
    Setting(&'n str),
    /// `event_route[name`
    Event(&'n str),
    /// The word in quotes.
    Word(&'n str),
    /// An option of the command line, one of its names.
    Option(&'n [String]),
}

/// The texts of all cases and test functions, by name: the compared ones first.
pub(crate) struct Evidence {
    texts: Vec<(String, String)>,
}

impl Evidence {
    /// Reads the repository.
    pub(crate) fn collect() -> Evidence {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut evidence = Evidence { texts: Vec::new() };
        for path in sorted(&top.join("../tests/cases/language")) {
            evidence.read_suite(&path);
        }
        for path in sorted(&top.join("../tests/cases/units")) {
            evidence.read_unit(&path);
        }
        for table in ["verdicts", "measured"] {
            evidence.read_verdicts(table, &top.join(format!("../tests/cases/config/{table}.toml")));
        }
        for file in ["names.rs", "process.rs", "databases.rs"] {
            evidence.read_tests(&top.join("../tests").join(file));
        }
        for folder in ["src", "tests", "../tests/cases/errors", "../tests/cases/proxy", "../docs/examples"] {
            evidence.read_folder(&top.join(folder));
        }
        // Last, since it says least: both programs know the parameter.
        evidence.read_verdicts("parameters", &top.join("../tests/cases/config/parameters.toml"));
        evidence
    }

    /// The first test that uses the row.
    pub(crate) fn of(&self, needle: &Needle<'_>) -> Option<&str> {
        self.texts.iter().find(|(_, text)| needle.is_in(text)).map(|(name, _)| name.as_str())
    }

    /// The cases of a suite, then what they share.
    fn read_suite(&mut self, path: &Path) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let suite = table(path);
        let cases = suite.get("case").and_then(Value::as_array);
        for case in cases.into_iter().flatten().filter(|case| case.get("known_gap").is_none()) {
            let of_case = case.get("name").and_then(Value::as_str).unwrap_or_default();
            self.texts.push((format!("{name}/{of_case}"), text_of(case)));
        }
        let head = suite.get("head").and_then(Value::as_str).unwrap_or_default();
        self.texts.push((name, head.to_owned()));
    }

    /// A configuration with the tests beside it.
    fn read_unit(&mut self, path: &Path) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        self.texts.push((format!("units/{name}"), read(path)));
    }

    fn read_verdicts(&mut self, table_name: &str, path: &Path) {
        for case in table(path).get("case").and_then(Value::as_array).into_iter().flatten() {
            let name = case.get("name").and_then(Value::as_str).unwrap_or_default();
            self.texts.push((format!("{table_name}/{name}"), text_of(case)));
        }
    }

    fn read_folder(&mut self, folder: &Path) {
        for path in sorted(folder) {
            if path.is_dir() {
                // This test itself proves nothing.
                if !path.ends_with("compat") && !path.ends_with("golden") {
                    self.read_folder(&path);
                }
                continue;
            }
            match path.extension().and_then(|ending| ending.to_str()) {
                Some("rs") => self.read_tests(&path),
                Some("toml" | "cfg") => {
                    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
                    self.texts.push((folder.to_string_lossy().into_owned(), read(&path)));
                }
                _ => {}
            }
        }
    }

    /// Test functions with their text, and with that of the constants above the first one.
    fn read_tests(&mut self, path: &Path) {
        let text = read(path);
        let mut parts = text.split("#[test]\n");
        let shared = parts.next().unwrap_or_default();
        let constants = shared.find("\nconst ").map_or("", |at| &shared[at..]).to_owned();
        for part in parts {
            if let Some(name) = part.trim_start().strip_prefix("fn ").and_then(|rest| rest.split('(').next())
            {
                let whole = format!("{constants}{part}");
                self.texts.push((name.to_owned(), whole.replace("\\\"", "\"").replace("\\\n", " ")));
            }
        }
    }
}

impl Needle<'_> {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Needle::Function(name) => whole_words(text, name).any(|rest| rest.starts_with('(')),
            Needle::Variable(name) => [format!("${name}"), format!("$({name}")].iter().any(|written| {
                text.match_indices(written.as_str())
                    .any(|(at, found)| !continues_word(&text[at + found.len()..]))
            }),
            Needle::Transformation(name) => {
                let written = format!("{{{name}");
                text.match_indices(&written)
                    .any(|(at, found)| text[at + found.len()..].starts_with([',', '}']))
            }
            Needle::Parameter(module, name) => text.split("modparam(").skip(1).any(|line| {
                let line = line.split(')').next().unwrap_or_default();
                line.contains(&format!("\"{name}\"")) && whole_words(line, module).next().is_some()
            }),
            Needle::Setting(name) => whole_words(text, name).any(|rest| rest.trim_start().starts_with('=')),
            Needle::Event(name) => text.contains(&format!("event_route[{name}")),
            Needle::Word(name) => text.contains(&format!("\"{name}\"")),
            Needle::Option(names) => text.lines().filter(|line| is_command_line(line)).any(|line| {
                let words = line.split([' ', '"', '=']);
                words.into_iter().any(|word| names.iter().any(|name| name == word))
            }),
        }
    }
}

/// Lines of tests that hold command lines.
fn is_command_line(line: &str) -> bool {
    ["args", "options(", "refusal(", "sip-proxy", "command(", "words("].iter().any(|sign| line.contains(sign))
}

/// What stands behind each place where a word stands by itself.
fn whole_words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(word).filter_map(move |(at, _)| {
        let before = text[..at].chars().next_back();
        let rest = &text[at + word.len()..];
        let is_whole =
            !before.is_some_and(|c| c.is_alphanumeric() || "_.$".contains(c)) && !continues_word(rest);
        is_whole.then_some(rest)
    })
}

fn continues_word(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn table(path: &Path) -> Table {
    toml::from_str(&read(path)).unwrap_or_default()
}

/// All texts in a value.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(values) => values.iter().map(text_of).collect(),
        Value::Table(table) => table.values().map(text_of).collect(),
        _ => String::new(),
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn sorted(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
