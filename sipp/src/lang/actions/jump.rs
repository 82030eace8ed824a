//! `jump` and `pauserestore`: changes of the call's position, made when all actions of the message ran.

use sip::time::Time;

use super::super::{Action, ActionDef, Effect, Flow, Scope, Subject};
use super::Operand;
use crate::state::StepIndex;

pub(in crate::lang) const JUMP: ActionDef = ActionDef {
    name: "jump",
    attributes: &["value", "variable"],
    parse: |attributes| Ok(Box::new(Jump(Operand::parse(attributes, "variable")?))),
    doc: "Continues at the message of that index.",
};

pub(in crate::lang) const PAUSERESTORE: ActionDef = ActionDef {
    name: "pauserestore",
    attributes: &["value", "variable"],
    parse: |attributes| Ok(Box::new(PauseRestore(Operand::parse(attributes, "variable")?))),
    doc: "Lets the next pause end at that moment, in milliseconds since the program started.",
};

#[derive(Debug)]
struct Jump(Operand);

impl Action for Jump {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let target = self.0.number(scope);
        if target < 0.0 || target >= f64::from(u16::MAX) {
            scope.fail(format!("Jump statement out of range ({target} is not a message index)"));
            return Flow::StopCall;
        }
        scope.call.pending.jump = Some(StepIndex(target as u16));
        Flow::Continue
    }
}

#[derive(Debug)]
struct PauseRestore(Operand);

impl Action for PauseRestore {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let millis = self.0.number(scope).clamp(0.0, f64::from(i32::MAX)) as u64;
        scope.call.pending.pause_until = Some(Time::from_millis(millis));
        Flow::Continue
    }
}
