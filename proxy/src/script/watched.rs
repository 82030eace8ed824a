//! The loop of a run that somebody watches: the same operations as in `exec.rs`, with each step counted and told.

use super::exec::{Run, Status, Step};
use super::program::{Op, Script, Want};
use crate::api::{Shard, Trace};

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
            if let (Some(started), Op::Call(call)) = (started, op) {
                let site = &script.calls[*call as usize];
                let has_answered = matches!(step, Step::Next) && self.frames.len() == blocks;
                let code = has_answered.then(|| match (site.is_core, site.want) {
                    (false, _) => self.state.rc,
                    (true, Want::Statement) => self.last,
                    (true, Want::Truth | Want::Code) => self.values.last().map_or(0, |top| top.to_int()),
                });
                let place = script.names.place(at);
                tell(shard, |trace| trace.called(&place, site.def.name, code, started));
            }
            if self.frames.len() > blocks {
                let title = script.names.title(self.state.route);
                tell(shard, |trace| trace.block_begins(&title));
            } else if self.frames.len() < blocks {
                let depth = self.frames.len() + 1;
                tell(shard, |trace| trace.is_at(depth));
            }
            if let Step::Stop(status) = step {
                tell(shard, |trace| match &status {
                    Status::Done(end) => trace.run_ends(*end),
                    Status::Waiting(_) => trace.run_waits(),
                });
                return status;
            }
        }
    }

    /// Tells that the run begins.
    pub(super) fn tell_start(&self, script: &Script, shard: &mut Shard) {
        if shard.trace.is_none() {
            return;
        }
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
