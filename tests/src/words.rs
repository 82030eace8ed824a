//! What replaces `{word}` and `{port.NAME}` in arguments and files of a case.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::ports;

/// Words by name; a port joins when it is first named.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    known: BTreeMap<String, String>,
}

impl Words {
    /// Words that are known from the start.
    pub(crate) fn new(known: BTreeMap<String, String>) -> Words {
        Words { known }
    }

    /// Makes `name` mean `value`.
    pub(crate) fn insert(&mut self, name: &str, value: String) {
        self.known.insert(name.to_string(), value);
    }

    /// Fills in the words themselves, where they name ports. Errors: no port is free.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        for (name, value) in self.known.clone() {
            let filled = self.fill(&value)?;
            self.known.insert(name, filled);
        }
        Ok(())
    }

    /// The port of that name, chosen when first asked for. Errors: no port is free.
    pub(crate) fn port(&mut self, name: &str) -> Result<u16, String> {
        let key = format!("port.{name}");
        if let Some(port) = self.known.get(&key) {
            return port.parse().map_err(|_| format!("port {name} is no number"));
        }
        let port = ports::free()?;
        self.known.insert(key, port.to_string());
        Ok(port)
    }

    /// The ports chosen so far with their names.
    pub(crate) fn ports(&self) -> impl Iterator<Item = (&str, u32)> {
        self.known.iter().filter_map(|(key, port)| Some((key.strip_prefix("port.")?, port.parse().ok()?)))
    }

    /// `text` with `{port.NAME}` and the known words filled in; other braces stay.
    pub(crate) fn fill(&mut self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            filled.push_str(&rest[..open]);
            let tail = &rest[open + 1..];
            let word = tail.split_once('}').map(|(word, _)| word).unwrap_or_default();
            if let Some(name) = word.strip_prefix("port.") {
                filled.push_str(&self.port(name)?.to_string());
            } else if let Some(value) = self.known.get(word) {
                filled.push_str(value);
            } else {
                filled.push('{');
                rest = tail;
                continue;
            }
            rest = &tail[word.len() + 1..];
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Copies a file into a directory; a text with its placeholders filled in.
    pub(crate) fn copy(&mut self, file: &Path, directory: &Path) -> Result<(), String> {
        let filled = match String::from_utf8(fs::read(file).map_err(|error| error.to_string())?) {
            Ok(text) => self.fill(&text)?.into_bytes(),
            Err(binary) => binary.into_bytes(),
        };
        let name = file.file_name().unwrap_or_default();
        fs::write(directory.join(name), filled).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn words_and_ports_are_filled_in_and_other_braces_stay() {
        let mut words = Words::default();
        words.insert("who", "alice".into());
        let port = words.port("a").expect("a free port");
        let filled = words.fill("{who} {port.a} {port.a} {-b}{h} {").expect("a free port");
        assert_eq!(filled, format!("alice {port} {port} {{-b}}{{h}} {{"));
        assert_eq!(words.ports().collect::<Vec<_>>(), [("a", u32::from(port))]);
    }
}
