//! Where commands come from: the keyboard, the control socket, and whoever holds a [`Controller`].

pub(super) mod board;
pub(super) mod command;
mod metrics;
pub(super) mod outside;
mod request;

use std::io::{self, Read};
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use sip::net::Waker;

use crate::stats::report;

use board::Board;
use command::{Command, Typist, datagram};
use request::Wish;

/// Sends commands to a running engine; clones reach the same one. Commands beyond a bound are dropped.
#[derive(Clone, Debug)]
pub struct Controller {
    sender: SyncSender<Command>,
    waker: Arc<OnceLock<Waker>>,
}

/// The end of a [`Controller`] that the engine reads.
#[derive(Debug)]
pub struct Controlled {
    pub(super) receiver: Receiver<Command>,
    waker: Arc<OnceLock<Waker>>,
}

/// A controller and the end it controls.
pub fn controller() -> (Controller, Controlled) {
    let (sender, receiver) = sync_channel(WAITING_COMMANDS);
    let waker = Arc::new(OnceLock::new());
    (Controller { sender, waker: waker.clone() }, Controlled { receiver, waker })
}

impl Controller {
    /// Asks for something; it is carried out at once, or when the run starts. False when it was dropped: a full
    /// queue means a flood, a closed one, that the run is over.
    pub fn ask(&self, command: Command) -> bool {
        let is_taken = self.sender.try_send(command).is_ok();
        self.wake_when(is_taken)
    }

    /// The same for who must be heard: waits for a place in the queue. False when the run is over.
    pub fn insist(&self, command: Command) -> bool {
        let is_taken = self.sender.send(command).is_ok();
        self.wake_when(is_taken)
    }

    fn wake_when(&self, is_taken: bool) -> bool {
        if let Some(waker) = self.waker.get().filter(|_| is_taken) {
            waker.wake();
        }
        is_taken
    }
}

impl Controlled {
    /// From now on commands wake this waker's thread.
    pub(super) fn wakes(&self, waker: Waker) {
        // Set once per run; a second run cannot use the same end, since it owns the receiver.
        let _ = self.waker.set(waker.clone());
        // A command may have come before there was anything to wake.
        waker.wake();
    }
}

/// Binds the control socket: exactly `port`, or the first free one of 8888 to 8947.
///
/// Errors: the last one the system gave.
pub(super) fn bind_control(ip: IpAddr, port: Option<u16>) -> io::Result<UdpSocket> {
    if let Some(port) = port {
        return UdpSocket::bind((ip, port));
    }
    let mut result = UdpSocket::bind((ip, FIRST_CONTROL_PORT));
    for next in FIRST_CONTROL_PORT + 1..FIRST_CONTROL_PORT + 60 {
        if result.is_ok() {
            break;
        }
        result = UdpSocket::bind((ip, next));
    }
    result
}

/// Reads the control socket until `over` is set; requests are answered from the board.
pub(super) fn listen(
    (socket, board): (UdpSocket, Board),
    controller: Controller,
    over: Arc<AtomicBool>,
) -> io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    std::thread::Builder::new().name("sipp-control".into()).spawn(move || {
        let mut buffer = [0; 2048];
        while !over.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            let bytes = &buffer[..length];
            if bytes.first() == Some(&b'{') {
                // Whoever does not wait for the answer does not get it.
                let _ = socket.send_to(&answer(bytes, &board, &controller), from);
            } else if let Some(command) = datagram(bytes) {
                controller.ask(command);
            }
        }
    })?;
    Ok(())
}

/// Does what a request wants, and says so.
fn answer(text: &[u8], board: &Board, controller: &Controller) -> Vec<u8> {
    let request::Request { id, wish } = request::parse(text);
    let outcome = wish.and_then(|wish| {
        let snapshot = board.read().ok_or("the run has not begun")?;
        match wish {
            Wish::Statistics => Ok(Some(report::brief(&snapshot))),
            Wish::Command(command) => {
                request::permit(&command, &snapshot)?;
                if controller.ask(command) { Ok(None) } else { Err("too much to do, ask again".into()) }
            }
        }
    });
    request::answer(id, outcome)
}

/// Reads keys from standard input as long as the process lives.
pub(super) fn read_keyboard(controller: Controller) -> io::Result<()> {
    std::thread::Builder::new().name("sipp-keys".into()).spawn(move || {
        let mut typist = Typist::default();
        for letter in io::stdin().lock().bytes() {
            let Ok(letter) = letter else { return };
            for command in typist.letter(char::from(letter)) {
                controller.insist(command);
            }
        }
    })?;
    Ok(())
}

/// Commands that may wait for the engine.
const WAITING_COMMANDS: usize = 256;
/// Where the search for a free control port begins.
const FIRST_CONTROL_PORT: u16 = 8888;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{Command, bind_control, controller};

    #[test]
    fn the_search_passes_over_a_port_in_use() {
        let first = bind_control(Ipv4Addr::LOCALHOST.into(), None).expect("a port of sixty is free");
        let second = bind_control(Ipv4Addr::LOCALHOST.into(), None).expect("another one is free");
        assert_ne!(first.local_addr().ok(), second.local_addr().ok());
        let taken = first.local_addr().expect("bound").port();
        assert!(bind_control(Ipv4Addr::LOCALHOST.into(), Some(taken)).is_err());
    }

    #[test]
    fn a_flood_of_commands_is_dropped() {
        let (controller, controlled) = controller();
        for _ in 0..10_000 {
            controller.ask(Command::Quit);
        }
        assert_eq!(controlled.receiver.try_iter().count(), super::WAITING_COMMANDS);
    }
}
