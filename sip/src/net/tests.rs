//! The front door asked with real sockets on loopback; time is handed in, so deadlines need no waiting.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::Flow;
use super::{
    Clock, CloseReason, ConnLimits, Event, Inbox, Outgoing, SendError, SocketId, Sockets, UdpOptions,
};
use crate::msg::frame;
use crate::peer::{ConnId, Peer, Transport};
use crate::time::Time;

/// An event that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message(Vec<u8>, Peer),
    Opened(Peer),
    Closed(ConnId, CloseReason),
    Unreachable(SocketAddr),
}

/// A thread's sockets with the inbox and the time of the test.
struct Party {
    sockets: Sockets,
    inbox: Inbox,
    now: Time,
}

impl Party {
    fn new(limits: ConnLimits) -> Party {
        let sockets = Sockets::new(limits).expect("an epoll set");
        Party { sockets, inbox: Inbox::with_slots(8), now: Time::ZERO }
    }

    /// A party that listens for streams.
    fn listening(limits: ConnLimits) -> (Party, SocketId, SocketAddr) {
        let mut party = Party::new(limits);
        let socket = party.sockets.listen(Transport::Tcp, any_port()).expect("a free port");
        let addr = party.sockets.local_addr(socket).expect("it listens");
        (party, socket, addr)
    }

    /// One turn of a shell's loop that sleeps at most until `deadline`.
    fn turn(&mut self, deadline: Time) -> Vec<Seen> {
        self.sockets.flush(self.now);
        self.sockets.wait(self.now, Some(deadline)).expect("wait");
        self.sockets.receive(self.now, &mut self.inbox).expect("receive");
        self.inbox.events().map(Seen::from).collect()
    }

    /// Turns until `count` events are seen; fewer when none comes for some seconds.
    fn see(&mut self, count: usize) -> Vec<Seen> {
        let mut seen = Vec::new();
        while seen.len() < count {
            let before = seen.len();
            seen.extend(self.turn(self.now + PATIENCE));
            if seen.len() == before && !self.moved() {
                break;
            }
        }
        seen
    }

    /// True when turns without events may still be work in progress (a partial message, a write).
    fn moved(&mut self) -> bool {
        self.sockets.flush(self.now);
        self.sockets.poll.wait(Some(PATIENCE), &mut self.sockets.ready).expect("wait");
        !self.sockets.ready.is_empty()
    }

    fn send(&mut self, bytes: &[u8], peer: Peer) -> Result<(), SendError> {
        self.sockets.send(self.now, Outgoing { bytes, peer, socket: SocketId::default(), flow: Flow::NONE })
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Seen {
        match event {
            Event::Received(incoming) => Seen::Message(incoming.bytes.to_vec(), incoming.peer),
            Event::Opened { peer } => Seen::Opened(peer),
            Event::Closed { peer, reason } => Seen::Closed(peer.conn, reason),
            Event::Unreachable { peer, .. } => Seen::Unreachable(peer.addr),
        }
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
}

fn message(body: &str) -> Vec<u8> {
    format!("OPTIONS sip:b SIP/2.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn tcp(addr: SocketAddr) -> Peer {
    Peer::new(Transport::Tcp, addr)
}

/// The peer of an `Opened` that must be the only event.
fn opened(seen: Vec<Seen>) -> Peer {
    match seen[..] {
        [Seen::Opened(peer)] => peer,
        _ => panic!("expected one Opened, saw {seen:?}"),
    }
}

const PATIENCE: Duration = Duration::from_secs(5);

#[test]
fn datagrams_go_there_and_back() {
    let (mut a, mut b) = (Party::new(ConnLimits::default()), Party::new(ConnLimits::default()));
    let options = UdpOptions::default();
    let from = a.sockets.bind_udp(any_port(), &options).expect("a free port");
    let to = b.sockets.bind_udp(any_port(), &options).expect("a free port");
    let peer = Peer::new(Transport::Udp, b.sockets.local_addr(to).expect("bound"));
    // More than a batch and more than the inbox holds.
    for number in 0..100u8 {
        a.sockets
            .send(a.now, Outgoing { bytes: &[number], peer, socket: from, flow: Flow::NONE })
            .expect("room");
    }
    a.sockets.flush(a.now);
    let seen = b.see(100);
    let source = Peer::new(Transport::Udp, a.sockets.local_addr(from).expect("bound"));
    for (number, event) in seen.iter().enumerate() {
        assert_eq!(*event, Seen::Message(vec![number as u8], source));
    }
    assert_eq!((a.sockets.counters().sent, b.sockets.counters().received), (100, 100));
    b.sockets
        .send(b.now, Outgoing { bytes: b"back", peer: source, socket: to, flow: Flow::NONE })
        .expect("room");
    b.sockets.flush(b.now);
    assert_eq!(a.see(1), [Seen::Message(b"back".to_vec(), peer)]);
    a.sockets.close_socket(from);
    assert_eq!(a.send(b"x", peer), Err(SendError::NoSocket));
    assert_eq!(a.sockets.counters().dropped, 1);
}

#[test]
fn a_glance_finds_what_is_there() {
    let mut party = Party::new(ConnLimits::default());
    let socket = party.sockets.bind_udp(any_port(), &UdpOptions::default()).expect("a free port");
    let itself = Peer::new(Transport::Udp, party.sockets.local_addr(socket).expect("bound"));
    for number in 0..40u8 {
        let expected = if number % 2 == 0 { vec![] } else { vec![Seen::Message(vec![number], itself)] };
        for _ in &expected {
            let one = Outgoing { bytes: &[number], peer: itself, socket, flow: Flow::NONE };
            party.sockets.send(party.now, one).expect("room");
            party.sockets.flush(party.now);
        }
        party.sockets.glance(party.now).expect("an open socket");
        party.sockets.receive(party.now, &mut party.inbox).expect("receive");
        assert_eq!(party.inbox.events().map(Seen::from).collect::<Vec<_>>(), expected, "{number}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_refused_datagram_is_reported_with_its_peer() {
    let mut party = Party::new(ConnLimits::default());
    let options = UdpOptions::default();
    let socket = party.sockets.bind_udp(any_port(), &options).expect("a free port");
    let dead = party.sockets.bind_udp(any_port(), &options).expect("a free port");
    let gone = party.sockets.local_addr(dead).expect("bound");
    party.sockets.close_socket(dead);
    party
        .sockets
        .send(
            party.now,
            Outgoing { bytes: b"x", peer: Peer::new(Transport::Udp, gone), socket, flow: Flow::NONE },
        )
        .expect("room");
    assert_eq!(party.see(1), [Seen::Unreachable(gone)]);
    assert_eq!(party.sockets.counters().unreachable, 1);
}

#[test]
fn a_stream_is_cut_at_message_ends_wherever_it_is_split() {
    let (mut party, _, addr) = Party::listening(ConnLimits::default());
    let (first, second) = (message("one"), message(""));
    let bytes = [&first[..], &second[..]].concat();
    let mut client = TcpStream::connect(addr).expect("it listens");
    client.set_nodelay(true).expect("a live socket");
    let peer = opened(party.see(1));
    for split in 0..=bytes.len() {
        client.write_all(&bytes[..split]).expect("it reads");
        let mut seen = party.turn(party.now);
        client.write_all(&bytes[split..]).expect("it reads");
        seen.extend(party.see(2 - seen.len()));
        assert_eq!(
            seen,
            [Seen::Message(first.clone(), peer), Seen::Message(second.clone(), peer)],
            "split at {split}"
        );
    }
    for byte in &bytes {
        client.write_all(&[*byte]).expect("it reads");
    }
    assert_eq!(party.see(2).len(), 2);
}

#[test]
fn one_connection_serves_both_directions_and_later_messages() {
    let (mut b, _, addr) = Party::listening(ConnLimits::default());
    let mut a = Party::new(ConnLimits::default());
    a.send(&message("1"), tcp(addr)).expect("room");
    a.send(&message("2"), tcp(addr)).expect("room");
    let to_b = opened(a.see(1));
    let seen = b.see(3);
    let [Seen::Opened(to_a), Seen::Message(one, source), Seen::Message(two, _)] = &seen[..] else {
        panic!("saw {seen:?}")
    };
    assert_eq!((one, two, source), (&message("1"), &message("2"), to_a));
    // 18.2.2: the response takes the connection of the request.
    b.send(&message("reply"), *to_a).expect("room");
    b.sockets.flush(b.now);
    assert_eq!(a.see(1), [Seen::Message(message("reply"), to_b)]);
    // 18.1.1: an address with a connection does not get another one; a dead id falls back to the address.
    a.send(&message("3"), Peer { conn: ConnId(77), ..tcp(addr) }).expect("room");
    a.sockets.flush(a.now);
    assert_eq!((a.sockets.connections(), b.see(1)), (1, vec![Seen::Message(message("3"), *to_a)]));
}

#[test]
fn an_explicit_connection_is_always_a_new_one() {
    let (mut b, socket, addr) = Party::listening(ConnLimits::default());
    let mut a = Party::new(ConnLimits::default());
    let first = a.sockets.connect(a.now, tcp(addr), socket).expect("a descriptor");
    let second = a.sockets.connect(a.now, tcp(addr), socket).expect("a descriptor");
    assert_ne!(first.conn, second.conn);
    a.send(&message("on the second"), second).expect("room");
    assert_eq!(a.see(2).len(), 2);
    assert!(
        matches!(&b.see(3)[..], [Seen::Opened(_), Seen::Opened(peer), Seen::Message(_, source)] if peer == source)
    );
}

#[test]
fn a_message_for_tls_never_takes_a_tcp_connection_to_the_same_address() {
    let (_b, _, addr) = Party::listening(ConnLimits::default());
    let mut a = Party::new(ConnLimits::default());
    a.send(&message("plain"), tcp(addr)).expect("room");
    let over_tls = Peer::new(Transport::Tls, addr);
    assert_eq!(a.send(&message("secret"), over_tls), Err(SendError::NoSocket));
}

#[test]
fn an_alias_leads_to_the_connection_until_it_is_gone() {
    let (mut b, _, addr) = Party::listening(ConnLimits::default());
    let mut client = TcpStream::connect(addr).expect("it listens");
    let peer = opened(b.see(1));
    let advertised: SocketAddr = "192.0.2.7:5060".parse().expect("an address");
    b.sockets.alias(peer.conn, advertised);
    b.send(&message("hello"), tcp(advertised)).expect("room");
    b.sockets.flush(b.now);
    let mut got = vec![0; message("hello").len()];
    client.read_exact(&mut got).expect("it was flushed");
    assert_eq!(got, message("hello"));
    drop(client);
    assert_eq!(b.see(1), [Seen::Closed(peer.conn, CloseReason::ByPeer)]);
    assert_eq!(b.sockets.conns.find(tcp(advertised)), None);
}

#[test]
fn nobody_listening_is_a_closed_connection() {
    let (mut gone, _, addr) = Party::listening(ConnLimits::default());
    gone.sockets.listeners.clear();
    let mut party = Party::new(ConnLimits::default());
    party.send(&message("x"), tcp(addr)).expect("room");
    assert_eq!(party.see(1), [Seen::Closed(ConnId(1), CloseReason::Refused)]);
    assert_eq!(party.sockets.connections(), 0);
}

#[test]
fn an_attempt_without_answer_ends_at_its_deadline() {
    // A listener with no room for connections: the kernel does not answer further attempts.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&any_port().into()).expect("a free port");
    full.listen(0).expect("bound");
    let addr = full.local_addr().expect("bound").as_socket().expect("an IP address");
    let mut party = Party::new(ConnLimits::default());
    let peers = [(); 4]
        .map(|()| party.sockets.connect(party.now, tcp(addr), SocketId::default()).expect("a descriptor"));
    let connected = party.turn(party.now).len();
    assert!(connected < peers.len(), "the backlog took all attempts");
    party.now = Time::ZERO + ConnLimits::default().connect;
    let timed_out = |event: &Seen| matches!(event, Seen::Closed(_, CloseReason::ConnectTimeout));
    let seen = party.see(1);
    assert!(seen.iter().any(timed_out), "saw {seen:?}");
}

#[test]
fn idle_connections_close_at_their_deadline_and_busy_ones_do_not() {
    let limits = ConnLimits { idle: Duration::from_secs(60), ..ConnLimits::default() };
    let (mut party, _, addr) = Party::listening(limits);
    let _quiet = TcpStream::connect(addr).expect("it listens");
    let quiet = opened(party.see(1));
    let mut busy_client = TcpStream::connect(addr).expect("it listens");
    let busy = opened(party.see(1));
    // Part of a message is no sign of life: who sends a byte now and then may not hold a connection.
    party.now = Time::from_millis(30_000);
    busy_client.write_all(&message("")).expect("it reads");
    assert_eq!(party.see(1), [Seen::Message(message(""), busy)]);
    (&_quiet).write_all(b"OPTIONS").expect("it reads");
    assert_eq!(party.turn(party.now), []);
    assert_eq!(party.sockets.conns.next_deadline(), Some(Time::from_millis(60_000)));
    party.now = Time::from_millis(59_999);
    assert_eq!(party.turn(party.now), []);
    party.now = Time::from_millis(60_000);
    assert_eq!(party.turn(party.now), [Seen::Closed(quiet.conn, CloseReason::Idle)]);
    party.now = Time::from_millis(90_000);
    assert_eq!(party.turn(party.now), [Seen::Closed(busy.conn, CloseReason::Idle)]);
    assert_eq!(party.sockets.conns.next_deadline(), None);
}

#[test]
fn parts_of_messages_are_bounded_over_all_connections() {
    let limits = ConnLimits { held_bytes: 5_000, ..ConnLimits::default() };
    let (mut party, _, addr) = Party::listening(limits);
    let part = [&b"OPTIONS sip:b SIP/2.0\r\nX: "[..], &[b'x'; 2_000]].concat();
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = TcpStream::connect(addr).expect("it listens");
        client.write_all(&part).expect("it reads");
        clients.push((client, opened(party.see(1))));
        assert_eq!(party.turn(party.now), []);
    }
    let mut third = TcpStream::connect(addr).expect("it listens");
    let peer = opened(party.see(1));
    third.write_all(&part).expect("it reads");
    assert_eq!(party.see(1), [Seen::Closed(peer.conn, CloseReason::Crowded)]);
    // What is held goes with its connection, and the others go on.
    let (mut first, first_peer) = clients.remove(0);
    first.write_all(b"\r\nContent-Length: 0\r\n\r\n").expect("it reads");
    assert!(matches!(&party.see(1)[..], [Seen::Message(_, peer)] if *peer == first_peer));
    drop(clients);
    assert!(matches!(party.see(1)[..], [Seen::Closed(_, CloseReason::ByPeer)]));
    assert_eq!(party.sockets.conns.held(), 0);
}

#[test]
fn connections_beyond_the_limit_are_refused() {
    let limits = ConnLimits { max_connections: 2, ..ConnLimits::default() };
    let (mut party, socket, addr) = Party::listening(limits);
    let clients: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(addr).expect("it listens")).collect();
    assert_eq!(party.see(2).len(), 2);
    let mut third = &clients[2];
    third.set_read_timeout(Some(PATIENCE)).expect("a live socket");
    assert!(matches!(third.read(&mut [0; 1]), Ok(0) | Err(_)), "the third was closed");
    assert_eq!(party.sockets.counters().dropped, 1);
    assert_eq!(party.sockets.connect(party.now, tcp(addr), socket), Err(SendError::TooManyConnections));
}

#[test]
fn a_far_end_that_does_not_read_fills_its_queue_only() {
    let limits = ConnLimits { queue_bytes: 10_000, ..ConnLimits::default() };
    let (mut party, _, addr) = Party::listening(limits);
    let mut client = TcpStream::connect(addr).expect("it listens");
    let peer = opened(party.see(1));
    let text = message(&"x".repeat(900));
    let mut sent = 0usize;
    let refused = loop {
        match party.send(&text, peer) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        party.sockets.flush(party.now);
        assert!(sent < 1_000_000, "nothing bounds the queue");
    };
    assert_eq!((refused, party.sockets.connections()), (SendError::QueueFull, 1));
    // Once it reads, everything that was accepted arrives whole.
    let reader = std::thread::spawn(move || {
        let mut got = vec![0; sent * text.len()];
        client.read_exact(&mut got).map(|()| got.chunks(text.len()).all(|chunk| chunk == text))
    });
    while !reader.is_finished() {
        party.turn(party.now + Duration::from_millis(5));
    }
    assert!(reader.join().expect("the reader does not panic").expect("all bytes come"));
}

#[test]
fn closing_writes_what_waits_first_and_reports_nothing() {
    let (mut b, _, addr) = Party::listening(ConnLimits::default());
    let mut a = Party::new(ConnLimits::default());
    let peer = a.sockets.connect(a.now, tcp(addr), SocketId::default()).expect("a descriptor");
    assert_eq!(opened(a.see(1)), peer);
    a.send(&message("last words"), peer).expect("room");
    a.sockets.close(a.now, peer.conn);
    assert_eq!(a.sockets.connections(), 0);
    let seen = b.see(3);
    assert!(
        matches!(&seen[..], [Seen::Opened(_), Seen::Message(..), Seen::Closed(_, CloseReason::ByPeer)]),
        "saw {seen:?}"
    );
    assert_eq!(a.turn(a.now), []);
}

#[test]
fn a_connection_that_finishes_gives_its_address_free() {
    let listener = std::net::TcpListener::bind(any_port()).expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let mut party = Party::new(ConnLimits::default());
    let old = party.sockets.connect(party.now, tcp(addr), SocketId::default()).expect("a descriptor");
    assert_eq!(opened(party.see(1)), old);
    // Nobody reads: at some time bytes stay, and the connection cannot close at once.
    while !party.sockets.conns.has_queued() {
        party.send(&message(&"x".repeat(60_000)), old).expect("room");
        party.sockets.flush(party.now);
    }
    party.sockets.close(party.now, old.conn);
    for _ in 0..3 {
        party.send(&message(""), tcp(addr)).expect("room");
    }
    assert_eq!(party.sockets.connections(), 2, "the old one and one new one");
    assert_eq!(opened(party.see(1)).addr, addr);
}

#[test]
fn a_ping_gets_a_pong() {
    // RFC 5626 3.5.1: a double CRLF is answered by a single one.
    let (mut party, _, addr) = Party::listening(ConnLimits::default());
    let mut client = TcpStream::connect(addr).expect("it listens");
    opened(party.see(1));
    client.write_all(b"\r\n\r\n").expect("it reads");
    assert_eq!(party.turn(party.now + PATIENCE), []);
    party.sockets.flush(party.now);
    let mut pong = [0; 2];
    client.read_exact(&mut pong).expect("a pong");
    assert_eq!(&pong, b"\r\n");
}

#[test]
fn what_is_no_sip_closes_the_connection() {
    let rows: [(&str, Vec<u8>); 3] = [
        ("no Content-Length", b"OPTIONS sip:b SIP/2.0\r\n\r\n".to_vec()),
        ("endless head", vec![b'a'; 70_000]),
        ("too large", b"OPTIONS sip:b SIP/2.0\r\nContent-Length: 99999999\r\n\r\n".to_vec()),
    ];
    for (name, bytes) in rows {
        let (mut party, _, addr) = Party::listening(ConnLimits::default());
        let mut client = TcpStream::connect(addr).expect("it listens");
        let peer = opened(party.see(1));
        client.write_all(&bytes).expect("the kernel takes it");
        assert_eq!(party.see(1), [Seen::Closed(peer.conn, CloseReason::BadFrame)], "{name}");
    }
}

#[test]
fn a_message_of_the_largest_size_comes_through() {
    let frame = frame::Limits { max_message: 300_000, ..frame::Limits::default() };
    let (mut b, _, addr) = Party::listening(ConnLimits { frame, ..ConnLimits::default() });
    let mut a = Party::new(ConnLimits::default());
    let large = message(&"x".repeat(299_900));
    a.send(&large, tcp(addr)).expect("room");
    let sender = std::thread::spawn(move || {
        opened(a.see(1));
        while a.sockets.conns.has_queued() {
            a.turn(a.now + PATIENCE);
        }
        a
    });
    let seen = b.see(2);
    assert!(matches!(&seen[..], [Seen::Opened(_), Seen::Message(bytes, _)] if *bytes == large));
    drop(sender.join().expect("the sender does not panic"));
}

#[test]
fn another_thread_ends_the_wait() {
    let mut party = Party::new(ConnLimits::default());
    let waker = party.sockets.waker();
    let clock = Clock::start();
    // Woken before the wait: it must not sleep. Twice is as good as once.
    waker.wake();
    waker.wake();
    party.sockets.wait(clock.now(), Some(clock.now() + PATIENCE)).expect("wait");
    let other = std::thread::spawn(move || waker.wake());
    party.sockets.wait(clock.now(), Some(clock.now() + PATIENCE)).expect("wait");
    other.join().expect("it does not panic");
    assert!(clock.now() < Time::ZERO + PATIENCE);
}

#[test]
fn the_wait_ends_at_its_deadline_not_at_the_next_millisecond() {
    let mut party = Party::new(ConnLimits::default());
    let clock = Clock::start();
    let waits: Vec<Duration> = (0..20)
        .map(|_| {
            let start = clock.now();
            party.sockets.wait(start, Some(start + Duration::from_micros(200))).expect("wait");
            clock.now() - start
        })
        .collect();
    assert!(waits.iter().all(|wait| *wait >= Duration::from_micros(200)));
    // The best of twenty: a busy machine delays some of them.
    assert!(waits.iter().min() < Some(&Duration::from_micros(900)), "{waits:?}");
}
