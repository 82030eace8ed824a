//! `log`, `warning`, `error`: texts for the files and for the user.

use super::super::{Action, ActionDef, Attributes, Effect, Flow, Mistake, Scope, Subject, Template};

pub(in crate::lang) const LOG: ActionDef = ActionDef {
    name: "log",
    attributes: &["message"],
    parse: |attributes| Say::parse(attributes, Kind::Log),
    doc: "Writes a line to the logs file.",
};

pub(in crate::lang) const WARNING: ActionDef = ActionDef {
    name: "warning",
    attributes: &["message"],
    parse: |attributes| Say::parse(attributes, Kind::Warning),
    doc: "Writes a warning to the errors file and counts it.",
};

pub(in crate::lang) const ERROR: ActionDef = ActionDef {
    name: "error",
    attributes: &["message"],
    parse: |attributes| Say::parse(attributes, Kind::Error),
    doc: "Ends the program with exit code 255.",
};

#[derive(Debug)]
struct Say {
    kind: Kind,
    message: Template,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Log,
    Warning,
    Error,
}

impl Say {
    fn parse(attributes: &mut Attributes<'_, '_>, kind: Kind) -> Result<Box<dyn Action>, Mistake> {
        Ok(Box::new(Say { kind, message: attributes.required_template("message")? }))
    }
}

impl Action for Say {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, effects: &mut Vec<Effect>) -> Flow {
        let text = self.message.to_vec(scope);
        let readable = || String::from_utf8_lossy(&text).into_owned();
        match self.kind {
            Kind::Warning => effects.push(Effect::Warning(readable())),
            Kind::Error => {
                effects.push(Effect::Fatal(readable()));
                return Flow::StopAll;
            }
            Kind::Log => effects.push(Effect::Log(text)),
        }
        Flow::Continue
    }
}
