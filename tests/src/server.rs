//! A proxy, ours or the packaged one, with a configuration of the test's own, and clients that speak with it over UDP.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use crate::digest;
use crate::folder::Folder;
use crate::ports;
use crate::programs::{Missing, Running, locate};

/// How long it may take to start, to answer, or to end.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A proxy that runs while this lives.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub program: Running,
    /// Its port on 127.0.0.1.
    pub port: u16,
}

impl Server {
    /// Starts `kamailio` or `sip-proxy` with what `config` makes of the port. `None` when the original is not
    /// installed (a failure where `CI=true`). Panics when it does not start.
    pub fn start(name: &str, folder: &Folder, config: impl FnOnce(u16) -> String) -> Option<Server> {
        let path = match locate(name) {
            Ok(path) => path,
            Err(Missing::Original(_)) if std::env::var("CI").as_deref() != Ok("true") => return None,
            Err(missing) => panic!("{missing:?}"),
        };
        let port = ports::free().expect("a free port");
        let label = format!("{name}-{port}");
        let file = format!("{label}.cfg");
        folder.write(&file, &config(port));
        let mut args: Vec<String> = ["-f", &file, "-DD", "-E"].map(str::to_owned).to_vec();
        if name == "kamailio" {
            let place = folder.path().display().to_string();
            args.extend(["-m", "64", "-M", "8", "-w", &place, "-Y", &place].map(str::to_owned));
        }
        let mut program = Running::start(&path, &args, folder.path(), &label).expect("it starts");
        program.wait_until(LIMIT, || ports::is_bound("udp", port)).unwrap_or_else(|what| {
            panic!("{what}\n{}", program.output("err"));
        });
        Some(Server { program, port })
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.program.output("err")
    }
}

/// A client with a port of its own.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    server: u16,
    serial: u32,
    /// The value of the last challenge.
    challenge: String,
}

impl Client {
    /// A client of the proxy at that port.
    pub fn of(server: u16) -> Client {
        Client::at("127.0.0.1", server)
    }

    /// The same from another address of the loopback.
    pub fn at(address: &str, server: u16) -> Client {
        let socket = UdpSocket::bind((address, 0)).expect("an address of the loopback");
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a time");
        Client { socket, server, serial: 0, challenge: String::new() }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().expect("it is bound").port()
    }

    /// The final reply to a request; sent again until it comes. Panics when none comes.
    pub fn ask(&mut self, request: &Request<'_>) -> String {
        let bytes = self.write(request);
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            self.send(&bytes);
            while let Some(reply) = self.receive() {
                if reply.starts_with("SIP/2.0 ") && !reply.starts_with("SIP/2.0 1") && self.is_mine(&reply) {
                    self.keep_challenge(&reply);
                    return reply;
                }
            }
        }
        panic!("no answer to\n{bytes}");
    }

    /// The reply, if one comes within half a second. Sent once.
    pub fn try_once(&mut self, request: &Request<'_>) -> Option<String> {
        let bytes = self.write(request);
        self.send(&bytes);
        std::iter::from_fn(|| self.receive()).find(|reply| self.is_mine(reply))
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: &str) {
        self.socket.send_to(bytes.as_bytes(), ("127.0.0.1", self.server)).expect("loopback");
    }

    /// The next message, if one comes within half a second.
    pub fn receive(&self) -> Option<String> {
        let mut buffer = vec![0u8; 65_535];
        let len = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..len]).into_owned())
    }

    /// The text of a request, with the next CSeq.
    pub fn write(&mut self, request: &Request<'_>) -> String {
        self.serial += 1;
        let Request { method, uri, user, headers } = request;
        let (local, serial) = (self.socket.local_addr().expect("it is bound"), self.serial);
        let message = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{0}-{serial}\r\n\
             From: <{user}>;tag=1\r\nTo: <{user}>\r\nCall-ID: {0}-{method}\r\nCSeq: {serial} {method}\r\n\
             Max-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n",
            local.port()
        );
        digest::fill(&message, &self.challenge).expect("a challenge came before")
    }

    fn is_mine(&self, reply: &str) -> bool {
        reply.contains(&format!("CSeq: {} ", self.serial))
    }

    fn keep_challenge(&mut self, reply: &str) {
        let value = reply.lines().find_map(|line| line.split_once("-Authenticate: "));
        if let Some((_, value)) = value {
            self.challenge = value.to_owned();
        }
    }
}

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its request URI.
    pub uri: &'a str,
    /// The URI of From and To.
    pub user: &'a str,
    /// Further lines, each with its CRLF; `{digest USER PASSWORD}` answers the last challenge.
    pub headers: &'a str,
}

impl<'a> Request<'a> {
    /// A REGISTER of `sip:a.example` for a user.
    pub fn register(user: &'a str, headers: &'a str) -> Request<'a> {
        Request { method: "REGISTER", uri: "sip:a.example", user, headers }
    }
}

/// Asks again until `is_right`; panics with `what` when it never is.
pub fn eventually(what: &str, is_right: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_right() {
        assert!(start.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
