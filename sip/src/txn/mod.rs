//! Transactions: the four machines of RFC 3261 17 with RFC 6026, and the table that feeds them.
//!
//! A shell parses what it received and calls [`Table::handle`]; the transaction user (TU: a proxy's relay, a
//! user agent) gets [`Output`]s and answers by opening transactions and by further [`Input`]s. Nothing here
//! reads a clock or a socket: after each call the shell asks [`Table::next_deadline`] and wakes the table with
//! [`Input::Due`].
//!
//! # A proxied call, step by step
//!
//! 1. A request comes in: `handle(now, Input::Request(view), out)`. A retransmission, and the ACK to a final
//!    reply other than 2xx, end here. Otherwise there is one output about it: [`Output::Request`] (new),
//!    [`Output::CancelOf`] (a CANCEL for a known INVITE) or [`Output::StrayAck`] (an ACK that travels end to end).
//! 2. The TU answers statelessly (this room never hears of it), or opens a server transaction with
//!    [`Table::open_server`], for CANCEL too, and sends replies with [`Input::Reply`]. Retransmissions are
//!    answered with the last reply from then on.
//! 3. For each branch the TU writes the request and opens a client transaction with [`Table::open_client`],
//!    which sends it and sends it again as needed.
//! 4. A reply comes in: `handle(now, Input::Response(view), out)` gives [`Output::Response`] for the branch (the
//!    message is the one just handed in), nothing for a retransmission, or [`Output::StrayResponse`]. ACKs to
//!    final replies other than 2xx have been sent by then.
//! 5. To end a branch early: [`Input::Cancel`]. The CANCEL waits for a provisional reply where RFC 3261 9.1 asks
//!    for it, and has a client transaction of its own that reports nothing.
//! 6. Each transaction ends with exactly one [`Output::Terminated`]; its name is stale then and stale names are
//!    ignored everywhere.
//!
//! A 2xx to INVITE is relayed by [`Input::Reply`] each time it comes; here it is never sent twice by itself
//! (RFC 6026 7.1: that is the user agent's task). A TU that is the user agent says [`Input::Accept`]. An ACK to a 2xx goes through statelessly.

mod build;
#[cfg(test)]
mod chaos;
mod client;
mod invite_client;
mod invite_server;
mod key;
#[cfg(test)]
mod lab;
mod limits;
mod machine;
mod server;
#[cfg(test)]
mod sim;
mod step;
mod table;
mod timers;

use bytes::Bytes;

pub use limits::Limits;
pub use table::Table;
pub use timers::{Millis, Restart, Timer, Timers};

use crate::msg::View;
use crate::peer::Peer;

/// Names a transaction of one table; stale names are recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TxnId {
    slot: u32,
    generation: u32,
}

/// A number of the TU's choice that comes back with each output of the transaction, for example its own key
/// for the call and branch. Not interpreted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner(pub u64);

/// Where bytes go: the far end and our socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The far end.
    pub peer: Peer,
    /// Number of the local socket to send from, as the shell counts its sockets.
    pub socket: u16,
    /// What is done with the connection, over a stream.
    pub conn_use: ConnUse,
}

/// What sending over a stream does to its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConnUse {
    /// None is made: without one that stands, nothing is sent.
    pub existing_only: bool,
    /// It is closed behind the message.
    pub close_behind: bool,
}

impl Hop {
    /// A hop to a far end by the socket of that number; connections are made and kept as usual.
    pub fn new(peer: Peer, socket: u16) -> Hop {
        Hop { peer, socket, conn_use: ConnUse::default() }
    }
}

/// What a server transaction starts from.
#[derive(Clone, Copy, Debug)]
pub struct NewServer<'a> {
    /// The request as received; nothing of it is kept.
    pub request: View<'a>,
    /// Where its replies go (RFC 3261 18.2.2, RFC 3581 4).
    pub reply_to: Hop,
    /// The TU's number.
    pub owner: Owner,
    /// Timers of this transaction.
    pub timers: Timers,
}

/// What a client transaction starts from.
#[derive(Clone, Debug)]
pub struct NewClient<'a> {
    /// The whole request as it goes out, kept to be sent again and to build ACK and CANCEL from.
    pub request: Bytes,
    /// Branch of its topmost Via, as written there.
    pub branch: &'a [u8],
    /// Its method as written; `INVITE` makes an INVITE transaction. Never `ACK`.
    pub method: &'a [u8],
    /// Where it goes.
    pub hop: Hop,
    /// The TU's number.
    pub owner: Owner,
    /// Timers of this transaction.
    pub timers: Timers,
}

/// Why a transaction was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The table holds as many transactions as it may: answer 503 statelessly.
    Full,
    /// There is one with the same key already.
    Exists(TxnId),
    /// The request lacks what a key is made of (Via, CSeq, From, Call-ID): answer 400 statelessly, or drop.
    Unidentified,
}

/// What a table takes.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A request from the network.
    Request(View<'a>),
    /// A reply from the network.
    Response(View<'a>),
    /// Time has passed: let all timers that are due fire.
    Due,
    /// TU: send this reply on a server transaction. Replies behind a final one are dropped, but 2xx to INVITE
    /// behind a 2xx go out (several branches may have answered).
    Reply {
        /// A server transaction.
        txn: TxnId,
        /// Its status code, 100 to 699.
        status: u16,
        /// The whole reply.
        bytes: Bytes,
    },
    /// TU: send this 2xx of its own on an INVITE server transaction, again and again until [`Input::Confirm`] or until
    /// it has waited as long as for a final reply (13.3.1.4). Over streams too: a hop behind them may lose it.
    Accept {
        /// An INVITE server transaction.
        txn: TxnId,
        /// The whole reply.
        bytes: Bytes,
    },
    /// TU: the ACK to that 2xx has come.
    Confirm {
        /// An INVITE server transaction.
        txn: TxnId,
    },
    /// TU: cancel the request of an INVITE client transaction (RFC 3261 9.1). Without effect once a final reply came.
    Cancel {
        /// An INVITE client transaction.
        txn: TxnId,
        /// Header lines to add to the CANCEL, each with its CRLF; perhaps empty. Example: a Reason.
        headers: Bytes,
        /// What to do when there was no reply at all yet.
        unanswered: Unanswered,
    },
    /// TU: give the transaction new limits from now on (final response, after provisional, linger, lifetime).
    Retime {
        /// Any transaction.
        txn: TxnId,
        /// Its new timers.
        timers: Timers,
    },
    /// TU: forget the transaction at once; only [`Output::Terminated`] follows.
    Release {
        /// Any transaction.
        txn: TxnId,
    },
    /// Shell: bytes of this transaction could not be sent (RFC 3261 17.1.4, 17.2.4).
    Failed {
        /// As named by [`Output::Send`].
        txn: TxnId,
    },
}

/// How a cancelled INVITE without any reply goes on; the CANCEL waits for the first provisional reply (9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It is still retransmitted, so that a reply comes and the CANCEL can follow.
    KeepSending,
    /// It is not sent again.
    StopSending,
}

/// What a table gives. Outputs of one call are in order of happening; those that speak of a message speak of
/// the one handed in by that call.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send these bytes; on an error hand in [`Input::Failed`].
    Send {
        /// The transaction they belong to.
        txn: TxnId,
        /// Where they go.
        hop: Hop,
        /// The whole message.
        bytes: Bytes,
    },
    /// The request belongs to no transaction.
    Request,
    /// The CANCEL is new, and this is the INVITE it means (9.2).
    CancelOf {
        /// The INVITE's server transaction, perhaps answered already.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
    },
    /// The request is new, but came before on another way: same From tag, Call-ID and CSeq, no To tag (8.2.2.2).
    /// Only with [`Limits::detect_merged`].
    Merged {
        /// The server transaction of the one that came first.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
    },
    /// The ACK belongs to no transaction: it answers a 2xx end to end, or nothing.
    StrayAck,
    /// The reply belongs to no transaction (18.1.2: a proxy forwards it or drops it).
    StrayResponse,
    /// The request repeats one whose server transaction lives; the last reply went out again, if there is one.
    Retransmission {
        /// The server transaction.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
    },
    /// The ACK confirms the final reply other than 2xx of an INVITE server transaction (17.2.1); once each.
    Acked {
        /// The server transaction.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
    },
    /// The reply is for the TU: each provisional one, the first final one, and each 2xx to INVITE.
    Response {
        /// The client transaction.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
    },
    /// A timer gave up, see [`Timer`]. B and F: no final reply, treat as 408. H: no ACK came. Lifetime: it has
    /// lived too long. After C, or Lifetime when provisional replies came, an INVITE goes on so that the TU can
    /// cancel it and the answer is acknowledged; B follows when there is none.
    Timeout {
        /// The transaction.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
        /// Which timer.
        timer: Timer,
    },
    /// Bytes could not be sent; treat as 503 (8.1.3.1, 16.9).
    TransportError {
        /// The transaction.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
    },
    /// The transaction is over and its name stale. The last output about it.
    Terminated {
        /// The transaction.
        txn: TxnId,
        /// Its owner.
        owner: Owner,
    },
}

/// Collects outputs; the shell keeps one and drains it after each call.
pub type Outputs = Vec<Output>;
