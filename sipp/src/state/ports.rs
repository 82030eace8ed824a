//! Where the media of one call goes to and comes from: what session descriptions said, what our own texts said.

use std::net::SocketAddr;

/// The kinds of media lines that captures belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// `m=audio`
    Audio,
    /// `m=image`
    Image,
    /// `m=video`
    Video,
}

impl MediaKind {
    /// All kinds.
    pub const ALL: [MediaKind; 3] = [MediaKind::Audio, MediaKind::Image, MediaKind::Video];

    /// The word of the `m=` line.
    pub fn word(self) -> &'static str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Image => "image",
            MediaKind::Video => "video",
        }
    }
}

/// One media line of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaLine {
    /// Where the peer wants it; `None` before it said so, and when it refused.
    pub remote: Option<SocketAddr>,
    /// The port our last text named on such a line; 0 when it named none.
    pub local_port: u16,
}

/// What one side's description says about a media line, as written; the media room reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Place among the descriptions of the call, from 1; 0 before one came.
    pub order: u32,
    /// The port of its `m=` line.
    pub port: u16,
    /// Values of `a=rtpmap` lines.
    pub mappings: Box<[Box<[u8]>]>,
    /// Values of `a=crypto` lines.
    pub crypto: Box<[Box<[u8]>]>,
    /// The profile is one of secure RTP.
    pub is_secure: bool,
    /// Where it takes RTCP; `None` when it has no address.
    pub rtcp: Option<SocketAddr>,
}

/// Who wrote a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// We did.
    Us,
    /// The peer did.
    Peer,
}

/// The media of a call; only calls of scenarios that play media have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallMedia {
    lines: [MediaLine; 3],
    described: [[Described; 2]; 3],
    descriptions: u32,
    /// Something changed that the player has not been told.
    pub is_news: bool,
    /// Digits that came in INFO requests.
    pub info_digits: Vec<u8>,
    /// Master keys and salts printed in our own `a=crypto` lines.
    pub own_keys: OwnKeys,
    /// Kinds whose packets are returned to the peer, by [`MediaKind`].
    pub echoes: [bool; 3],
    /// Ports of `[rtpstream_audio_port]` and `[rtpstream_video_port]`; 0 until first used.
    pub stream_ports: [u16; 2],
    /// Ports that listen for this call alone, by [`MediaKind`]; 0 without one.
    pub listening: [u16; 3],
    /// Sequence number of the next telephone event by kind of media line.
    pub event_sequence: u16,
}

impl Default for CallMedia {
    /// SIPp counts the packets of telephone events from 1200.
    fn default() -> CallMedia {
        CallMedia {
            lines: [MediaLine::default(); 3],
            described: Default::default(),
            descriptions: 0,
            is_news: false,
            info_digits: Vec::new(),
            own_keys: OwnKeys::default(),
            echoes: [false; 3],
            stream_ports: [0; 2],
            listening: [0; 3],
            event_sequence: 1200,
        }
    }
}

impl CallMedia {
    /// The line of a kind.
    pub fn line(&self, kind: MediaKind) -> &MediaLine {
        &self.lines[kind as usize]
    }

    /// The same, to change.
    pub fn line_mut(&mut self, kind: MediaKind) -> &mut MediaLine {
        self.is_news = true;
        &mut self.lines[kind as usize]
    }

    /// What a side said about the line of a kind.
    pub fn described(&self, kind: MediaKind, writer: Writer) -> &Described {
        &self.described[kind as usize][writer as usize]
    }

    /// Notes what a side says about the line of a kind; a repetition changes nothing.
    pub fn describe(&mut self, kind: MediaKind, writer: Writer, said: Described) {
        let known = &mut self.described[kind as usize][writer as usize];
        if *known != (Described { order: known.order, ..said.clone() }) {
            self.is_news = true;
            self.descriptions += 1;
            *known = Described { order: self.descriptions, ..said };
        }
    }
}

/// Master keys and salts of our own `a=crypto` lines: primary and secondary, for audio and video.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnKeys([OwnKey; 4]);

/// One of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OwnKey {
    /// Bytes its suite wants; 0 before a suite was printed.
    pub wanted_bytes: usize,
    /// The bytes printed last.
    pub bytes: Box<[u8]>,
}

impl OwnKeys {
    /// The key of a place below 4: primary audio, secondary audio, primary video, secondary video.
    pub fn at(&mut self, place: usize) -> &mut OwnKey {
        &mut self.0[place % 4]
    }
}

impl std::fmt::Debug for OwnKeys {
    /// Keys never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnKeys")
    }
}
