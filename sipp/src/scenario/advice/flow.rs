//! The way through a scenario: labels nobody jumps to, messages no call reaches, a recv that cannot match.

use sip::msg::Method;

use crate::lang::Mistake;
use crate::state::StepIndex;

use super::super::ast::Element;
use super::super::compile::Compiler;
use super::super::elements::{self, Placement};
use super::super::program::{Expects, Op, Step};

/// Notes advice about the order of messages.
pub(super) fn advise(compiler: &mut Compiler<'_, '_>, steps: &[Step], root: &Element) {
    let is_message =
        |child: &&Element| elements::find(&child.name).is_some_and(|def| def.place == Placement::Message);
    let messages: Vec<&Element> = root.children.iter().filter(is_message).collect();
    advise_labels(compiler, root);
    if !messages.iter().any(|message| jumps(message)) {
        let start = compiler.labels.iter().find(|label| label.id == "_unexp.main").map(|label| label.to);
        for (message, reached) in messages.iter().zip(reachable(steps, start)) {
            if !reached {
                let text = format!("<{}> is never reached", message.name);
                compiler.findings.advise(Mistake::new("S113", message.at, text));
            }
        }
    }
    for (number, (step, message)) in steps.iter().zip(&messages).enumerate() {
        if let Some(reason) = cannot_match(step, number) {
            compiler.findings.advise(Mistake::new("S114", message.at, reason));
        }
    }
}

fn advise_labels(compiler: &mut Compiler<'_, '_>, root: &Element) {
    let is_used = |id: &[u8]| {
        let named = |child: &Element, name| child.attribute(name).is_some_and(|label| label.value == id);
        root.children.iter().any(|child| named(child, "next") || named(child, "ontimeout"))
    };
    for label in root.children.iter().filter(|child| child.name == "label") {
        let Some(id) = label.attribute("id") else { continue };
        if id.value != b"_unexp.main" && !is_used(&id.value) {
            let text = format!("Nothing jumps to the label '{}'", String::from_utf8_lossy(&id.value));
            compiler.findings.advise(Mistake::new("S112", label.at, text));
        }
    }
}

/// True for a message with an action that goes to a computed place.
fn jumps(message: &Element) -> bool {
    let actions = message.children.iter().flat_map(|action| &action.children);
    actions.into_iter().any(|action| action.name == "jump")
}

/// Which messages a call can come to.
fn reachable(steps: &[Step], unexpected: Option<StepIndex>) -> Vec<bool> {
    let mut reached = vec![false; steps.len()];
    let mut open: Vec<usize> = vec![0];
    open.extend(unexpected.map(StepIndex::get));
    while let Some(at) = open.pop() {
        let Some(step) = steps.get(at).filter(|_| !reached[at]) else { continue };
        reached[at] = true;
        let always = step.next.is_some_and(|next| next.test.is_none() && next.chance.is_none());
        if !always || step.is_optional() {
            open.push(at + 1);
        }
        open.extend(step.next.map(|next| next.to.get()));
        open.extend(step.on_timeout.map(StepIndex::get));
    }
    reached
}

/// Why no message can ever fit a `recv`.
fn cannot_match(step: &Step, number: usize) -> Option<String> {
    let Op::Recv(recv) = &step.op else { return None };
    match &recv.expects {
        Expects::Request(method) => {
            let upper = method.to_ascii_uppercase();
            if method.is_empty() || !method.bytes().all(is_token) {
                return Some(format!("No request has the method '{method}': this recv can never match"));
            }
            let is_misspelt = upper != **method && Method::parse(upper.as_bytes()) != Method::Other;
            is_misspelt.then(|| format!("Methods are case-sensitive: no {upper} matches '{method}'"))
        }
        Expects::Response { status, .. } if !(100..700).contains(status) => {
            Some(format!("No response has the status {status}: this recv can never match"))
        }
        Expects::Response { methods, .. } | Expects::ResponseMatching { methods, .. } => {
            let nothing_sent = number > 0 && methods.is_empty() && recv.response_txn.is_none();
            nothing_sent.then(|| "No request is sent before this recv: it can never match".to_owned())
        }
        Expects::RequestMatching(_) => None,
    }
}

/// RFC 3261 25.1.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}
