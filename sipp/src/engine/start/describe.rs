//! A compiled scenario as screens and files show it.

use std::time::Duration;

use crate::scenario::{Op, Program, Send, SendKind, Step};
use crate::state::VarSlot;
use crate::stats::counters::Shape;
use crate::stats::layout::{Kind, Layout, Line, Part, Role};

/// The lines and names of a scenario. `pause` is the length of a pause that gives none.
pub(super) fn layout(program: &Program, (name, part): (&str, Part), pause: Duration) -> Layout {
    // Who waits for commands is a server to SIPp, though its calls go out.
    let role = if program.mode.opens_calls() { Role::Client } else { Role::Server };
    Layout {
        name: name.into(),
        part,
        role,
        lines: program.steps.iter().map(|step| line(program, step, pause)).collect(),
        response_times: program.timers.iter().map(|timer| timer.name.clone()).collect(),
        counters: program.counters.clone(),
        actions: actions(program),
    }
}

/// What the calls of a scenario count.
pub(super) fn shape(program: &Program) -> Shape {
    let millis = |borders: &[u32]| borders.iter().map(|border| u64::from(*border)).collect();
    Shape {
        messages: program.steps.len(),
        generic: program.counters.len(),
        response_borders_ms: program.timers.iter().map(|timer| millis(&timer.borders)).collect(),
        length_borders_ms: millis(&program.call_length_borders),
    }
}

/// The longest a call pauses: the sum of what 99 of 100 pauses do not exceed.
pub(in crate::engine) fn pauses(program: &Program, default: Duration) -> Duration {
    let millis: f64 = program
        .steps
        .iter()
        .map(|step| match step.op {
            Op::Pause(pause) | Op::Timewait(pause) => pause.percentile_99(default),
            _ => 0.0,
        })
        .sum();
    Duration::from_millis(millis as u64)
}

fn line(program: &Program, step: &Step, pause: Duration) -> Line {
    let number = |timers: &[u16]| timers.first().map(|timer| usize::from(*timer) + 1);
    let variable = |slot: VarSlot| {
        let uses = program.vars.table(slot.scope).get(usize::from(slot.index));
        uses.map(|variable| variable.name.clone()).unwrap_or_default()
    };
    let kind = match &step.op {
        Op::Send(send) => Kind::Send { what: sent(send), retransmits: send.retrans.is_some() },
        Op::Recv(_) => Kind::Receive(step.label.clone()),
        Op::Pause(length) | Op::Timewait(length) => Kind::Pause(length.describe(pause, variable)),
        Op::Nop => Kind::Nop(step.label.clone()),
        Op::SendCmd(_) => Kind::SendCommand,
        Op::RecvCmd(_) => Kind::ReceiveCommand,
    };
    let shows_timers = matches!(kind, Kind::Send { .. } | Kind::Receive(_));
    Line {
        kind,
        starts: number(&step.start_timers).filter(|_| shows_timers),
        ends: number(&step.stop_timers).filter(|_| shows_timers),
        hidden: step.hidden,
        gap_after: step.blank_after,
    }
}

fn sent(send: &Send) -> String {
    match &send.kind {
        SendKind::Request(_, method) => method.to_string(),
        SendKind::Response(status) => status.to_string(),
    }
}

/// One line for each message that has actions.
fn actions(program: &Program) -> Vec<String> {
    let with_actions = program.steps.iter().enumerate().filter(|(_, step)| !step.actions.is_empty());
    with_actions
        .map(|(index, step)| {
            format!("=> Message[{index}] ({}) - {} action(s) defined", step.label, step.actions.len())
        })
        .collect()
}
