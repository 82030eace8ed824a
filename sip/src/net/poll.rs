//! Readiness: one thread waits on all its sockets with a deadline in nanoseconds, and can be woken.
//!
//! A level-triggered epoll set, waited on with `epoll_pwait2` (Linux 5.11), whose deadlines are not rounded to
//! milliseconds as those of `epoll_wait` are. Other threads wake it through a [`Waker`]; wakes between two
//! waits cost one system call together.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

/// What a source is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing; it stays in the set.
    Nothing,
    /// Something to read.
    Read,
    /// Something to read, or room to write.
    ReadWrite,
}

/// One source that is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The token the source was added with.
    pub token: u64,
    /// Bytes, an end of stream or a connection wait.
    pub read: bool,
    /// There is room to write, or a connection attempt has ended.
    pub write: bool,
    /// An error waits (for datagrams: an ICMP report).
    pub error: bool,
}

/// The sources one thread waits on.
#[derive(Debug)]
pub struct Poll {
    epoll: Arc<OwnedFd>,
    waker: Waker,
}

impl Poll {
    /// An empty set with its waker. Errors: no descriptor left, or a kernel before 5.11.
    pub fn new() -> io::Result<Poll> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let waker = Waker::new()?;
        epoll::add(&epoll, &waker.shared.event, EventData::new_u64(WAKE_TOKEN), EventFlags::IN)?;
        let mut poll = Poll { epoll, waker };
        poll.wait(Some(Duration::ZERO), &mut Vec::new()).map_err(|error| match error.kind() {
            io::ErrorKind::Unsupported => {
                io::Error::new(error.kind(), "epoll_pwait2 needs Linux 5.11 or newer")
            }
            _ => error,
        })?;
        Ok(poll)
    }

    /// A handle other threads wake this set with.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// A handle sources are added and changed with.
    pub fn registry(&self) -> Registry {
        Registry { epoll: Arc::clone(&self.epoll) }
    }

    /// Waits until a source is ready, the waker is used or `timeout` has passed (`None`: for ever), and fills
    /// `ready`. A signal ends the wait early with nothing ready.
    pub fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Readiness>) -> io::Result<()> {
        ready.clear();
        let timeout = timeout.and_then(|span| Timespec::try_from(span).ok());
        // On the stack and not kept: the kernel's event type is not `Send`, and a `Poll` is to be.
        let mut room = [const { MaybeUninit::<epoll::Event>::uninit() }; EVENTS_PER_WAIT];
        let events = match epoll::wait(&self.epoll, &mut room[..], timeout.as_ref()) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for event in events {
            let (token, flags) = (event.data.u64(), event.flags);
            if token == WAKE_TOKEN {
                self.waker.clear();
                continue;
            }
            ready.push(Readiness {
                token,
                read: flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP),
                write: flags.intersects(EventFlags::OUT),
                error: flags.intersects(EventFlags::ERR | EventFlags::HUP),
            });
        }
        Ok(())
    }
}

/// The set of sources of a [`Poll`]; clones name the same set.
#[derive(Clone, Debug)]
pub struct Registry {
    epoll: Arc<OwnedFd>,
}

impl Registry {
    /// Starts watching `source`; `token` (not `u64::MAX`) comes back in [`Readiness`].
    pub fn add(&self, source: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&*self.epoll, source, EventData::new_u64(token), interest.flags())?)
    }

    /// Changes what a watched source is watched for.
    pub fn change(&self, source: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&*self.epoll, source, EventData::new_u64(token), interest.flags())?)
    }

    /// Stops watching a source; closing it does the same.
    pub fn remove(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&*self.epoll, source)?)
    }
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Interest::Nothing => EventFlags::empty(),
            Interest::Read => EventFlags::IN | EventFlags::RDHUP,
            Interest::ReadWrite => EventFlags::IN | EventFlags::RDHUP | EventFlags::OUT,
        }
    }
}

/// Wakes the thread that waits in a [`Poll`]; clones wake the same one.
#[derive(Clone, Debug)]
pub struct Waker {
    shared: Arc<WakerShared>,
}

#[derive(Debug)]
struct WakerShared {
    event: OwnedFd,
    /// A wake was written and not seen yet, so another one need not be.
    pending: AtomicBool,
}

impl Waker {
    fn new() -> io::Result<Waker> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Waker { shared: Arc::new(WakerShared { event, pending: AtomicBool::new(false) }) })
    }

    /// Ends the current or the next wait. What was written before is visible to the woken thread.
    pub fn wake(&self) {
        if !self.shared.pending.swap(true, Ordering::AcqRel) {
            // At most one write per clear, so the counter cannot overflow, and nothing else can fail.
            let _ = rustix::io::write(&self.shared.event, &1u64.to_ne_bytes());
        }
    }

    /// Takes the wake back. The counter is emptied before the flag, so a wake in between is not lost.
    fn clear(&self) {
        let _ = rustix::io::read(&self.shared.event, &mut [0u8; 8]);
        self.shared.pending.swap(false, Ordering::AcqRel);
    }
}

/// Events taken from the kernel in one wait.
const EVENTS_PER_WAIT: usize = 256;
/// Token of the waker.
const WAKE_TOKEN: u64 = u64::MAX;
