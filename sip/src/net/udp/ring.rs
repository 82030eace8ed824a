//! The memory datagrams are received into: slots for recvmmsg, and what the kernel tells with them.
//!
//! The kernel may join datagrams of equal length from one source into one slot; they are told apart again here.

use std::mem::{size_of, zeroed};
use std::net::SocketAddr;
use std::time::Duration;

use super::name::{NAME_LEN, Name};

/// Slots that datagrams are received into, for any number of sockets of one thread.
///
/// A slot holds the largest datagram UDP can carry, so nothing is ever truncated. The memory is only
/// reserved: a page of it becomes real when a datagram is first written there, so with SIP's usual sizes a
/// ring of 64 slots costs 64 pages, not 4 MiB.
pub struct RecvRing {
    bytes: Vec<u8>,
    names: Vec<Name>,
    /// Read by the kernel through `headers` only.
    _iovecs: Vec<libc::iovec>,
    controls: Vec<Controls>,
    pub(super) headers: Vec<libc::mmsghdr>,
    pub(super) filled: usize,
    /// The datagrams in the filled slots.
    datagrams: Vec<Datagram>,
}

/// One datagram: its place in the ring's bytes, and the slot that tells its source.
#[derive(Clone, Copy, Debug)]
struct Datagram {
    slot: usize,
    start: usize,
    len: usize,
}

// SAFETY: the raw pointers inside lead only into vectors the ring owns, so it moves between threads whole.
unsafe impl Send for RecvRing {}

impl RecvRing {
    /// A ring of `slots` slots.
    pub fn new(slots: usize) -> RecvRing {
        let mut bytes = vec![0u8; slots * SLOT_STRIDE];
        let mut names = vec![Name::unset(); slots];
        let mut controls = vec![Controls::default(); slots];
        let (bytes_at, names_at, controls_at) =
            (bytes.as_mut_ptr(), names.as_mut_ptr(), controls.as_mut_ptr());
        let mut iovecs: Vec<libc::iovec> = (0..slots)
            .map(|slot| libc::iovec {
                iov_base: bytes_at.wrapping_add(slot * SLOT_STRIDE).cast(),
                iov_len: MAX_DATAGRAM,
            })
            .collect();
        let iovecs_at = iovecs.as_mut_ptr();
        let headers = (0..slots)
            .map(|slot| {
                // SAFETY: all-zero is a valid mmsghdr.
                let mut header: libc::mmsghdr = unsafe { zeroed() };
                header.msg_hdr.msg_name = names_at.wrapping_add(slot).cast();
                header.msg_hdr.msg_iov = iovecs_at.wrapping_add(slot);
                header.msg_hdr.msg_iovlen = 1;
                header.msg_hdr.msg_control = controls_at.wrapping_add(slot).cast();
                header
            })
            .collect();
        let datagrams = Vec::with_capacity(slots);
        let mut ring =
            RecvRing { bytes, names, _iovecs: iovecs, controls, headers, filled: slots, datagrams };
        ring.clear();
        ring
    }

    /// Frees all slots.
    pub fn clear(&mut self) {
        for header in &mut self.headers[..self.filled] {
            // The kernel overwrote these lengths with what it used.
            header.msg_hdr.msg_namelen = NAME_LEN;
            header.msg_hdr.msg_controllen = size_of::<Controls>() as _;
        }
        self.filled = 0;
        self.datagrams.clear();
    }

    /// Datagrams in the ring.
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// True when no datagram is in the ring.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// True when no slot is free.
    pub fn is_full(&self) -> bool {
        self.filled == self.headers.len()
    }

    /// The `index`-th datagram and its source. `None` past the last one, or without an IP source.
    pub fn get(&self, index: usize) -> Option<(&[u8], SocketAddr)> {
        let datagram = self.datagrams.get(index)?;
        let bytes = &self.bytes[datagram.start..datagram.start + datagram.len];
        Some((bytes, self.names[datagram.slot].addr()?))
    }

    /// When the `index`-th datagram reached the kernel, since the beginning of 1970 by the system's clock. `None`
    /// unless its socket was told to say so ([`super::UdpSocket::tell_arrivals`]).
    pub fn arrival(&self, index: usize) -> Option<Duration> {
        let slot = self.datagrams.get(index)?.slot;
        let stamp = self.control(slot, (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS))?;
        let (secs, nanos) = stamp.split_at_checked(size_of::<libc::time_t>())?;
        let secs = libc::time_t::from_ne_bytes(secs.try_into().ok()?);
        let nanos = libc::c_long::from_ne_bytes(nanos.try_into().ok()?);
        Some(Duration::new(u64::try_from(secs).ok()?, u32::try_from(nanos).ok()?))
    }

    /// The kernel filled `count` more slots. Gives how many datagrams they hold.
    pub(super) fn take_in(&mut self, count: usize) -> usize {
        let before = self.datagrams.len();
        for slot in self.filled..self.filled + count {
            let whole = self.headers[slot].msg_len as usize;
            let joined = self.number(slot, (libc::SOL_UDP, libc::UDP_GRO));
            let part = joined.map_or(whole, |value| value as usize).clamp(1, whole.max(1));
            let start = slot * SLOT_STRIDE;
            let mut at = 0;
            // An empty datagram is one too.
            while at < whole || at == 0 {
                let len = part.min(whole - at);
                self.datagrams.push(Datagram { slot, start: start + at, len });
                at += part;
            }
        }
        self.filled += count;
        self.datagrams.len() - before
    }

    /// The drop counter that came with the last slot.
    pub(super) fn last_drops(&self) -> Option<u32> {
        self.number(self.filled.checked_sub(1)?, (libc::SOL_SOCKET, libc::SO_RXQ_OVFL))
    }

    /// The 32-bit number of a control message.
    fn number(&self, slot: usize, kind: (libc::c_int, libc::c_int)) -> Option<u32> {
        let value = self.control(slot, kind)?.first_chunk()?;
        Some(u32::from_ne_bytes(*value))
    }

    /// The value of a control message of that level and type, when one came with a slot.
    fn control(&self, slot: usize, kind: (libc::c_int, libc::c_int)) -> Option<&[u8]> {
        let came = self.headers[slot].msg_hdr.msg_controllen;
        self.controls[slot].find(came, kind)
    }
}

impl std::fmt::Debug for RecvRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecvRing").field("slots", &self.headers.len()).field("filled", &self.filled).finish()
    }
}

/// Follows the kernel's 32-bit drop counter, which wraps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DropCounter {
    last: u32,
    /// Datagrams dropped since the start.
    pub(super) total: u64,
}

impl DropCounter {
    /// Takes in what came with the last datagram received.
    pub(super) fn update(&mut self, told: Option<u32>) {
        let Some(told) = told else { return };
        self.total += u64::from(told.wrapping_sub(self.last));
        self.last = told;
    }
}

/// Room for the control messages a datagram can come with, as the kernel writes them: the drop counter, the length
/// of joined datagrams, the time of arrival.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
struct Controls([u8; CONTROL_BYTES]);

impl Default for Controls {
    fn default() -> Controls {
        Controls([0; CONTROL_BYTES])
    }
}

impl Controls {
    /// The value of the message of that level and type among the first `came` bytes.
    fn find(&self, came: usize, kind: (libc::c_int, libc::c_int)) -> Option<&[u8]> {
        let mut rest = &self.0[..came.min(CONTROL_BYTES)];
        loop {
            // Length with this head, level, type (cmsghdr).
            let (len, behind) = rest.split_first_chunk()?;
            let (level, behind) = behind.split_first_chunk()?;
            let (kind_of, _) = behind.split_first_chunk()?;
            let len = usize::from_ne_bytes(*len);
            let value = rest.get(CONTROL_HEAD_BYTES..len)?;
            if (libc::c_int::from_ne_bytes(*level), libc::c_int::from_ne_bytes(*kind_of)) == kind {
                return Some(value);
            }
            rest = rest.get(len.next_multiple_of(size_of::<usize>())..)?;
        }
    }
}

/// Three messages with their heads, the largest with two words.
const CONTROL_BYTES: usize = 96;
/// Bytes of a cmsghdr.
const CONTROL_HEAD_BYTES: usize = size_of::<usize>() + 2 * size_of::<libc::c_int>();
/// No datagram is larger: the IPv6 payload length less the UDP header, rounded up.
const MAX_DATAGRAM: usize = 65_535;
/// Distance of two slots: not a power of two, so that the starts of all slots do not share cache sets.
const SLOT_STRIDE: usize = 65_536 + 17 * 64;

#[cfg(test)]
mod tests {
    use super::{DropCounter, RecvRing};

    #[test]
    fn the_drop_counter_survives_its_wrap() {
        let mut drops = DropCounter::default();
        for value in [u32::MAX - 1, u32::MAX, 4] {
            drops.update(Some(value));
        }
        drops.update(None);
        assert_eq!(drops.total, u64::from(u32::MAX) + 5);
    }

    #[test]
    fn a_ring_costs_only_what_it_is_used_for() {
        let resident = || -> u64 {
            let status = std::fs::read_to_string("/proc/self/statm").expect("procfs");
            let pages = status.split_whitespace().nth(1).expect("the second field is the resident set");
            pages.parse::<u64>().expect("a number") * 4096
        };
        let before = resident();
        let rings: Vec<RecvRing> = (0..32).map(|_| RecvRing::new(64)).collect();
        // 32 rings reserve 128 MiB; other tests of this process may allocate meanwhile.
        assert!(resident().saturating_sub(before) < 64 << 20);
        drop(rings);
    }
}
