//! The values of a run that calls read and never change: addresses, names, limits, default behaviour.
//!
//! The shell fills them from the command line once its sockets are bound.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::circuits::CircuitTable;

/// What holds for all calls of a run. `Default` gives SIPp's defaults on loopback.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `-s`.
    pub service: String,
    /// Remote host as typed, without port; empty on a server without one.
    pub remote_host: String,
    /// Resolved remote address; `None` on a server without remote host.
    pub remote_ip: Option<IpAddr>,
    /// Remote port.
    pub remote_port: u16,
    /// Where a client sends: the remote host, or the address of `-rsa`.
    pub destination: Option<Peer>,
    /// `-rsa` was given: a server answers to `destination` too.
    pub redirects_answers: bool,
    /// `-i`.
    pub local_ip: IpAddr,
    /// The bound port.
    pub local_port: u16,
    /// Address the socket is bound to, as `[server_ip]` prints it.
    pub bound_ip: IpAddr,
    /// `-mi`.
    pub media_ip: IpAddr,
    /// Media port: for audio; the one two above is for video.
    pub media_port: u16,
    /// No media port is above this one.
    pub last_media_port: u16,
    /// Transport of `-t`.
    pub transport: Transport,
    /// Process id.
    pub pid: u32,
    /// `-users`; `None` without it.
    pub users: Option<u32>,
    /// `-au`; `None` means `service`.
    pub auth_user: Option<String>,
    /// `-ap`.
    pub auth_password: String,
    /// `-auth_uri`; `None` means remote address and port.
    pub auth_uri: Option<String>,
    /// `-d`: length of a pause without attributes.
    pub pause: Duration,
    /// `-recv_timeout`.
    pub recv_timeout: Option<Duration>,
    /// `-max_retrans`.
    pub max_retrans: u32,
    /// `-max_invite_retrans`.
    pub max_invite_retrans: u32,
    /// `-max_non_invite_retrans`.
    pub max_non_invite_retrans: u32,
    /// False with `-nr`: messages are neither resent nor recognised as resent.
    pub retransmits: bool,
    /// `-rtcheck`.
    pub duplicates: DuplicateCheck,
    /// `-T2`.
    pub t2: Duration,
    /// `-default_behaviors` and `-nd`.
    pub behaviours: Behaviours,
    /// `-aa`.
    pub auto_answer: bool,
    /// `-pause_msg_ign`.
    pub pause_ignores_messages: bool,
    /// `-lost`, percent.
    pub lost_percent: f64,
    /// `-base_cseq`.
    pub base_cseq: u32,
    /// `-trace_calldebug`: calls produce debug lines.
    pub call_debug: bool,
    /// `-tdmmap`.
    pub circuits: Option<CircuitTable>,
    /// `-dynamicStart`, `-dynamicMax`, `-dynamicStep`.
    pub dynamic_ids: DynamicIds,
    /// Version that `[sipp_version]` prints.
    pub version: &'static str,
    /// Which of SIPp's versions is followed where they differ.
    pub compat: Compat,
    /// What turns machine time into dates.
    pub wall: WallClock,
}

/// `-rtcheck`: what two messages must share to be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateCheck {
    /// All bytes.
    Full,
    /// To, From, Call-ID and CSeq, and of a response also status line and body.
    Loose,
}

/// `-default_behaviors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviours {
    /// `bye`: a call that is aborted ends its dialog with ACK, CANCEL or BYE.
    pub bye: bool,
    /// `abortunexp`: an unexpected message ends the call.
    pub abort_unexpected: bool,
    /// `pingreply`: PING is answered.
    pub ping_reply: bool,
    /// `cseq`: an ACK with another CSeq than the INVITE fails the call.
    pub cseq: bool,
}

impl Behaviours {
    /// `all`.
    pub const ALL: Behaviours =
        Behaviours { bye: true, abort_unexpected: true, ping_reply: true, cseq: true };
    /// `none`, or `-nd`.
    pub const NONE: Behaviours =
        Behaviours { bye: false, abort_unexpected: false, ping_reply: false, cseq: false };
}

/// The version of SIPp that is followed where two versions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compat {
    /// 3.6.1.
    V36,
    /// 3.7.
    V37,
}

/// The counter behind `[dynamic_id]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DynamicIds {
    /// First value.
    pub start: u32,
    /// Last value before it starts again.
    pub max: u32,
    /// Distance of two values.
    pub step: u32,
}

/// The wall-clock time of the machines' origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallClock {
    /// Microseconds of the origin since 1970-01-01 UTC.
    pub origin_unix_micros: i64,
    /// Local time minus UTC in seconds.
    pub utc_offset_secs: i32,
}

impl WallClock {
    /// Microseconds since 1970-01-01 UTC at `now`.
    pub fn unix_micros(self, now: Time) -> i64 {
        self.origin_unix_micros + (now.as_nanos() / 1000) as i64
    }
}

impl Settings {
    /// Ports that calls take for their streams: above those of the whole run.
    pub fn media_ports(&self) -> RangeInclusive<u16> {
        self.media_port.saturating_add(4)..=self.last_media_port
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Settings {
            service: "service".into(),
            remote_host: String::new(),
            remote_ip: None,
            remote_port: 5060,
            destination: None,
            redirects_answers: false,
            local_ip: loopback,
            local_port: 5060,
            bound_ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            media_ip: loopback,
            media_port: 6000,
            last_media_port: u16::MAX,
            transport: Transport::Udp,
            pid: 0,
            users: None,
            auth_user: None,
            auth_password: "password".into(),
            auth_uri: None,
            pause: Duration::ZERO,
            recv_timeout: None,
            max_retrans: 9,
            max_invite_retrans: 5,
            max_non_invite_retrans: 9,
            retransmits: true,
            duplicates: DuplicateCheck::Full,
            t2: Duration::from_millis(4000),
            behaviours: Behaviours::ALL,
            auto_answer: false,
            pause_ignores_messages: false,
            lost_percent: 0.0,
            base_cseq: 1,
            call_debug: false,
            circuits: None,
            dynamic_ids: DynamicIds { start: 10000, max: 12000, step: 4 },
            version: env!("CARGO_PKG_VERSION"),
            compat: Compat::V36,
            wall: WallClock::default(),
        }
    }
}
