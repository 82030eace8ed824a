//! Media without sockets and clocks: what to send when, and what received packets say.
//!
//! Out: [`Playback`] is the machine behind every stream, fed from a [`Capture`], a [`Samples`] file or digits
//! ([`Events`]). In: packets as [`rtp`] and [`rtcp`] read
//! them, [`measure`] for what a received stream was like, [`quality`] for how it sounds. The shell's player moves the bytes.

pub mod capture;
mod capture_run;
pub mod events;
mod link;
pub mod listening;
pub mod measure;
pub mod payload;
pub mod plan;
pub mod quality;
pub mod rtcp;
pub mod rtp;
pub mod samples;
pub mod srtp;
mod stream;
mod stream_command;

pub use capture::{Capture, CaptureError};
pub use events::Events;
pub use listening::{Listening, Received};
pub use plan::Playback;
pub use samples::{Samples, SamplesError};
pub use stream::StreamPlan;
pub use stream_command::{StreamCommand, StreamFile};
