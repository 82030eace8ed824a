//! Links to the twins of third party call control: commands as text, each ended by the byte 1B, over TCP.
//!
//! Each link has a thread that reads and one that writes, so that a twin that is slow delays nothing here: what
//! it does not take fails the call, what we cannot take yet waits in its connection.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use sip::net::Waker;

/// What comes over the links.
#[derive(Debug)]
pub(super) enum Heard {
    /// A twin connected to us.
    Connected(TcpStream),
    /// A command without its last byte.
    Command(Vec<u8>),
    /// A link ended.
    Closed,
}

/// How the twins are reached.
#[derive(Debug)]
pub(super) enum Roles {
    /// Two instances share one link.
    Pair,
    /// Each instance has a name; a link leads from the one that sends to the one that receives.
    Named(HashMap<String, SocketAddr>),
}

/// The links of this instance.
#[derive(Debug)]
pub(in crate::engine) struct Twins {
    roles: Roles,
    heard: Receiver<Heard>,
    ear: Ear,
    writers: HashMap<String, SyncSender<Box<[u8]>>>,
    writing: Vec<JoinHandle<()>>,
    /// To end the threads that read.
    streams: Vec<TcpStream>,
    over: Arc<AtomicBool>,
}

/// What the reading threads tell to.
#[derive(Clone, Debug)]
struct Ear {
    sender: SyncSender<Heard>,
    waker: Waker,
}

impl Twins {
    /// No links yet; `waker` wakes the thread that hears.
    pub(super) fn new(roles: Roles, waker: Waker) -> Twins {
        let (sender, heard) = sync_channel(WAITING);
        let ear = Ear { sender, waker };
        Twins {
            roles,
            heard,
            ear,
            writers: HashMap::new(),
            writing: Vec::new(),
            streams: Vec::new(),
            over: Arc::new(AtomicBool::new(false)),
        }
    }

    /// True when instances have names, and commands tell who sent them.
    pub(super) fn has_names(&self) -> bool {
        matches!(self.roles, Roles::Named(_))
    }

    /// Lets twins connect to that address.
    pub(super) fn listen(&mut self, addr: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(addr)?;
        // It also ends the wait for a connection (socket(7), SO_RCVTIMEO).
        set_socket_timeout(&listener, Timeout::Recv, Some(LOOK_UP))?;
        let (ear, over) = (self.ear.clone(), self.over.clone());
        std::thread::Builder::new().name("sipp-twins".into()).spawn(move || {
            let mut accepted = 0;
            while !over.load(Ordering::Relaxed) && accepted < MOST_TWINS {
                if let Ok((stream, _)) = listener.accept() {
                    accepted += 1;
                    ear.tell(Heard::Connected(stream));
                }
            }
        })?;
        Ok(())
    }

    /// Connects to a twin now; the name is empty in a pair.
    pub(super) fn connect(&mut self, name: &str, addr: SocketAddr) -> io::Result<()> {
        let stream = TcpStream::connect_timeout(&addr, CONNECT)?;
        self.adopt(name, stream)
    }

    /// Connects to the twin of that name, or finds that it is not listed.
    pub(super) fn connect_named(&mut self, name: &str) -> io::Result<()> {
        let Roles::Named(peers) = &self.roles else { return Ok(()) };
        let addr = peers.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
        self.connect(name, addr)
    }

    /// The next thing that was heard.
    pub(super) fn hear(&mut self) -> Option<Heard> {
        loop {
            match self.heard.try_recv().ok()? {
                // In a pair the connection is also the way back; between names it is for reading only.
                Heard::Connected(stream) if self.has_names() => {
                    let _ = self.read(stream);
                }
                Heard::Connected(stream) => {
                    let _ = self.adopt("", stream);
                }
                other => return Some(other),
            }
        }
    }

    /// More was heard than one turn takes: there shall be another one.
    pub(super) fn wake(&self) {
        self.ear.waker.wake();
    }

    /// Sends a command, last byte included. Errors: there is no such link, or it does not take any more.
    pub(super) fn send(&mut self, to: Option<&str>, command: &[u8]) -> io::Result<()> {
        let name = to.filter(|_| self.has_names()).unwrap_or_default();
        if !self.writers.contains_key(name) {
            self.connect_named(name)?;
        }
        let writer = self.writers.get(name).ok_or(io::ErrorKind::BrokenPipe)?;
        let sent = writer.try_send(command.into());
        sent.map_err(|_| {
            self.writers.remove(name);
            io::ErrorKind::BrokenPipe.into()
        })
    }

    /// Gives the twins time to read: SIPp 3.6.1 that sees a link end before it has read the last command of another
    /// never reads that one (measured).
    fn wait_for_twins(&mut self) {
        let mut open = self.streams.len();
        let until = Instant::now() + LAST_WORDS;
        while open > 0 {
            match self.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Heard::Closed) => open -= 1,
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    fn adopt(&mut self, name: &str, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut writing = stream.try_clone()?;
        writing.set_write_timeout(Some(PATIENCE))?;
        let (sender, commands) = sync_channel::<Box<[u8]>>(WAITING);
        let thread = std::thread::Builder::new().name("sipp-twin-out".into()).spawn(move || {
            for command in commands {
                if writing.write_all(&command).is_err() {
                    return;
                }
            }
            // Everything is written; the reader on the other side learns that no more comes.
            let _ = writing.shutdown(Shutdown::Write);
        })?;
        self.writing.push(thread);
        self.writers.insert(name.into(), sender);
        self.read(stream)
    }

    fn read(&mut self, stream: TcpStream) -> io::Result<()> {
        // An accepted connection takes the listener's over.
        stream.set_read_timeout(None)?;
        let ear = self.ear.clone();
        let reading = stream.try_clone()?;
        self.streams.push(stream);
        std::thread::Builder::new().name("sipp-twin-in".into()).spawn(move || {
            read_commands(reading, |command| ear.tell(Heard::Command(command)));
            ear.tell(Heard::Closed);
        })?;
        Ok(())
    }
}

impl Drop for Twins {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // The last commands leave before the program does.
        self.writers.clear();
        for thread in self.writing.drain(..) {
            let _ = thread.join();
        }
        self.wait_for_twins();
        for stream in &self.streams {
            // One that is gone needs no end.
            let _ = stream.shutdown(Shutdown::Read);
        }
    }
}

impl Ear {
    /// Waits while the engine cannot follow. False when it is gone.
    fn tell(&self, heard: Heard) -> bool {
        let told = self.sender.send(heard).is_ok();
        self.waker.wake();
        told
    }
}

/// Cuts a stream into commands until it ends, grows too long without one, or `take` has enough.
fn read_commands(mut stream: impl Read, mut take: impl FnMut(Vec<u8>) -> bool) {
    let mut waiting = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let length = match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        waiting.extend_from_slice(&buffer[..length]);
        while let Some(end) = memchr::memchr(ESCAPE, &waiting) {
            let rest = waiting.split_off(end + 1);
            waiting.pop();
            if !take(std::mem::replace(&mut waiting, rest)) {
                return;
            }
        }
        if waiting.len() > LONGEST {
            return;
        }
    }
}

/// The value of a header line of a command, trimmed.
pub(super) fn header<'t>(command: &'t [u8], name: &str) -> Option<&'t [u8]> {
    command.split(|byte| *byte == b'\n').find_map(|line| {
        let at = memchr::memchr(b':', line)?;
        let found = sip::lex::trim(&line[..at]).eq_ignore_ascii_case(name.as_bytes());
        found.then(|| sip::lex::trim(&line[at + 1..]))
    })
}

/// The lines of `-slave_cfg`: `NAME;HOST:PORT`. Error: the line that is none.
pub(super) fn parse_peers(text: &str) -> Result<Vec<(String, String)>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| match line.trim().split_once(';') {
            Some((name, address)) if !name.is_empty() => Ok((name.into(), address.trim().into())),
            _ => Err(format!("line {}: '{}' is not NAME;HOST:PORT", number + 1, line.trim())),
        })
        .collect()
}

/// Ends a command.
const ESCAPE: u8 = 0x1B;
/// A twin that sends more than this without an end of a command is no twin.
const LONGEST: usize = 256 << 10;
/// Commands that may wait in one direction.
const WAITING: usize = 4096;
/// As in SIPp.
const MOST_TWINS: usize = 10;
/// How often the listening thread looks whether the run is over.
const LOOK_UP: Duration = Duration::from_millis(200);
/// How long a twin may take nothing before its link is given up.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the end of the program waits for its twins to go first.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::{LONGEST, header, parse_peers, read_commands};

    #[test]
    fn streams_are_cut_at_escapes() {
        let mut commands = Vec::new();
        read_commands(&b"Call-ID: a\r\n\x1b\x1bCall-ID: b\r\n\x1bhalf"[..], |command| {
            commands.push(command);
            true
        });
        assert_eq!(commands, [b"Call-ID: a\r\n".to_vec(), Vec::new(), b"Call-ID: b\r\n".to_vec()]);
    }

    #[test]
    fn a_stream_without_escapes_is_given_up() {
        let endless = std::io::Read::take(std::io::repeat(b'x'), 10 * LONGEST as u64);
        read_commands(endless, |_| panic!("no command is complete"));
    }

    #[test]
    fn headers_of_commands_are_found() {
        let text = b"call-id : 1-2@3 \r\nFrom: m\r\n\r\nbody";
        assert_eq!(header(text, "Call-ID"), Some(&b"1-2@3"[..]));
        assert_eq!(header(text, "From"), Some(&b"m"[..]));
        assert_eq!(header(text, "To"), None);
    }

    #[test]
    fn peers_are_lines_of_name_and_address() {
        let peers = parse_peers("m;127.0.0.1:8080\r\n\ns1;127.0.0.1:8081 \n").expect("valid");
        assert_eq!(peers[1], ("s1".into(), "127.0.0.1:8081".into()));
        assert_eq!(parse_peers("m;a\nx").expect_err("no address"), "line 2: 'x' is not NAME;HOST:PORT");
    }
}
