//! A whole server in this process on free ports, and peers made of plain sockets. Waiting is done by receiving.

mod calls;
mod connections;
mod dialogs;
mod forks;
mod local;
mod reload;
mod shards;
mod torture;

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sip::peer::Transport;

use super::{Plan, Server, Source, load};
use crate::cfg::{MemoryLoader, Preset};
use crate::script::Script;

/// A server on a free UDP port with this script and one shard.
fn server(script: &str) -> Server {
    server_of(1, "listen=udp:127.0.0.1:0", script)
}

/// A server with so many shards, these sockets and this script.
fn server_of(shards: usize, listen: &str, script: &str) -> Server {
    start(Plan { shards, ..plan(listen, script) })
}

fn start(plan: Plan) -> Server {
    Server::start(plan).expect("free port")
}

/// What a server with these sockets and this script is started from.
fn plan(listen: &str, script: &str) -> Plan {
    plan_after(None, listen, script)
}

/// The same, to take the place of another script.
fn plan_after(before: Option<&Script>, listen: &str, script: &str) -> Plan {
    let modules = ["tm", "tmx", "sl", "rr", "pv", "textops", "usrloc", "registrar"]
        .map(|name| format!("loadmodule \"{name}.so\"\n"));
    let text = format!("{listen}\n{}{script}", modules.concat());
    let preset = Preset::default();
    let source = Source { name: "test.cfg", text: text.into(), preset: &preset, before };
    let outcome = load(&source, &MemoryLoader::default(), |_| {});
    let findings: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    outcome.plan.unwrap_or_else(|| panic!("{findings:?}"))
}

/// A party with a socket of its own.
struct Party {
    socket: UdpSocket,
    proxy: SocketAddr,
}

impl Party {
    fn of(server: &Server) -> Party {
        let (transport, proxy) = server.addresses()[0];
        assert_eq!(transport, Transport::Udp);
        Party { proxy, ..Party::alone() }
    }

    /// A party that knows no proxy yet.
    fn alone() -> Party {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("free port");
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket option");
        let proxy = socket.local_addr().expect("bound");
        Party { socket, proxy }
    }

    fn addr(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    fn send(&self, text: &str) {
        let text = text.replace('\n', "\r\n");
        self.socket.send_to(text.as_bytes(), self.proxy).expect("loopback takes it");
    }

    /// The next message; its first line must start with `start`.
    fn expect(&self, start: &str) -> String {
        let mut buffer = [0; 65_535];
        let (len, _) =
            self.socket.recv_from(&mut buffer).unwrap_or_else(|error| panic!("no {start}: {error}"));
        let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
        assert!(text.starts_with(start), "expected {start}, got {text}");
        text
    }

    /// A request of this party; `headers` stand behind the mandatory ones.
    fn request(&self, method: &str, uri: &str, headers: &str) {
        let (number, branch, to_tag) = if method == "BYE" { (2, "2", ";tag=b") } else { (1, "1", "") };
        self.send(&format!(
            "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {};branch=z9hG4bK{branch}\nFrom: <sip:a@x>;tag=a\n\
             To: <sip:bob@x>{to_tag}\nCall-ID: c1\nCSeq: {number} {method}\nMax-Forwards: 70\n{headers}Content-Length: 0\n\n",
            self.addr(),
        ));
    }

    /// Answers a request it received.
    fn answer(&self, request: &str, status: &str, to_tag: &str) {
        let copied = request.lines().filter(|line| {
            ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Record-Route:"]
                .iter()
                .any(|name| line.starts_with(name))
        });
        let lines: Vec<String> = copied
            .map(|line| match line.starts_with("To:") && !line.contains("tag=") {
                true => format!("{line}{to_tag}\n"),
                false => format!("{line}\n"),
            })
            .collect();
        self.send(&format!(
            "SIP/2.0 {status}\n{}Contact: <sip:{}>\nContent-Length: 0\n\n",
            lines.concat(),
            self.addr()
        ));
    }
}

fn line<'t>(text: &'t str, start: &str) -> &'t str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no {start} in {text}"))
}
