//! The loop of a run that somebody watches: the same operations as in `exec.rs`, with each step counted and told.

use std::time::Duration;

use super::exec::{Run, Status, Step};
use super::program::{Op, Script, Want};
use crate::api::{Called, Shard, Trace};

/// A call of a function, by the clock of whoever watches.
struct Measured {
    call: u32,
    since: Duration,
    /// It gave a code, and the run goes on.
    has_answered: bool,
}

impl Run {
    /// Whether anybody wants to know what the run goes through.
    pub(super) fn is_watched(script: &Script, shard: &Shard) -> bool {
        script.hits.is_some() || shard.trace.is_some()
    }

    /// Runs as `go` does, slower.
    pub(super) fn go_watched(&mut self, script: &Script, shard: &mut Shard) -> Status {
        loop {
            let at = self.pc;
            script.hit(at);
            self.tell_statement(script, shard, at);
            let started = shard.trace.as_ref().map(|trace| trace.now());
            let blocks = self.frames.len();
            let op = &script.ops[at as usize];
            self.state.position = at;
            self.pc += 1;
            let step = self.step(script, shard, op);
            if let (Some(since), Op::Call(call)) = (started, op) {
                let has_answered = matches!(step, Step::Next) && self.frames.len() == blocks;
                match &mut self.pending {
                    // The time it waits counts.
                    Some(pending) => pending.since = Some(since),
                    None => self.tell_call(script, shard, &Measured { call: *call, since, has_answered }),
                }
            }
            if self.frames.len() > blocks {
                let title = script.names.title(self.state.route);
                tell(shard, |trace| trace.block_begins(&title));
            } else if self.frames.len() < blocks {
                let depth = self.frames.len() + 1;
                tell(shard, |trace| trace.is_at(depth));
            }
            if let Step::Stop(status) = step {
                self.tell_status(shard, &status);
                return status;
            }
        }
    }

    /// Tells what a function answered.
    fn tell_call(&self, script: &Script, shard: &mut Shard, measured: &Measured) {
        let Measured { call, since, has_answered } = *measured;
        let site = &script.calls[call as usize];
        let code = has_answered.then(|| match (site.is_core, site.want) {
            (false, _) => self.state.rc,
            (true, Want::Statement) => self.last,
            (true, Want::Truth | Want::Code) => self.values.last().map_or(0, |top| top.to_int()),
        });
        let Some(trace) = &mut shard.trace else { return };
        let place = script.names.place(self.state.position);
        trace.called(&mut shard.log, &Called { place: &place, name: site.def.name, code, since });
    }

    /// Tells what a function answered that had waited since it was called, and the run's end if it was one.
    pub(super) fn tell_resumed(
        &mut self,
        script: &Script,
        shard: &mut Shard,
        (call, since): (u32, Duration),
        status: Option<&Status>,
    ) {
        if let Some(pending) = &mut self.pending {
            pending.since = Some(since);
            return;
        }
        self.tell_call(script, shard, &Measured { call, since, has_answered: status.is_none() });
        if let Some(status) = status {
            self.tell_status(shard, status);
        }
    }

    fn tell_status(&self, shard: &mut Shard, status: &Status) {
        let Some(trace) = &mut shard.trace else { return };
        match status {
            Status::Done(end) => trace.run_ends(&mut shard.log, self.state.kind, *end, self.started),
            Status::Waiting(_) => trace.run_waits(),
        }
    }

    /// Tells that the run begins.
    pub(super) fn tell_start(&mut self, script: &Script, shard: &mut Shard) {
        let Some(trace) = &shard.trace else { return };
        self.started = trace.now();
        let (view, peer) = (self.work.view(), self.work.received.peer);
        let first_line = view.bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(b"");
        let call_id = String::from_utf8_lossy(view.call_id().unwrap_or(b"")).into_owned();
        let title = format!("{} from {}, Call-ID {call_id}", String::from_utf8_lossy(first_line), peer.addr);
        let block = script.names.title(self.state.route);
        tell(shard, |trace| trace.run_begins(&block, &title));
    }

    fn tell_statement(&self, script: &Script, shard: &mut Shard, at: u32) {
        let Some(trace) = &mut shard.trace else { return };
        if let Some(statement) = script.names.statement(at).filter(|it| it.position == at) {
            trace.statement(&mut shard.log, &script.names.title(self.state.route), statement);
        }
    }
}

fn tell(shard: &mut Shard, what: impl FnOnce(&mut Trace)) {
    if let Some(trace) = &mut shard.trace {
        what(trace);
    }
}
