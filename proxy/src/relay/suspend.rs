//! Runs put aside by name (`t_suspend()`, `t_continue()`): a branch without a request stands for each, so that the
//! transaction waits for it as for any other. And what is asked of a transaction from outside: its last reply once
//! more, its name.

use sip::msg::{Index, View};
use sip::time::Time;
use sip::txn::Input;

use super::context::Branch;
use super::machine::Relay;
use super::{Places, RelayId, Target};

impl Relay {
    /// Makes the transaction wait for [`Relay::resume`]. False when it is gone or waits already.
    pub fn suspend(&mut self, id: RelayId) -> bool {
        let Some(context) = self.context_mut(id).filter(|context| context.suspended.is_none()) else {
            return false;
        };
        let branch = context.legs.add();
        context.suspended = Some(branch as u8);
        context.branches.push(Branch {
            client: None,
            hop: context.reply_to,
            others: Places::new(),
            sent: Default::default(),
            reply: None,
            on_reply: Default::default(),
            on_failure: context.armed.failure,
            on_branch_failure: Default::default(),
            is_canceled: false,
            target: Box::new(Target::default()),
        });
        true
    }

    /// Ends the wait: the run goes on, and [`Relay::resumed`] follows when it has ended. False when nothing waits.
    pub fn resume(&mut self, id: RelayId) -> bool {
        let Some(context) = self.context_mut(id) else { return false };
        let Some(branch) = context.suspended.take() else { return false };
        let at = usize::from(branch);
        context.legs.fake(at, 500);
        context.legs.drop_replies(at..at + 1);
        true
    }

    /// The run that went on has ended: its branches go on, else the transaction is answered.
    pub fn resumed(&mut self, now: Time, id: RelayId) {
        self.conclude(now, id);
    }

    /// Nobody went on in time: the branch that stands for the run ends as if nobody had answered.
    pub fn suspended_too_long(&mut self, now: Time, id: RelayId) {
        let waiting = self.context_mut(id).and_then(|context| context.suspended.take());
        if let Some(branch) = waiting {
            self.end_branch(now, id, branch, 408);
        }
    }

    /// Sends the last reply of the transaction again. False when it is gone or had none.
    pub fn retransmit_reply(&mut self, now: Time, id: RelayId) -> bool {
        let Some(context) = self.context(id).filter(|context| context.sent_status != 0) else { return false };
        let request = context.request.clone();
        let Ok(index) = Index::parse(&request) else { return false };
        // The request once more is what makes the server transaction repeat its reply.
        self.drive(now, Input::Request(View { bytes: &request, index: &index }));
        true
    }

    /// The transaction of a request with this Call-ID and CSeq number, among those of this shard.
    pub fn find_call(&self, call_id: &[u8], cseq: u32) -> Option<RelayId> {
        let mut found = self.contexts.iter().filter(|(_, context)| {
            let Ok(index) = Index::parse(&context.request) else { return false };
            let view = View { bytes: &context.request, index: &index };
            view.call_id().is_ok_and(|of| of == call_id) && view.cseq().is_ok_and(|of| of.number == cseq)
        });
        found.next().map(|(slot, context)| RelayId { slot: slot as u32, generation: context.generation })
    }
}
