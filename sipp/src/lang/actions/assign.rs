//! Assignments: numbers, texts, draws, the message index, the time of day.

use super::super::distributions::Distribution;
use super::super::{Action, ActionDef, Attributes, Effect, Flow, Mistake, Scope, Subject, Template};
use super::Operand;
use crate::state::{Value, VarSlot};

pub(in crate::lang) const ASSIGN: ActionDef = ActionDef {
    name: "assign",
    attributes: &["assign_to", "value", "variable"],
    parse: |attributes| {
        let operand = Operand::parse(attributes, "variable")?;
        boxed(attributes, Source::Number(operand))
    },
    doc: "Assigns a number.",
};

pub(in crate::lang) const ASSIGNSTR: ActionDef = ActionDef {
    name: "assignstr",
    attributes: &["assign_to", "value"],
    parse: |attributes| {
        let text = attributes.required_template("value")?;
        boxed(attributes, Source::Text(text))
    },
    doc: "Assigns a text with keywords.",
};

pub(in crate::lang) const SAMPLE: ActionDef = ActionDef {
    name: "sample",
    attributes: &[
        "assign_to",
        "distribution",
        "value",
        "min",
        "max",
        "mean",
        "stdev",
        "lambda",
        "k",
        "x_m",
        "shape",
        "scale",
        "location",
        "theta",
        "p",
        "n",
    ],
    parse: |attributes| match Distribution::parse(attributes)? {
        Some(distribution) => boxed(attributes, Source::Draw(distribution)),
        None => Err(Mistake::new("S021", attributes.at, "<sample> needs the attribute distribution")),
    },
    doc: "Assigns a number drawn from a distribution.",
};

pub(in crate::lang) const INDEX: ActionDef = ActionDef {
    name: "index",
    attributes: &["assign_to"],
    parse: |attributes| boxed(attributes, Source::Index),
    doc: "Assigns the index of the message.",
};

pub(in crate::lang) const GETTIMEOFDAY: ActionDef = ActionDef {
    name: "gettimeofday",
    attributes: &["assign_to"],
    parse: |attributes| {
        let [seconds, micros] = attributes.vars("assign_to")?[..] else {
            return Err(attributes.bad("assign_to", "two variables: seconds and microseconds"));
        };
        Ok(Box::new(TimeOfDay { seconds, micros }))
    },
    doc: "Assigns the seconds since 1970 and the microseconds to two variables.",
};

#[derive(Debug)]
struct Assign {
    to: VarSlot,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Number(Operand),
    Text(Template),
    Draw(Distribution),
    Index,
}

fn boxed(attributes: &mut Attributes<'_, '_>, source: Source) -> Result<Box<dyn Action>, Mistake> {
    Ok(Box::new(Assign { to: attributes.required_var("assign_to")?, source }))
}

impl Action for Assign {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let value = match &self.source {
            Source::Number(operand) => Value::Number(operand.number(scope)),
            Source::Text(text) => Value::Text(text.to_vec(scope).into()),
            Source::Draw(distribution) => Value::Number(distribution.draw(&mut || scope.world.random_unit())),
            Source::Index => Value::Number(f64::from(scope.call.step.0)),
        };
        scope.set_var(self.to, value);
        Flow::Continue
    }
}

#[derive(Debug)]
struct TimeOfDay {
    seconds: VarSlot,
    micros: VarSlot,
}

impl Action for TimeOfDay {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let micros = scope.settings.wall.unix_micros(scope.now);
        scope.set_var(self.seconds, Value::Number(micros.div_euclid(1_000_000) as f64));
        scope.set_var(self.micros, Value::Number(micros.rem_euclid(1_000_000) as f64));
        Flow::Continue
    }
}
