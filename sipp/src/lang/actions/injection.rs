//! `lookup`, `insert`, `replace`: injection files in memory.

use super::super::keywords::injection::{find_file, parse_line};
use super::super::{Action, ActionDef, Attributes, Effect, Flow, Mistake, Names, Scope, Subject, Template};
use crate::infile::FileId;
use crate::state::{Value, VarSlot};

pub(in crate::lang) const LOOKUP: ActionDef = ActionDef {
    name: "lookup",
    attributes: &["assign_to", "file", "key"],
    parse: |attributes| {
        let key = attributes.required_template("key")?;
        let to = attributes.required_var("assign_to")?;
        Ok(Box::new(Lookup { to, file: FileName::parse(attributes)?, key }))
    },
    doc: "Assigns the number of the line that has a key in the indexed field; -1 when there is none.",
};

pub(in crate::lang) const INSERT: ActionDef = ActionDef {
    name: "insert",
    attributes: &["file", "value"],
    parse: |attributes| {
        let value = attributes.required_template("value")?;
        Ok(Box::new(Change { file: FileName::parse(attributes)?, line: None, value }))
    },
    doc: "Appends a line.",
};

pub(in crate::lang) const REPLACE: ActionDef = ActionDef {
    name: "replace",
    attributes: &["file", "line", "value"],
    parse: |attributes| {
        let value = attributes.required_template("value")?;
        let line = Some(attributes.required_template("line")?);
        Ok(Box::new(Change { file: FileName::parse(attributes)?, line, value }))
    },
    doc: "Replaces a line.",
};

/// A file by name; found at load when the name is literal, else when the action runs.
#[derive(Debug)]
enum FileName {
    Known(FileId),
    Rendered(Template),
}

impl FileName {
    fn parse(attributes: &mut Attributes<'_, '_>) -> Result<FileName, Mistake> {
        let name = attributes.required("file")?;
        if name.contains('[') {
            return Ok(FileName::Rendered(attributes.required_template("file")?));
        }
        let offset = attributes.get("file").map_or(attributes.at, |attribute| attribute.value_at);
        let names: &mut Names<'_> = attributes.names;
        names.offset = offset;
        find_file(&name, names).map(FileName::Known)
    }

    fn find(&self, scope: &mut Scope<'_>) -> Option<FileId> {
        match self {
            FileName::Known(id) => Some(*id),
            FileName::Rendered(template) => {
                let name = String::from_utf8_lossy(&template.to_vec(scope)).into_owned();
                let found = scope.world.infiles.find(&name);
                if found.is_none() {
                    scope.fail(format!("Invalid injection file: {name}"));
                }
                found
            }
        }
    }
}

#[derive(Debug)]
struct Lookup {
    to: VarSlot,
    file: FileName,
    key: Template,
}

impl Action for Lookup {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let key = self.key.to_vec(scope);
        let Some(id) = self.file.find(scope) else { return Flow::StopCall };
        let file = scope.world.infiles.get(id);
        match file.and_then(|file| file.lookup(&key)) {
            Some(line) => scope.set_var(self.to, Value::Number(line.map_or(-1.0, f64::from))),
            None => {
                let name = file.map_or(String::new(), |file| file.name().to_owned());
                scope.fail(format!("Invalid Index File: {name}"));
                return Flow::StopCall;
            }
        }
        Flow::Continue
    }
}

#[derive(Debug)]
struct Change {
    file: FileName,
    /// `None` appends.
    line: Option<Template>,
    value: Template,
}

impl Action for Change {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let Some(id) = self.file.find(scope) else { return Flow::StopCall };
        let value = self.value.to_vec(scope);
        let line = self.line.as_ref().map(|line| line.to_vec(scope));
        let Some(file) = scope.world.infiles.get_mut(id) else { return Flow::StopCall };
        let result = match line {
            None => file.insert(&value),
            Some(text) if text.is_empty() => file.replace(0, &value),
            Some(text) => file.replace(parse_line(&text).unwrap_or(-1), &value),
        };
        match result {
            Ok(()) => Flow::Continue,
            Err(error) => {
                scope.fail(error.to_string());
                Flow::StopCall
            }
        }
    }
}
