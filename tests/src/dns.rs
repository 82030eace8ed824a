//! A name server for tests: a zone written as text, answered over UDP on a free port of this machine.
//!
//! `name KIND data`, one record a line: `A 127.0.0.1`, `AAAA ::1`, `SRV priority weight port target`,
//! `NAPTR order preference flags service replacement`. Names that are not in the zone do not exist.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, NAPTR, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record};

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct NameServer {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Starts a server for a zone whose answers may be kept for `ttl_seconds`.
    ///
    /// Panics when the zone cannot be read: this is for tests.
    pub fn start(zone: &str, ttl_seconds: u32) -> NameServer {
        let records: Vec<Record> = zone.lines().map(|line| record(line, ttl_seconds)).collect();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket option");
        let addr = socket.local_addr().expect("bound");
        let (asked, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, end) = (asked.clone(), is_over.clone());
        let thread = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !end.load(Ordering::Relaxed) {
                match socket.recv_from(&mut buffer) {
                    Ok((len, from)) => {
                        if let Some(reply) = answer(&buffer[..len], &records, &log) {
                            socket.send_to(&reply, from).expect("loopback takes it");
                        }
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(error) => panic!("name server: {error}"),
                }
            }
        });
        NameServer { addr, asked, is_over, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it was asked so far, `KIND name`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It may have panicked; the test that asked it has failed then.
            let _ = thread.join();
        }
    }
}

fn answer(query: &[u8], zone: &[Record], asked: &Mutex<Vec<String>>) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?.clone();
    let mut name = question.name().clone();
    name.set_fqdn(true);
    let text = name.to_ascii().trim_end_matches('.').to_ascii_lowercase();
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{} {text}", question.query_type()));
    let of_name: Vec<&Record> = zone.iter().filter(|record| record.name == name).collect();
    let code = if of_name.is_empty() { ResponseCode::NXDomain } else { ResponseCode::NoError };
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata.response_code = code;
    reply.metadata.recursion_available = true;
    reply.metadata.recursion_desired = true;
    reply.add_query(question.clone());
    for record in of_name.into_iter().filter(|record| record.record_type() == question.query_type()) {
        reply.add_answer(record.clone());
    }
    reply.to_vec().ok()
}

fn record(line: &str, ttl_seconds: u32) -> Record {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| words[at].parse::<u16>().expect("a number");
    let name = |text: &str| {
        let mut name = Name::from_utf8(text).expect("a name");
        name.set_fqdn(true);
        name
    };
    let data = match words[1] {
        "A" => RData::A(A(words[2].parse().expect("an address"))),
        "AAAA" => RData::AAAA(AAAA(words[2].parse().expect("an address"))),
        "SRV" => RData::SRV(SRV::new(number(2), number(3), number(4), name(words[5]))),
        "NAPTR" => {
            let text = |at: usize| words[at].as_bytes().into();
            let empty = Box::default();
            RData::NAPTR(NAPTR::new(number(2), number(3), text(4), text(5), empty, name(words[6])))
        }
        other => panic!("{other} in a zone"),
    };
    Record::from_rdata(name(words[0]), ttl_seconds, data)
}
