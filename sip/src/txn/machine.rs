//! A transaction as the table keeps it: one of the four machines, its facts and its keys. Each input goes to
//! the machines that understand it.

use bytes::Bytes;

use super::Unanswered;
use super::client::{self, Client};
use super::invite_client::{self, InviteClient};
use super::invite_server::{self, InviteServer};
use super::key::TxnKey;
use super::server::{self, Server};
use super::step::{ClientInput, Facts, ServerInput, Step};
use super::timers::Timer;
use crate::time::Time;
use crate::wheel::TimerId;

/// One transaction.
#[derive(Debug)]
pub(super) struct Entry {
    /// What the machine does not change, and its clock.
    pub(super) facts: Facts,
    /// The machine.
    pub(super) machine: Machine,
    /// What it is found by.
    pub(super) key: TxnKey,
    /// The wheel's timer and when it fires: at the machine's deadline or before.
    pub(super) armed: Option<(Time, TimerId)>,
    /// Its key among the merged requests, when those are detected.
    pub(super) merged: Option<Box<TxnKey>>,
}

/// One of the four.
#[derive(Debug)]
pub(super) enum Machine {
    InviteClient(InviteClient),
    Client(Client),
    InviteServer(InviteServer),
    Server(Server),
}

impl Machine {
    /// An input that only client machines understand.
    pub(super) fn client(&mut self, input: ClientInput<'_>, step: &mut Step<'_>) {
        match self {
            Machine::InviteClient(machine) => machine.handle(input, step),
            Machine::Client(machine) => machine.handle(input, step),
            Machine::InviteServer(_) | Machine::Server(_) => {}
        }
    }

    /// An input that only server machines understand.
    pub(super) fn serve(&mut self, input: ServerInput, step: &mut Step<'_>) {
        match self {
            Machine::InviteServer(machine) => machine.handle(input, step),
            Machine::Server(machine) => machine.handle(input, step),
            Machine::InviteClient(_) | Machine::Client(_) => {}
        }
    }

    /// A timer of the clock fired.
    pub(super) fn fire(&mut self, timer: Timer, step: &mut Step<'_>) {
        match self {
            Machine::InviteClient(_) | Machine::Client(_) => self.client(ClientInput::Timer(timer), step),
            Machine::InviteServer(_) | Machine::Server(_) => self.serve(ServerInput::Timer(timer), step),
        }
    }

    /// The transport could not send.
    pub(super) fn fail(&mut self, step: &mut Step<'_>) {
        match self {
            Machine::InviteClient(_) | Machine::Client(_) => self.client(ClientInput::Failed, step),
            Machine::InviteServer(_) | Machine::Server(_) => self.serve(ServerInput::Failed, step),
        }
    }

    /// The TU cancels; only an INVITE client transaction understands that.
    pub(super) fn cancel(&mut self, headers: Bytes, unanswered: Unanswered, step: &mut Step<'_>) {
        if let Machine::InviteClient(machine) = self {
            machine.cancel(headers, unanswered, step);
        }
    }

    /// The INVITE and the header lines of a CANCEL to be sent now.
    pub(super) fn take_cancel(&mut self) -> Option<(Bytes, Bytes)> {
        match self {
            Machine::InviteClient(machine) => machine.take_cancel(),
            Machine::Client(_) | Machine::InviteServer(_) | Machine::Server(_) => None,
        }
    }

    /// True when the transaction is over.
    pub(super) fn is_terminated(&self) -> bool {
        match self {
            Machine::InviteClient(machine) => machine.state == invite_client::State::Terminated,
            Machine::Client(machine) => machine.state == client::State::Terminated,
            Machine::InviteServer(machine) => machine.state == invite_server::State::Terminated,
            Machine::Server(machine) => machine.state == server::State::Terminated,
        }
    }
}
