//! Where the media of one call goes to and comes from: what session descriptions said, what our own texts said.

use std::net::SocketAddr;

/// The kinds of media lines that captures belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The media of a call; only calls of scenarios that play media have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallMedia {
    lines: [MediaLine; 3],
    /// Ports of `[rtpstream_audio_port]` and `[rtpstream_video_port]`; 0 until first used.
    pub stream_ports: [u16; 2],
    /// Sequence number of the next telephone event by kind of media line.
    pub event_sequence: u16,
}

impl Default for CallMedia {
    /// SIPp counts the packets of telephone events from 1200.
    fn default() -> CallMedia {
        CallMedia { lines: [MediaLine::default(); 3], stream_ports: [0; 2], event_sequence: 1200 }
    }
}

impl CallMedia {
    /// The line of a kind.
    pub fn line(&self, kind: MediaKind) -> &MediaLine {
        &self.lines[kind as usize]
    }

    /// The same, to change.
    pub fn line_mut(&mut self, kind: MediaKind) -> &mut MediaLine {
        &mut self.lines[kind as usize]
    }
}
