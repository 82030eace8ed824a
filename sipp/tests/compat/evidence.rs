//! Which tests use a row of a table: pairs compared with the packaged SIPp, and test functions.

use std::fs;
use std::path::Path;

/// What a row looks like where it is used.
#[derive(Debug)]
pub(crate) enum Needle<'n> {
    /// `<name`
    Element(&'n str),
    /// `name="` inside of an element.
    Attribute(&'n str, &'n str),
    /// `name="` inside of any element.
    AnyAttribute(&'n str),
    /// `[name`, of a family the beginning.
    Keyword(&'n str),
    /// `distribution="name"`
    Distribution(&'n str),
    /// `id="name"` of a DefaultMessage.
    AutomaticMessage(&'n str),
    /// One of the names behind a dash.
    Option(&'n [&'n str]),
    /// The word in quotes.
    Word(&'n str),
}

/// The texts of all comparisons, end-to-end cases and test functions, by name.
pub(crate) struct Evidence {
    compared: Vec<(String, String)>,
    tests: Vec<(String, String)>,
}

impl Evidence {
    /// Reads the repository.
    pub(crate) fn collect() -> Evidence {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let cases = top.join("../tests/cases");
        let mut compared = folders_of(&cases.join("scenarios"), "");
        compared.extend(folders_of(&cases.join("ensembles"), "ensembles/"));
        let mut evidence = Evidence { compared, tests: Vec::new() };
        for folder in ["src", "tests", "../tests"] {
            evidence.read_tests(&top.join(folder));
        }
        for area in ["peers", "errors", "proxy"] {
            evidence.tests.extend(folders_of(&cases.join(area), &format!("{area}/")));
        }
        evidence
    }

    /// The comparison that shows the row best.
    pub(crate) fn pair(&self, needle: &Needle<'_>) -> Option<&str> {
        best(&self.compared, needle)
    }

    /// The test that shows the row best.
    pub(crate) fn test(&self, needle: &Needle<'_>) -> Option<&str> {
        best(&self.tests, needle)
    }

    /// True when there is a test function of that name.
    pub(crate) fn has(&self, test: &str) -> bool {
        self.tests.iter().any(|(name, _)| name == test)
    }

    /// Test functions with their text, and with that of the tables above them.
    fn read_tests(&mut self, folder: &Path) {
        for path in sorted(folder) {
            if path.is_dir() {
                // This test itself proves nothing, and cases are no functions.
                if !["compat", "golden", "cases"].iter().any(|name| path.ends_with(name)) {
                    self.read_tests(&path);
                }
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            let mut before = String::new();
            for part in text.split("#[test]\n") {
                if let Some(name) =
                    part.trim_start().strip_prefix("fn ").and_then(|rest| rest.split('(').next())
                {
                    let body = std::mem::take(&mut before) + part;
                    self.tests.push((name.to_owned(), body.replace("\\\"", "\"").replace("\\\n", " ")));
                }
                // Tables stand right above the tests that read them.
                before = part.find("\nconst ").map_or_else(String::new, |at| part[at..].to_owned());
            }
        }
    }
}

/// Of the texts that use the row the one that says so in its name, else the shortest: it has the least besides.
fn best<'e>(texts: &'e [(String, String)], needle: &Needle<'_>) -> Option<&'e str> {
    let word = needle.word();
    let rank =
        |(name, text): &&(String, String)| (!name.split(['_', '/']).any(|part| part == word), text.len());
    texts.iter().filter(|(_, text)| needle.is_in(text)).min_by_key(rank).map(|(name, _)| name.as_str())
}

/// The folders below a folder with the texts of all their files; names begin with `prefix`.
fn folders_of(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let read = |folder: &Path| {
        let texts: Vec<String> =
            sorted(folder).iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
        texts.join("\n")
    };
    let name = |folder: &Path| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folders = sorted(folder).into_iter().filter(|path| path.is_dir());
    folders.map(|folder| (format!("{prefix}{}", name(&folder)), read(&folder))).collect()
}

fn sorted(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

impl Needle<'_> {
    /// What a test that is about the row has in its name.
    fn word(&self) -> String {
        match self {
            Needle::Element(name)
            | Needle::Attribute(_, name)
            | Needle::AnyAttribute(name)
            | Needle::Keyword(name)
            | Needle::Distribution(name)
            | Needle::AutomaticMessage(name)
            | Needle::Word(name) => name.to_lowercase(),
            Needle::Option(names) => names[0].to_lowercase(),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Needle::Element(name) => tags(text, name).next().is_some(),
            Needle::Attribute(element, name) => {
                let written = format!(" {name}=");
                tags(text, element).any(|tag| has_attribute(tag, &written))
            }
            Needle::AnyAttribute(name) => {
                let written = format!(" {name}=\"");
                text.split('<').any(|tag| has_attribute(tag, &written))
            }
            Needle::Keyword(name) => occurrences(text, &format!("[{name}")).any(|rest| {
                FAMILIES.contains(name) || !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            }),
            Needle::Distribution(name) => text.contains(&format!("distribution=\"{name}\"")),
            Needle::AutomaticMessage(id) => text.contains(&format!("<DefaultMessage id=\"{id}\"")),
            Needle::Option(names) => names.iter().any(|name| {
                occurrences(text, &format!("-{name}")).any(|rest| rest.starts_with([' ', '"', '\'', '\n']))
            }),
            Needle::Word(name) => {
                let written = [format!("\"{name}\""), format!("-sn {name} "), format!("-oocsn {name} ")];
                written.iter().any(|written| text.contains(written))
            }
        }
    }
}

/// Keywords that are the beginning of a name.
const FAMILIES: &[&str] = &["last_", "field", "$", "cryptotag", "cryptosuite", "cryptokeyparams", "ueaescm"];

/// What stands behind each occurrence.
fn occurrences<'t>(text: &'t str, written: &'t str) -> impl Iterator<Item = &'t str> {
    text.match_indices(written).map(|(at, _)| &text[at + written.len()..])
}

/// The texts of the tags of an element, from behind its name to its end.
fn tags<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let open = format!("<{name}");
    let starts: Vec<usize> = text.match_indices(&open).map(|(at, _)| at + open.len()).collect();
    starts.into_iter().map(|at| &text[at..]).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// True when the attribute stands in the tag that begins the text.
fn has_attribute(tag: &str, written: &str) -> bool {
    let end =
        tag.find("/>").into_iter().chain(tag.find(">\n")).chain(tag.find("><")).min().unwrap_or(tag.len());
    tag[..end].replace('\n', " ").contains(written)
}
