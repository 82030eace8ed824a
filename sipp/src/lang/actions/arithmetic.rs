//! `add`, `subtract`, `multiply`, `divide`: arithmetic on a variable in place. What is no double counts as 0.

use super::super::{Action, ActionDef, Attributes, Effect, Flow, Mistake, Scope, Subject};
use super::Operand;
use crate::state::{Value, VarSlot};

macro_rules! arithmetic {
    ($constant:ident $name:literal $operator:ident $doc:literal) => {
        pub(in crate::lang) const $constant: ActionDef = ActionDef {
            name: $name,
            attributes: &["assign_to", "value", "variable"],
            parse: |attributes| Arithmetic::parse(attributes, Operator::$operator),
            doc: $doc,
        };
    };
}

arithmetic!(ADD "add" Add "Adds to a variable.");
arithmetic!(SUBTRACT "subtract" Subtract "Subtracts from a variable.");
arithmetic!(MULTIPLY "multiply" Multiply "Multiplies a variable.");
arithmetic!(DIVIDE "divide" Divide "Divides a variable.");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug)]
struct Arithmetic {
    to: VarSlot,
    operator: Operator,
    operand: Operand,
    /// Names of both sides, for the warning about a division by zero.
    shown: (String, String),
}

impl Arithmetic {
    fn parse(attributes: &mut Attributes<'_, '_>, operator: Operator) -> Result<Box<dyn Action>, Mistake> {
        let to = attributes.required_var("assign_to")?;
        let operand = Operand::parse(attributes, "variable")?;
        if let (Operator::Divide, Operand::Value(0.0)) = (operator, operand) {
            return Err(attributes.bad("value", "a divisor other than 0"));
        }
        let text = |name| attributes.text(name).unwrap_or_default();
        let shown = (text("assign_to"), text("variable"));
        Ok(Box::new(Arithmetic { to, operator, operand, shown }))
    }
}

impl Action for Arithmetic {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let (left, right) = (scope.var(self.to).number(), self.operand.number(scope));
        let result = match self.operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide if right == 0.0 => {
                let (to, by) = &self.shown;
                scope.warn(format!("Action failure: Can not divide by zero (${to}/${by})!"));
                return Flow::Continue;
            }
            Operator::Divide => left / right,
        };
        scope.set_var(self.to, Value::Number(result));
        Flow::Continue
    }
}
