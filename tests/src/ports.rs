//! Ports nobody uses: asked from the kernel, free for UDP and TCP alike, never handed out twice by one process.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::Mutex;

static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// A port free on 127.0.0.1 for UDP and TCP.
///
/// Errors: when a thousand tries found none.
pub fn free() -> Result<u16, String> {
    for _ in 0..1000 {
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) else { continue };
        let Ok(addr) = listener.local_addr() else { continue };
        if UdpSocket::bind((Ipv4Addr::LOCALHOST, addr.port())).is_err() {
            continue;
        }
        let mut given = GIVEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if given.get_or_insert_default().insert(addr.port()) {
            return Ok(addr.port());
        }
    }
    Err("no free port".to_string())
}

/// True when a process of this machine has bound `port` on UDP or listens on it on TCP, as the kernel tells.
pub fn is_bound(table: &str, port: u16) -> bool {
    ["", "6"].iter().any(|family| {
        let text = std::fs::read_to_string(format!("/proc/net/{table}{family}")).unwrap_or_default();
        text.lines().skip(1).any(|line| {
            let mut columns = line.split_whitespace().skip(1);
            let local = columns.next().and_then(|addr| addr.rsplit(':').next());
            let state = columns.nth(1);
            // 07 is the state of a bound datagram socket, 0A that of a listening stream socket.
            local == Some(&format!("{port:04X}")) && matches!(state, Some("07" | "0A"))
        })
    })
}
