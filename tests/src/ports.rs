//! Ports nobody uses: below those the kernel hands out by itself, free for UDP and TCP alike, with room behind each
//! for the ports that media take beside their first.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// Where ports are taken from: above those programs search by themselves (5060, 6000, 8888), below the kernel's own.
const RANGE: Range<u32> = 10_000..32_000;

/// The distance of two ports: those in between belong to the lower one.
const ROOM: u32 = 16;

static GIVEN: AtomicU32 = AtomicU32::new(0);

/// Locks of the ports given last, which other test processes of this machine keep off.
static HELD: Mutex<VecDeque<File>> = Mutex::new(VecDeque::new());

/// So many ports a process has to itself at once: far more than the cases that run side by side need.
const MOST_HELD: usize = 256;

/// A port free on 127.0.0.1 for UDP and TCP. It comes again only after more than a thousand others.
///
/// Errors: when a thousand tries found none.
pub fn free() -> Result<u16, String> {
    let places = (RANGE.end - RANGE.start) / ROOM;
    for _ in 0..1000 {
        // Processes that run at the same time start at different places.
        let place = (std::process::id() + GIVEN.fetch_add(1, Ordering::Relaxed)) % places;
        let port = (RANGE.start + place * ROOM) as u16;
        // Not asked by binding it: a program that another thread starts just then would hold our socket until it has
        // become itself, and whoever is to have the port would find it taken.
        if !is_bound("udp", port) && !is_bound("tcp", port) && is_ours(port) {
            return Ok(port);
        }
    }
    Err("no free port".to_string())
}

/// Takes a port for this process, unless another one has it. Between being given and being bound a port looks free to
/// everybody, and on a busy machine that takes long.
fn is_ours(port: u16) -> bool {
    let folder = std::env::temp_dir().join("sip-test-ports");
    let lock = fs::create_dir_all(&folder).and_then(|()| File::create(folder.join(port.to_string())));
    // Where nothing can be written the kernel's table has to do.
    let Ok(lock) = lock else { return true };
    if lock.try_lock().is_err() {
        return false;
    }
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    held.push_back(lock);
    if held.len() > MOST_HELD {
        // Unlocks the one given longest ago.
        held.pop_front();
    }
    true
}

/// True when a process of this machine has bound `port` on UDP or listens on it on TCP, as the kernel tells.
pub fn is_bound(table: &str, port: u16) -> bool {
    ["", "6"].iter().any(|family| {
        let text = fs::read_to_string(format!("/proc/net/{table}{family}")).unwrap_or_default();
        text.lines().skip(1).any(|line| {
            let mut columns = line.split_whitespace().skip(1);
            let local = columns.next().and_then(|addr| addr.rsplit(':').next());
            let state = columns.nth(1);
            // 07 is the state of a bound datagram socket, 0A that of a listening stream socket.
            local == Some(&format!("{port:04X}")) && matches!(state, Some("07" | "0A"))
        })
    })
}
