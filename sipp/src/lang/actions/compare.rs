//! `test` and `strcmp`: comparisons with a result, a check, or both.

use std::cmp::Ordering;

use super::super::{Action, ActionDef, Attributes, Check, Effect, Flow, Mistake, Scope, Subject};
use super::Operand;
use crate::state::{Value, VarSlot};

pub(in crate::lang) const TEST: ActionDef = ActionDef {
    name: "test",
    attributes: &["variable", "compare", "value", "variable2", "assign_to", "check_it", "check_it_inverse"],
    parse: parse_test,
    doc: "Compares numbers.",
};

pub(in crate::lang) const STRCMP: ActionDef = ActionDef {
    name: "strcmp",
    attributes: &["variable", "value", "variable2", "assign_to", "check_it", "check_it_inverse"],
    parse: parse_strcmp,
    doc: "Compares texts; the result is negative, 0 or positive.",
};

/// `check_it` and `check_it_inverse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expectation {
    /// Nothing is checked.
    None,
    /// Must hold.
    Holds,
    /// Must not hold.
    Fails,
}

impl Expectation {
    pub(super) fn parse(attributes: &Attributes<'_, '_>) -> Result<Expectation, Mistake> {
        match (attributes.flag("check_it")?, attributes.flag("check_it_inverse")?) {
            (false, false) => Ok(Expectation::None),
            (true, false) => Ok(Expectation::Holds),
            (false, true) => Ok(Expectation::Fails),
            (true, true) => {
                let message = "check_it and check_it_inverse exclude each other";
                Err(Mistake::new("S022", attributes.at, message))
            }
        }
    }

    /// True when what was found is not what was expected.
    pub(super) fn is_missed(self, holds: bool) -> bool {
        self == if holds { Expectation::Fails } else { Expectation::Holds }
    }

    fn name(self) -> &'static str {
        if self == Expectation::Fails { "check_it_inverse" } else { "check_it" }
    }
}

/// Name, operator as warnings show it, meaning.
type Comparison = (&'static str, &'static str, fn(Ordering) -> bool);

const COMPARISONS: [Comparison; 6] = [
    ("equal", "==", Ordering::is_eq),
    ("not_equal", "!=", Ordering::is_ne),
    ("greater_than", ">", Ordering::is_gt),
    ("less_than", "<", Ordering::is_lt),
    ("greater_than_equal", ">=", Ordering::is_ge),
    ("less_than_equal", "<=", Ordering::is_le),
];

#[derive(Debug)]
struct Test {
    left: VarSlot,
    right: Operand,
    comparison: usize,
    assign_to: Option<VarSlot>,
    expectation: Expectation,
    shown: (String, String),
}

fn parse_test(attributes: &mut Attributes<'_, '_>) -> Result<Box<dyn Action>, Mistake> {
    let left = attributes.required_var("variable")?;
    let name = attributes.required("compare")?;
    let comparison = COMPARISONS.iter().position(|row| row.0 == name).ok_or_else(|| {
        attributes.bad("compare", "a comparison").suggest(&name, COMPARISONS.iter().map(|row| row.0))
    })?;
    let right = Operand::parse(attributes, "variable2")?;
    let expectation = Expectation::parse(attributes)?;
    let assign_to = result_variable(attributes, expectation)?;
    let text = |name| attributes.text(name).unwrap_or_default();
    let shown = (text("variable"), text("variable2"));
    Ok(Box::new(Test { left, right, comparison, assign_to, expectation, shown }))
}

/// Where the result goes; only a check may do without.
fn result_variable(
    attributes: &mut Attributes<'_, '_>,
    expectation: Expectation,
) -> Result<Option<VarSlot>, Mistake> {
    match expectation {
        Expectation::None => attributes.required_var("assign_to").map(Some),
        _ => attributes.var("assign_to"),
    }
}

impl Action for Test {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let (left, right) = (scope.var(self.left).number(), self.right.number(scope));
        let (_, operator, holds) = COMPARISONS[self.comparison];
        // Not a number is unequal to everything.
        let holds = left.partial_cmp(&right).map_or(operator == "!=", holds);
        if let Some(to) = self.assign_to {
            scope.set_var(to, Value::Bool(holds));
        }
        if !self.expectation.is_missed(holds) {
            return Flow::Continue;
        }
        let ((a, b), check) = (&self.shown, self.expectation.name());
        scope.warn(format!("test \"{a}:{left:.6} {operator} {b}:{right:.6}\" with {check} failed"));
        Flow::CheckFailed(if holds { Check::TestShouldntMatch } else { Check::TestDoesntMatch })
    }
}

#[derive(Debug)]
struct Strcmp {
    left: VarSlot,
    right: Text,
    assign_to: Option<VarSlot>,
    expectation: Expectation,
    shown: (String, String),
}

#[derive(Debug)]
enum Text {
    Literal(Vec<u8>),
    Variable(VarSlot),
}

fn parse_strcmp(attributes: &mut Attributes<'_, '_>) -> Result<Box<dyn Action>, Mistake> {
    let left = attributes.required_var("variable")?;
    let literal = attributes.get("value").map(|attribute| Text::Literal(attribute.value.clone()));
    let right = match literal {
        Some(literal) => literal,
        None => Text::Variable(attributes.required_var("variable2")?),
    };
    let expectation = Expectation::parse(attributes)?;
    let assign_to = result_variable(attributes, expectation)?;
    let text = |name| attributes.text(name).unwrap_or_default();
    let shown = (text("variable"), text("variable2"));
    Ok(Box::new(Strcmp { left, right, assign_to, expectation, shown }))
}

impl Action for Strcmp {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let print = |slot| {
            let mut text = Vec::new();
            scope.var(slot).write(&mut text);
            text
        };
        let left = print(self.left);
        let right = match &self.right {
            Text::Literal(text) => text.clone(),
            Text::Variable(slot) => print(*slot),
        };
        let order = left.cmp(&right) as i8;
        if let Some(to) = self.assign_to {
            scope.set_var(to, Value::Number(f64::from(order)));
        }
        if !self.expectation.is_missed(order == 0) {
            return Flow::Continue;
        }
        let ((a, b), check) = (&self.shown, self.expectation.name());
        let (left, right) = (String::from_utf8_lossy(&left), String::from_utf8_lossy(&right));
        scope.warn(format!("strcmp {a}:\"{left}\" and {b}:\"{right}\" with {check} returned {order}"));
        Flow::CheckFailed(if order == 0 { Check::StrcmpShouldntMatch } else { Check::StrcmpDoesntMatch })
    }
}
