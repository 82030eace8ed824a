//! What must hold for a scenario as a whole; SIPp refuses these too, and its words are kept.

use crate::lang::{Mistake, VarUse};
use crate::state::Scope;

use super::ast::Element;
use super::compile::Compiler;
use super::elements::{self, Placement};
use super::program::{Op, Step};

/// Notes every violation.
pub(super) fn check(compiler: &mut Compiler<'_, '_>, steps: &[Step], root: &Element) {
    let places: Vec<usize> = root
        .children
        .iter()
        .filter(|child| elements::find(&child.name).is_some_and(|def| def.place == Placement::Message))
        .map(|child| child.at)
        .collect();
    if places.is_empty() {
        compiler.findings.error(Mistake::new(
            "S031",
            root.at,
            "Did not find any messages inside of scenario!",
        ));
    }
    check_order(compiler, steps, &places);
    check_timers(compiler);
    check_txns(compiler);
    check_variables(compiler);
}

fn check_order(compiler: &mut Compiler<'_, '_>, steps: &[Step], places: &[usize]) {
    for (number, (step, at)) in steps.iter().zip(places).enumerate() {
        let after_optional =
            number > 0 && matches!(steps[number - 1].op, Op::Recv(_)) && steps[number - 1].is_optional();
        let is_read = !compiler.unread.iter().any(|unread| unread.get() == number);
        if is_read && after_optional && !matches!(step.op, Op::Recv(_) | Op::RecvCmd(_)) {
            let name = match step.op {
                Op::Send(_) => "send",
                Op::Pause(_) | Op::Timewait(_) => "pause",
                Op::Nop => "nop",
                _ => "sendCmd",
            };
            let message = format!(
                "<recv> before <{name}> sequence without a mandatory message. \
                 Please remove one 'optional=true' (element {}).",
                number + 1
            );
            compiler.findings.error(Mistake::new("S032", *at, message));
        }
        if matches!(step.op, Op::Timewait(_)) && number + 1 != steps.len() {
            compiler.findings.error(Mistake::new("S033", *at, "<timewait> must be the last message"));
        }
    }
}

fn check_timers(compiler: &mut Compiler<'_, '_>) {
    for timer in &compiler.timers {
        if timer.started && !timer.stopped {
            let message =
                format!("You have started Response Time Duration {}, but have never stopped it!", timer.name);
            compiler.findings.error(Mistake::new("S034", timer.at, message));
        }
    }
}

fn check_txns(compiler: &mut Compiler<'_, '_>) {
    for txn in &compiler.txns {
        let name = &txn.name;
        let message = match (txn.started, txn.responses, txn.is_invite, txn.acked) {
            (false, ..) => format!("Transaction {name} is never started!"),
            (true, 0, ..) => format!("Transaction {name} has no responses defined!"),
            (true, _, true, false) => format!("Transaction {name} is an INVITE transaction without an ACK!"),
            (true, _, false, true) => format!("Transaction {name} is a non-INVITE transaction with an ACK!"),
            _ => continue,
        };
        compiler.findings.error(Mistake::new("S035", txn.at, message));
    }
}

/// A variable that is mentioned once is a slip of the finger, in SIPp's eyes a fatal one.
fn check_variables(compiler: &mut Compiler<'_, '_>) {
    for scope in [Scope::Call, Scope::User, Scope::Global] {
        for var in compiler.names.vars.table(scope) {
            if var.count < 2 && var.name != "_" && !var.name.starts_with("_unexp.") {
                let message = format!("Variable ${} is referenced {} times!", var.name, var.count);
                // Numbers are near each other without being meant.
                let is_near = |other: &&VarUse| other.name != var.name && var.name.len() > 2;
                let others = compiler.names.vars.table(scope).iter().filter(is_near);
                let mistake = Mistake::new("S036", var.offset, message)
                    .suggest(&var.name, others.map(|other| other.name.as_str()));
                compiler.findings.error(mistake);
            }
        }
    }
}
