//! The bell of the media thread: who has an order for it rings, unless it looks at its orders soon anyway.
//!
//! To wake a thread costs the signalling thread more than the order itself. With streams that play, the media thread
//! is up every millisecond.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sip::net::Waker;

/// One end of it; clones ring the same thread.
#[derive(Clone)]
pub(super) struct Bell {
    waker: Waker,
    /// The thread looks at its orders soon.
    is_up: Arc<AtomicBool>,
}

impl Bell {
    pub(super) fn new(waker: Waker) -> Bell {
        Bell { waker, is_up: Arc::default() }
    }

    /// Rings, behind an order or behind the end of the orders.
    pub(super) fn ring(&self) {
        if !self.is_up.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// For the thread itself: whether it may wait so long (`None`: for ever) before it looks at its orders. False:
    /// somebody may have relied on it being up, so it must look once more.
    pub(super) fn may_wait(&self, timeout: Option<Duration>) -> bool {
        let is_soon = timeout.is_some_and(|timeout| timeout <= SOON);
        self.is_up.swap(is_soon, Ordering::SeqCst) <= is_soon
    }
}

/// An order may wait so long.
const SOON: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use sip::net::Poll;

    use super::*;

    #[test]
    fn it_rings_only_for_a_thread_that_sleeps_long() {
        let mut poll = Poll::new().expect("an epoll set");
        let bell = Bell::new(poll.waker());
        let mut rang = |bell: &Bell| {
            bell.ring();
            let mut ready = Vec::new();
            let started = std::time::Instant::now();
            poll.wait(Some(Duration::from_millis(300)), &mut ready).expect("waits");
            started.elapsed() < Duration::from_millis(200)
        };
        assert!(bell.may_wait(Some(Duration::from_secs(1))) && rang(&bell));
        assert!(bell.may_wait(Some(Duration::from_millis(1))) && !rang(&bell));
        assert!(!bell.may_wait(None), "an order may have come meanwhile");
        assert!(bell.may_wait(None) && rang(&bell));
    }
}
