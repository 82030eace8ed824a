//! Media without sockets and clocks: what to send when, and what received packets say.
//!
//! Out: [`Playback`] is the machine behind every stream, fed from a [`Capture`], a [`Samples`] file or digits
//! ([`Events`]). In: [`MediaLines`] knows whose packet it is, [`measure`] what the stream was like, [`quality`] how
//! it sounds. Between them keys ([`crypto`], [`srtp`]) and reports ([`reports`]). The shell's player moves the bytes.

pub mod capture;
mod capture_run;
pub mod codecs;
pub mod crypto;
pub mod digits;
pub mod events;
pub mod heard;
mod line;
pub mod lines;
mod link;
pub mod measure;
pub mod pattern;
pub mod payload;
pub mod plan;
pub mod quality;
pub mod received;
pub mod reports;
mod routes;
pub mod rtcp;
pub mod rtp;
pub mod samples;
pub mod srtp;
mod stream;
mod stream_command;

pub use capture::{Capture, CaptureError};
pub use codecs::Codecs;
pub use events::Events;
pub use heard::Heard;
pub use line::Expectation;
pub use lines::{Content, MediaLines};
pub use plan::Playback;
pub use received::Received;
pub use samples::{Samples, SamplesError};
pub use stream::StreamPlan;
pub use stream_command::{PatternLine, PatternStream, StreamCommand, StreamFile};
