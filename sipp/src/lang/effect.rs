//! What an action may ask of the world outside the call, and how it lets the call go on.

use std::net::SocketAddr;

use sip::peer::Transport;

pub use crate::state::MediaKind;

/// Something the shell has to do for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write a line to the logs file.
    Log(Vec<u8>),
    /// Count and write a warning.
    Warning(String),
    /// End the program with exit code 255.
    Fatal(String),
    /// Run a shell command without waiting for it.
    Command(Vec<u8>),
    /// Open no more calls, end when the open ones have ended.
    StopGracefully,
    /// End the program with exit code 97.
    StopNow,
    /// Send the call's further messages there.
    SetDestination {
        /// Transport asked for.
        transport: Transport,
        /// Address asked for.
        addr: SocketAddr,
    },
    /// Close the call's connection.
    CloseConnection,
    /// Replay a capture.
    PlayPcap {
        /// Which media line it belongs to.
        kind: MediaKind,
        /// The file as written.
        file: String,
    },
    /// Play telephone events: digits and their length as written.
    PlayDtmf(Vec<u8>),
    /// Start, pause or resume a stream: the argument as written.
    RtpStream(Vec<u8>),
    /// Switch the echo of the media sockets.
    RtpEcho(EchoSwitch),
    /// Return what the call receives on a media line to its peer, or no longer.
    CallEcho {
        /// The line.
        kind: MediaKind,
        /// On or off.
        switch: EchoSwitch,
    },
}

/// New state of the media echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoSwitch {
    /// Packets are no longer returned.
    Off,
    /// Packets are returned.
    On,
}

/// How a call goes on after an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next action.
    Continue,
    /// A check failed: the remaining actions of the message are skipped, the call fails at its end.
    CheckFailed(Check),
    /// The call ends now as rejected.
    StopCall,
    /// The remaining actions are skipped since the program ends.
    StopAll,
}

/// The checks a call can fail, as the statistics name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// `FailedRegexpDoesntMatch`
    RegexpDoesntMatch,
    /// `FailedRegexpShouldntMatch`
    RegexpShouldntMatch,
    /// `FailedRegexpHdrNotFound`
    RegexpHeaderNotFound,
    /// `FailedTestDoesntMatch`
    TestDoesntMatch,
    /// `FailedTestShouldntMatch`
    TestShouldntMatch,
    /// `FailedStrcmpDoesntMatch`
    StrcmpDoesntMatch,
    /// `FailedStrcmpShouldntMatch`
    StrcmpShouldntMatch,
}
