//! The board: where the desk hangs out the newest figures for those who watch a run from outside, the control
//! socket and the metrics. Nobody who reads it keeps the desk or a call waiting.

use std::sync::{Arc, Mutex};

use crate::stats::snapshot::Snapshot;

/// The newest figures; clones show the same.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Board(Arc<Mutex<Option<Arc<Snapshot>>>>);

impl Board {
    /// Hangs out new figures.
    pub(in crate::engine) fn post(&self, snapshot: &Snapshot) {
        let snapshot = Arc::new(snapshot.clone());
        *self.0.lock().expect("nobody panics with the board in hand") = Some(snapshot);
    }

    /// The newest figures, at most a second old; `None` before the run began.
    pub(super) fn read(&self) -> Option<Arc<Snapshot>> {
        self.0.lock().expect("nobody panics with the board in hand").clone()
    }
}
