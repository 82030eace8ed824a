//! A bad line for RTP: forwards datagrams to one port, loses some and delays the others by chance, and knows what
//! loss and jitter a receiver must therefore measure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What the line does to packets.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Share of packets that are lost, 0 to 1.
    pub loss: f64,
    /// Each packet is late by anything from 0 to this.
    pub delay: Duration,
}

/// What a receiver must measure.
#[derive(Clone, Copy, Debug, Default)]
pub struct Truth {
    /// Packets that came in.
    pub taken: u64,
    /// Packets lost on purpose.
    pub lost: u64,
    /// Interarrival jitter of what was forwarded, in milliseconds (RFC 3550 6.4.1), from the moments of sending.
    pub jitter_ms: f64,
}

/// The running relay; ends when dropped.
#[derive(Debug)]
pub struct RtpRelay {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    truth: Arc<Mutex<Truth>>,
    port: u16,
}

impl RtpRelay {
    /// Listens on a free port of 127.0.0.1 and forwards to `to`.
    pub fn start(to: u16, weather: Weather) -> RtpRelay {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        socket.set_read_timeout(Some(Duration::from_micros(500))).expect("a timeout is allowed");
        let port = socket.local_addr().expect("bound").port();
        let (stop, truth) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Truth::default())));
        let mut line = Line {
            socket,
            to,
            weather,
            waiting: BinaryHeap::new(),
            chance: 0x2545_f491_4f6c_dd1d,
            jitter: Jitter::default(),
            started: Instant::now(),
        };
        let (stopped, told) = (Arc::clone(&stop), Arc::clone(&truth));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                line.forward(&told);
            }
        });
        RtpRelay { stop, thread: Some(thread), truth, port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it did so far.
    pub fn truth(&self) -> Truth {
        *self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RtpRelay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Line {
    socket: UdpSocket,
    to: u16,
    weather: Weather,
    /// Packets on their way, by the moment they arrive.
    waiting: BinaryHeap<Reverse<(Instant, Vec<u8>)>>,
    chance: u64,
    jitter: Jitter,
    started: Instant,
}

impl Line {
    fn forward(&mut self, truth: &Mutex<Truth>) {
        let mut packet = [0; 2048];
        if let Ok(len) = self.socket.recv(&mut packet) {
            let is_lost = self.dice() < self.weather.loss;
            let delay = self.weather.delay.mul_f64(self.dice());
            let mut truth = truth.lock().unwrap_or_else(PoisonError::into_inner);
            truth.taken += 1;
            truth.lost += u64::from(is_lost);
            if !is_lost {
                self.waiting.push(Reverse((Instant::now() + delay, packet[..len].to_vec())));
            }
        }
        while self.waiting.peek().is_some_and(|Reverse((due, _))| *due <= Instant::now()) {
            let Some(Reverse((_, packet))) = self.waiting.pop() else { return };
            let _ = self.socket.send_to(&packet, (Ipv4Addr::LOCALHOST, self.to));
            self.jitter.note(self.started.elapsed(), &packet);
            truth.lock().unwrap_or_else(PoisonError::into_inner).jitter_ms = self.jitter.value * 1000.0;
        }
    }

    /// Anything from 0 to 1; the same row of numbers each time.
    fn dice(&mut self) -> f64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// RFC 3550 6.4.1 in seconds, for a clock of 8 kHz.
#[derive(Default)]
struct Jitter {
    last: Option<(f64, u32)>,
    value: f64,
}

impl Jitter {
    fn note(&mut self, arrived: Duration, packet: &[u8]) {
        let Some(stamp) = packet.get(4..8).and_then(|bytes| bytes.try_into().ok()) else { return };
        let (arrived, stamp) = (arrived.as_secs_f64(), u32::from_be_bytes(stamp));
        if let Some((before, old)) = self.last.replace((arrived, stamp)) {
            let media = f64::from(stamp.wrapping_sub(old) as i32) / 8000.0;
            self.value += ((arrived - before - media).abs() - self.value) / 16.0;
        }
    }
}
