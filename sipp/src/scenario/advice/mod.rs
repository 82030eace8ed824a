//! Advice: what SIPp runs without a word though it is probably not meant.
//!
//! Looks at a scenario that has no mistakes. The way through the messages is in `flow`, their texts in `texts`,
//! variables and lines of injection files are here.

mod flow;
mod texts;

use sip::diag::{Diagnostic, Place};

use crate::lang::{Mistake, VarUse};
use crate::state::Scope;

use super::ast::Element;
use super::compile::Compiler;
use super::program::Step;

/// Notes all advice.
pub(super) fn advise(compiler: &mut Compiler<'_, '_>, steps: &[Step], root: &Element) {
    advise_variables(compiler);
    advise_lines(compiler);
    flow::advise(compiler, steps, root);
    for element in root.children.iter().filter(|child| child.name == "send") {
        for advice in texts::look_at(element) {
            compiler.findings.advise(advice);
        }
    }
}

/// The first line of each injection file that lacks a field the scenario prints: the call that takes it fails.
fn advise_lines(compiler: &mut Compiler<'_, '_>) {
    let infiles = compiler.names.infiles;
    for (file, field) in &compiler.names.last_fields {
        let Some(file) = infiles.get(*file) else { continue };
        let Some(line) = file.first_without(*field) else { continue };
        let place = Place { source: file.name().into(), line: line.number.unwrap_or(1), column: 1 };
        let text = format!("Field {field} not found in the file {}: {line}", file.name());
        let hint =
            "a call that takes the line and prints the field fails; an empty field is written with its ;";
        compiler.findings.advice.push(Diagnostic::warning("S119", place, text).with_hint(hint));
    }
}

fn advise_variables(compiler: &mut Compiler<'_, '_>) {
    // Global ones may be given by -set, so only those of users and calls are looked at.
    for scope in [Scope::Call, Scope::User] {
        let declared = u32::from(scope == Scope::User);
        for variable in compiler.names.vars.table(scope) {
            let VarUse { name, count, assignments, offset } = variable;
            if name == "_" || name.starts_with("_unexp.") {
                continue;
            }
            let advice = if *assignments == 0 {
                Mistake::new("S110", *offset, format!("Variable ${name} is never given a value"))
            } else if *assignments + declared == *count {
                let mut advice =
                    Mistake::new("S111", *offset, format!("The value of variable ${name} is never read"));
                advice.hint = Some(format!("<Reference variables=\"{name}\"/> says that this is meant"));
                advice
            } else {
                continue;
            };
            compiler.findings.advise(advice);
        }
    }
}
