//! A UDP link that loses and records packets: forwards between clients and one server, drops the first copy
//! of the messages it is told to, call by call, and keeps what it forwarded.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a message is, as cases write it: `INVITE`, `180 INVITE`, `200 BYE`.
fn kind(packet: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(packet);
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .map(|value| value.trim().to_string())
            .unwrap_or_default()
    };
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default().to_string();
    let method = field("CSeq:").split_whitespace().nth(1).unwrap_or_default().to_string();
    let kind =
        if first == "SIP/2.0" { format!("{} {method}", words.next().unwrap_or_default()) } else { first };
    (field("Call-ID:"), kind)
}

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From a client to the server.
    ToServer,
    /// From the server to a client.
    ToClient,
}

/// What a link forwarded, in order.
pub type Recording = Vec<(Way, Vec<u8>)>;

/// The running link; ends when dropped.
#[derive(Debug)]
pub struct Impair {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    recording: Arc<Mutex<Recording>>,
}

impl Impair {
    /// Listens on `listen`, forwards to `server`, drops the first copy of each kind in `drops` of each call.
    pub fn start(listen: u16, server: u16, drops: Vec<String>) -> io::Result<Impair> {
        let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, listen))?;
        front.set_read_timeout(Some(Duration::from_millis(1)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let recording = Arc::new(Mutex::new(Recording::new()));
        let mut link = Link {
            recording: recording.clone(),
            front,
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, server)),
            backs: HashMap::new(),
            drops,
            dropped: HashSet::new(),
        };
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                link.forward();
            }
        });
        Ok(Impair { stop, thread: Some(thread), recording })
    }

    /// What was forwarded so far.
    pub fn recording(&self) -> Recording {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Impair {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Link {
    front: UdpSocket,
    server: SocketAddr,
    /// One socket towards the server for each client, so that answers find their way back.
    backs: HashMap<SocketAddr, UdpSocket>,
    drops: Vec<String>,
    recording: Arc<Mutex<Recording>>,
    dropped: HashSet<(String, String)>,
}

impl Link {
    fn forward(&mut self) {
        let mut packet = vec![0; 65_536];
        while let Ok((length, client)) = self.front.recv_from(&mut packet) {
            if self.is_lost(&packet[..length]) {
                continue;
            }
            if let Entry::Vacant(place) = self.backs.entry(client) {
                let Ok(back) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) else { continue };
                if back.set_nonblocking(true).is_err() {
                    continue;
                }
                place.insert(back);
            }
            self.record(Way::ToServer, &packet[..length]);
            let _ = self.backs[&client].send_to(&packet[..length], self.server);
        }
        let mut answers = Vec::new();
        for (client, back) in &self.backs {
            while let Ok((length, _)) = back.recv_from(&mut packet) {
                answers.push((*client, packet[..length].to_vec()));
            }
        }
        for (client, answer) in answers {
            if !self.is_lost(&answer) {
                self.record(Way::ToClient, &answer);
                let _ = self.front.send_to(&answer, client);
            }
        }
    }

    fn record(&self, way: Way, packet: &[u8]) {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).push((way, packet.to_vec()));
    }

    fn is_lost(&mut self, packet: &[u8]) -> bool {
        let (call, kind) = kind(packet);
        self.drops.contains(&kind) && self.dropped.insert((call, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn tells_requests_and_responses_apart() {
        let request = b"INVITE sip:a@b SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
        assert_eq!(kind(request), ("1".into(), "INVITE".into()));
        let response = b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\nCall-ID: 1\r\n\r\n";
        assert_eq!(kind(response), ("1".into(), "180 INVITE".into()));
    }
}
