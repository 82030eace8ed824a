//! The action table: what may stand in `<action>`.
//!
//! One row per action; each family has its own file with readers, meanings and tests.

mod arithmetic;
mod assign;
mod compare;
mod convert;
mod destination;
mod ereg;
mod exec;
mod injection;
mod jump;
mod log;
mod media;
mod verify;

use super::{ActionDef, Attributes, Mistake, Scope};
use crate::state::VarSlot;

/// All actions.
pub const TABLE: &[&ActionDef] = &[
    &ereg::EREG,
    &log::LOG,
    &log::WARNING,
    &log::ERROR,
    &assign::ASSIGN,
    &assign::ASSIGNSTR,
    &assign::SAMPLE,
    &assign::INDEX,
    &assign::GETTIMEOFDAY,
    &arithmetic::ADD,
    &arithmetic::SUBTRACT,
    &arithmetic::MULTIPLY,
    &arithmetic::DIVIDE,
    &convert::TODOUBLE,
    &convert::TRIM,
    &convert::URLENCODE,
    &convert::URLDECODE,
    &compare::TEST,
    &compare::STRCMP,
    &jump::JUMP,
    &jump::PAUSERESTORE,
    &injection::LOOKUP,
    &injection::INSERT,
    &injection::REPLACE,
    &destination::SETDEST,
    &destination::CLOSECON,
    &verify::VERIFYAUTH,
    &media::RTP_ECHO,
    &exec::EXEC,
];

/// The action of that element name.
pub fn find(name: &str) -> Option<&'static ActionDef> {
    TABLE.iter().copied().find(|def| def.name == name)
}

/// A number written as `value` or read from a variable.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Value(f64),
    Variable(VarSlot),
}

impl Operand {
    /// Reads `value`, else the attribute `variable_name`. Error: neither is there.
    fn parse(attributes: &mut Attributes<'_, '_>, variable_name: &str) -> Result<Operand, Mistake> {
        if let Some(value) = attributes.number("value")? {
            return Ok(Operand::Value(value));
        }
        match attributes.var(variable_name)? {
            Some(slot) => Ok(Operand::Variable(slot)),
            None => {
                let message = format!("<{}> needs value or {variable_name}", attributes.element);
                Err(Mistake::new("S021", attributes.at, message))
            }
        }
    }

    fn number(self, scope: &Scope<'_>) -> f64 {
        match self {
            Operand::Value(value) => value,
            Operand::Variable(slot) => scope.var(slot).number(),
        }
    }
}
