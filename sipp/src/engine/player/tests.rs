//! The player with real sockets on loopback; every wait ends with a packet, not with a clock.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use sip::net::Clock;

use super::*;
use crate::media::{Playback, Samples, StreamPlan, payload, rtp};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn habits(echo: EchoSwitch) -> Habits {
    // Any free pair of ports: the system names one, the player searches from there.
    let probe = UdpSocket::bind((LOOPBACK, 0)).expect("a free port");
    let first_port = probe.local_addr().expect("bound").port().clamp(2000, 60_000);
    Habits {
        ip: LOOPBACK,
        first_port,
        last_port: u16::MAX,
        echo,
        echo_bytes: 8,
        report_every: None,
        tolerance: [1.0; 2],
        check_debug: false,
        srtp_debug: false,
        origin: Origin::default(),
    }
}

fn listener() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((LOOPBACK, 0)).expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout is allowed");
    let addr = socket.local_addr().expect("bound");
    (socket, addr)
}

fn stream(clock: Clock, loops: Option<u32>) -> Playback {
    let plan = StreamPlan {
        samples: Samples::parse(&[7; 480]).expect("not empty"),
        format: payload::find(8, None).expect("known"),
        payload_type: 8,
        loops,
        ssrc: 0xca11_0000,
    };
    Playback::stream(plan, clock.now())
}

fn next(socket: &UdpSocket) -> (rtp::Header, SocketAddr) {
    let mut buffer = [0; 2048];
    let (len, from) = socket.recv_from(&mut buffer).expect("a packet in time");
    (rtp::read(&buffer[..len]).expect("RTP").0, from)
}

#[test]
fn plays_a_stream_from_the_media_port_and_continues_its_sequence() {
    let clock = Clock::start();
    let player = Player::start(clock, habits(EchoSwitch::Off)).expect("starts");
    let (socket, to) = listener();
    let from = SocketAddr::new(LOOPBACK, player.port());
    let id = StreamId { call: 1, slot: Slot::Stream };
    for round in 0..2 {
        let start =
            Start { id, playback: stream(clock, Some(1)), from, to, kind: MediaKind::Audio, check: None };
        assert!(player.tell(Command::Start(Box::new(start))));
        for packet in 0..3 {
            let (header, source) = next(&socket);
            assert_eq!((header.sequence, source), (round * 3 + packet, from));
        }
    }
    assert_eq!(player.figures().sent_packets, 6);
}

#[test]
fn a_forgotten_call_falls_silent_while_others_play_on() {
    let clock = Clock::start();
    let player = Player::start(clock, habits(EchoSwitch::Off)).expect("starts");
    let (first, first_addr) = listener();
    let (second, second_addr) = listener();
    let from = SocketAddr::new(LOOPBACK, player.port());
    for (call, to) in [(1, first_addr), (2, second_addr)] {
        let id = StreamId { call, slot: Slot::Stream };
        assert!(player.tell(Command::Start(Box::new(Start {
            id,
            playback: stream(clock, None),
            from,
            to,
            kind: MediaKind::Audio,
            check: None
        }))));
    }
    next(&first);
    assert!(player.tell(Command::Forget(1)));
    // Three packets of the other call later the first one has been obeyed for long.
    for _ in 0..3 {
        next(&second);
    }
    while next(&second).0.sequence < 10 {}
    first.set_nonblocking(true).expect("allowed");
    let left = std::iter::from_fn(|| first.recv_from(&mut [0; 64]).ok()).count();
    assert!(left < 5, "{left}");
    assert_eq!(player.figures().streams, 1);
}

#[test]
fn returns_what_it_receives_while_the_echo_is_on() {
    let player = Player::start(Clock::start(), habits(EchoSwitch::On)).expect("starts");
    let (socket, _) = listener();
    for (line, port) in [player.port(), player.port() + 2].into_iter().enumerate() {
        socket.send_to(b"any datagram", (LOOPBACK, port)).expect("sent");
        let mut buffer = [0; 64];
        let (len, from) = socket.recv_from(&mut buffer).expect("returned");
        assert_eq!((&buffer[..len], from.port()), (&b"any data"[..], port), "cut to -mb");
        assert_eq!(player.figures().echoed[line], 1);
    }
}

#[test]
fn searches_the_next_free_pair_of_ports() {
    let habits = habits(EchoSwitch::Off);
    let first = Player::start(Clock::start(), habits).expect("starts");
    let second =
        Player::start(Clock::start(), Habits { first_port: first.port(), ..habits }).expect("starts");
    assert!(second.port() > first.port());
    let none = Player::start(Clock::start(), Habits { last_port: habits.first_port, ..habits });
    assert!(none.is_err(), "no port in the range");
}

#[test]
fn says_when_a_port_is_taken_and_sends_anyway() {
    let clock = Clock::start();
    let player = Player::start(clock, habits(EchoSwitch::Off)).expect("starts");
    let (taken, from) = listener();
    let (socket, to) = listener();
    let id = StreamId { call: 1, slot: Slot::Audio };
    assert!(player.tell(Command::Start(Box::new(Start {
        id,
        playback: stream(clock, Some(1)),
        from,
        to,
        kind: MediaKind::Audio,
        check: None
    }))));
    assert_ne!(next(&socket).1, from);
    let Some(Remark::Complaint(complaint)) = player.next_remark() else { panic!("no complaint") };
    assert!(complaint.contains(&format!("Media port {} is taken", from.port())), "{complaint}");
    drop(taken);
}

/// The peer may send as soon as it knows the port, which is before the player knows the line.
#[test]
fn packets_to_an_announced_port_wait_for_the_player() {
    let player = Player::start(Clock::start(), habits(EchoSwitch::Off)).expect("starts");
    let (peer, remote) = listener();
    let socket = listen(SocketAddr::new(LOOPBACK, 0)).expect("a free port");
    let local = socket.local_addr();
    let send = |sequence| {
        let header = rtp::Header { marker: false, payload_type: 8, sequence, timestamp: 0, ssrc: 7 };
        let mut packet = Vec::new();
        rtp::write(header, &[0xd5; 160], &mut packet);
        peer.send_to(&packet, local).expect("sent");
    };
    send(0);
    let line = LineId { call: 1, kind: MediaKind::Audio };
    assert!(player.tell(Command::Expect(Box::new(Place {
        line,
        local,
        remote: Some(remote),
        remote_rtcp: None,
        codecs: Codecs::default(),
        keys: None,
        socket: Some(socket),
    }))));
    send(1);
    let ears = player.ears();
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while ears.heard(1, MediaKind::Audio).packets < 2 && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(ears.heard(1, MediaKind::Audio).packets, 2);
    assert!(listen(local).is_none(), "taken");
}
