//! The media lines of the run, shared between the player, which works on them packet by packet, and the signalling
//! thread, which reads what a call heard. The lock is held for one batch of packets at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::lang::{Ears, MediaKind};
use crate::media::reports::Origin;
use crate::media::{Heard, MediaLines};

use super::LineId;
use super::ports::PortId;

/// The lines by call and kind.
pub(super) type Lines = MediaLines<LineId, PortId>;

/// A handle to the lines.
#[derive(Clone)]
pub(super) struct Hearing(Arc<Mutex<Lines>>);

impl Hearing {
    pub(super) fn new(origin: Origin) -> Hearing {
        Hearing(Arc::new(Mutex::new(MediaLines::new(origin))))
    }

    /// The lines, for a moment.
    pub(super) fn lines(&self) -> MutexGuard<'_, Lines> {
        // What a panicking holder left behind is still a set of lines; the run is ending anyway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ears for Hearing {
    fn heard(&self, call: u64, kind: MediaKind) -> Heard {
        self.lines().heard(LineId { call, kind })
    }
}
