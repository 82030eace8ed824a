//! The player: one thread that sends and takes all media, beside the signalling thread.
//!
//! Commands come over a bounded channel, figures go back as counters, complaints over a second channel. What to
//! send when is decided by [`Playback`]; here are the sockets ([`ports`]), the clock and the wheel ([`stage`]).

mod bell;
mod hearing;
mod listener;
mod places;
mod ports;
mod stage;
mod tally;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sip::net::{Clock, UdpSocket};

use crate::lang::{Ears, EchoSwitch, MediaKind};
use crate::media::crypto::Agreement;
use crate::media::pattern::PatternCheck;
use crate::media::reports::Origin;
use crate::media::{Codecs, Playback};
use crate::stats::snapshot::MediaTraffic;

pub(super) use tally::Tally;

use bell::Bell;
use hearing::Hearing;
use ports::Ports;
use stage::Stage;

/// Which of a call's streams is meant; a new one in the same slot takes the place of the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    /// Captures and telephone events of the `m=audio` line.
    Audio,
    /// Captures of the `m=image` line.
    Image,
    /// Captures of the `m=video` line.
    Video,
    /// What `rtp_stream` plays.
    Stream,
    /// The pattern of `rtpcheck` on the `m=audio` line.
    AudioPattern,
    /// The same on the `m=video` line.
    VideoPattern,
}

impl Slot {
    pub(super) const ALL: [Slot; 6] =
        [Slot::Audio, Slot::Image, Slot::Video, Slot::Stream, Slot::AudioPattern, Slot::VideoPattern];
}

/// Names a media line: the number of its call and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LineId {
    pub(super) call: u64,
    pub(super) kind: MediaKind,
}

/// What the descriptions of both sides say about a line.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) line: LineId,
    /// Where we take packets.
    pub(super) local: SocketAddr,
    /// Where the peer takes them.
    pub(super) remote: Option<SocketAddr>,
    /// Where the peer takes RTCP.
    pub(super) remote_rtcp: Option<SocketAddr>,
    pub(super) codecs: Codecs,
    /// Keys of both directions; `None` for plain RTP.
    pub(super) keys: Option<Agreement>,
    /// What listens at `local` already ([`listen`]).
    pub(super) socket: Option<UdpSocket>,
}

/// Binds a port that a call is about to announce: who knows of it may send before the player has its turn. `None` when
/// it is taken, by the player for another call or by somebody else.
pub(super) fn listen(local: SocketAddr) -> Option<UdpSocket> {
    ports::bind(local).ok()
}

/// What the player has to say.
#[derive(Debug)]
pub(super) enum Remark {
    /// Something went wrong.
    Complaint(String),
    /// What `rtpcheck` found on a line of that kind, one line of text.
    Checked(MediaKind, String),
    /// What became of the packets of a protected line, one line of text.
    Protected(String),
}

/// Names a stream: the number of its call and its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StreamId {
    pub(super) call: u64,
    pub(super) slot: Slot,
}

/// What the player is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Play this; what the slot played before ends.
    Start(Box<Start>),
    /// Send nothing for now.
    Pause(StreamId),
    /// Go on.
    Resume(StreamId),
    /// The call is over: all its streams end.
    Forget(u64),
    /// Return received packets, or no longer.
    Echo(EchoSwitch),
    /// Listen there, and know what comes.
    Expect(Box<Place>),
    /// Return what a line receives to the peer of the call, or no longer.
    EchoLine(LineId, EchoSwitch),
}

/// A stream to be started.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) id: StreamId,
    pub(super) playback: Playback,
    /// Where packets of port shift 0 come from.
    pub(super) from: SocketAddr,
    /// Where they go.
    pub(super) to: SocketAddr,
    /// The line the stream counts for and is protected as.
    pub(super) kind: MediaKind,
    /// Set when what comes back is compared.
    pub(super) check: Option<PatternCheck>,
}

/// How a player is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Habits {
    /// Address the media ports are bound to.
    pub(super) ip: IpAddr,
    /// The first port tried for audio; video takes the one two above.
    pub(super) first_port: u16,
    /// No port above this one is taken.
    pub(super) last_port: u16,
    /// `-rtp_echo`.
    pub(super) echo: EchoSwitch,
    /// `-mb`: longer packets are returned cut to this many bytes.
    pub(super) echo_bytes: usize,
    /// `-rtcp`: time between two reports.
    pub(super) report_every: Option<Duration>,
    /// `-audiotolerance`, `-videotolerance`.
    pub(super) tolerance: [f64; 2],
    /// `-rtpcheck_debug`.
    pub(super) check_debug: bool,
    /// `-srtpcheck_debug`.
    pub(super) srtp_debug: bool,
    /// Where the clock stands on the calendar.
    pub(super) origin: Origin,
}

/// The running player. Dropping it ends its thread and closes its sockets.
pub(super) struct Player {
    commands: Option<SyncSender<Command>>,
    bell: Bell,
    tally: Arc<Tally>,
    remarks: Receiver<Remark>,
    hearing: Hearing,
    port: u16,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    /// Binds the media ports and starts the thread. Errors: no pair of ports is free, or the system is out of
    /// descriptors or threads.
    pub(super) fn start(clock: Clock, habits: Habits) -> io::Result<Player> {
        let ports = Ports::new(habits)?;
        let port = ports.first_port();
        let bell = Bell::new(ports.waker());
        let tally = Arc::new(Tally::default());
        let (commands, orders) = sync_channel(COMMANDS_WAITING);
        let (remark, remarks) = sync_channel(REMARKS_WAITING);
        let hearing = Hearing::new(habits.origin);
        let stage = Stage::new(clock, ports, (Arc::clone(&tally), hearing.clone()), remark, bell.clone());
        let thread =
            std::thread::Builder::new().name("sipp-media".into()).spawn(move || stage.run(&orders))?;
        Ok(Player { commands: Some(commands), bell, tally, remarks, hearing, port, thread: Some(thread) })
    }

    /// The bound audio port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// True for the audio and the video port, which calls share.
    pub(super) fn shares(&self, port: u16) -> bool {
        port == self.port || port == self.port + 2
    }

    /// Hands a command over; false when too many wait already and it is lost.
    #[must_use]
    pub(super) fn tell(&self, command: Command) -> bool {
        let sent = self.commands.as_ref().is_some_and(|commands| commands.try_send(command).is_ok());
        self.bell.ring();
        sent
    }

    /// What was counted so far.
    pub(super) fn figures(&self) -> MediaTraffic {
        self.tally.figures()
    }

    /// A remark, e.g. that a port could not be bound; `None` when there is none.
    pub(super) fn next_remark(&self) -> Option<Remark> {
        self.remarks.try_recv().ok()
    }

    /// What knows the media that calls received.
    pub(super) fn ears(&self) -> Box<dyn Ears> {
        Box::new(self.hearing.clone())
    }

    /// Checks of `rtpcheck` that failed.
    pub(super) fn failed_checks(&self) -> u64 {
        self.tally.failed_checks.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl Player {
    /// Ends the thread; the figures are then complete.
    pub(super) fn close(&mut self) {
        self.commands = None;
        self.bell.ring();
        if let Some(thread) = self.thread.take() {
            // A panic in there was a bug of ours and has been printed; the run ends anyway.
            let _ = thread.join();
        }
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.close();
    }
}

/// Commands that may wait for the player: a second of starts at 10,000 calls per second, and their ends.
const COMMANDS_WAITING: usize = 1 << 15;
/// Remarks that may wait; more complaints would say nothing new.
const REMARKS_WAITING: usize = 1 << 10;

#[cfg(test)]
mod tests;
