//! What a datagram socket promises, asked of the batching one and of the plain one alike.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::{RecvRing, UdpSocket};
use crate::net::{Flow, Interest, Poll, SendBatch, Sent, UdpOptions};

fn bound(host: &str) -> UdpSocket {
    let addr = SocketAddr::new(host.parse().expect("an address"), 0);
    UdpSocket::bind(addr, &UdpOptions::default()).expect("a free port")
}

/// Receives until `want` datagrams are in the ring or nothing has come for a while.
fn receive_all(socket: &mut UdpSocket, ring: &mut RecvRing, want: usize) {
    let mut poll = Poll::new().expect("an epoll set");
    poll.registry().add(&*socket, 1, Interest::Read).expect("a fresh socket");
    let mut ready = Vec::new();
    while ring.len() < want {
        poll.wait(Some(Duration::from_secs(5)), &mut ready).expect("wait");
        if ready.is_empty() || (socket.receive(ring).expect("receive") == 0 && !ready[0].error) {
            break;
        }
    }
}

fn numbered(number: usize) -> Vec<u8> {
    format!("OPTIONS {number}").into_bytes()
}

#[test]
fn batches_of_every_size_arrive_whole_and_in_order() {
    let (mut from, mut to) = (bound("127.0.0.1"), bound("127.0.0.1"));
    let (mut ring, mut batch) = (RecvRing::new(200), SendBatch::default());
    assert!(ring.is_empty());
    for size in [1, 2, 3, 31, 63, 64, 65, 128, 129, 200] {
        for number in 0..size {
            batch.push(&numbered(number), to.local_addr()).expect("room in the batch");
        }
        assert_eq!(from.send(&mut batch).expect("send"), Sent { datagrams: size, congested: false });
        assert!(batch.is_empty());
        ring.clear();
        receive_all(&mut to, &mut ring, size);
        assert_eq!(ring.len(), size);
        for number in 0..size {
            assert_eq!(ring.get(number), Some((&numbered(number)[..], from.local_addr())));
        }
        assert_eq!(ring.get(size), None);
    }
}

/// Thirty calls of three messages each: equal ones may travel in one piece, and still arrive one by one, those of a
/// call in order.
#[test]
fn flows_arrive_whole_and_in_order() {
    let (mut from, mut to) = (bound("127.0.0.1"), bound("127.0.0.1"));
    let (mut ring, mut batch) = (RecvRing::new(100), SendBatch::default());
    for call in 0..30u8 {
        for (number, len) in [(0, 400), (1, 300), (2, 450)] {
            let mut bytes = vec![call; len];
            bytes[0] = number;
            batch.push_in_flow(&bytes, to.local_addr(), Flow::of(call.into())).expect("room in the batch");
        }
    }
    assert_eq!(from.send(&mut batch).expect("send"), Sent { datagrams: 90, congested: false });
    receive_all(&mut to, &mut ring, 90);
    assert_eq!(ring.len(), 90);
    let mut next = [0; 30];
    for index in 0..90 {
        let (bytes, source) = ring.get(index).expect("one per datagram sent");
        let call = usize::from(bytes[1]);
        assert_eq!((bytes[0], bytes.len()), (next[call], [400, 300, 450][usize::from(next[call])]));
        assert!(source == from.local_addr() && bytes[1..].iter().all(|byte| *byte == bytes[1]));
        next[call] += 1;
    }
    assert_eq!(next, [3; 30]);
}

#[test]
fn a_full_ring_leaves_the_rest_in_the_kernel() {
    let (mut from, mut to) = (bound("127.0.0.1"), bound("127.0.0.1"));
    let (mut ring, mut batch) = (RecvRing::new(4), SendBatch::default());
    for number in 0..6 {
        batch.push(&numbered(number), to.local_addr()).expect("room in the batch");
    }
    from.send(&mut batch).expect("send");
    receive_all(&mut to, &mut ring, 4);
    assert!(ring.is_full());
    assert_eq!(to.receive(&mut ring).expect("receive"), 0, "no slot is free");
    ring.clear();
    receive_all(&mut to, &mut ring, 2);
    assert_eq!(ring.get(0).map(|got| got.0.to_vec()), Some(numbered(4)));
    assert_eq!(ring.get(1).map(|got| got.0.to_vec()), Some(numbered(5)));
}

#[test]
fn the_largest_datagrams_are_not_truncated() {
    // 65,507 bytes is what IPv4 leaves after its header and UDP's; the neighbours must stay whole too.
    let (mut from, mut to) = (bound("127.0.0.1"), bound("127.0.0.1"));
    let (mut ring, mut batch) = (RecvRing::new(8), SendBatch::default());
    let sizes = [1, 65_507, 0, 8_193, 65_507, 2];
    for (number, size) in sizes.into_iter().enumerate() {
        batch.push(&vec![number as u8; size], to.local_addr()).expect("room in the batch");
    }
    from.send(&mut batch).expect("send");
    receive_all(&mut to, &mut ring, sizes.len());
    for (number, size) in sizes.into_iter().enumerate() {
        let (bytes, _) = ring.get(number).expect("one per datagram sent");
        assert!(bytes.len() == size && bytes.iter().all(|byte| *byte == number as u8));
    }
}

#[test]
fn a_datagram_larger_than_udp_allows_fails_alone() {
    let (mut from, mut to) = (bound("127.0.0.1"), bound("127.0.0.1"));
    let (mut ring, mut batch) = (RecvRing::new(4), SendBatch::default());
    batch.push(&[0; 70_000], to.local_addr()).expect("room in the batch");
    batch.push(b"fits", to.local_addr()).expect("room in the batch");
    assert_eq!(from.send(&mut batch).expect("send").datagrams, 1);
    assert_eq!(batch.take_failed().collect::<Vec<_>>(), [to.local_addr()]);
    receive_all(&mut to, &mut ring, 1);
    assert_eq!(ring.get(0), Some((&b"fits"[..], from.local_addr())));
}

#[test]
fn ipv6_works_and_leaves_ipv4_alone() {
    let mut to = bound("::1");
    let mut from = bound("::1");
    let (mut ring, mut batch) = (RecvRing::new(4), SendBatch::default());
    batch.push(b"six", to.local_addr()).expect("room in the batch");
    from.send(&mut batch).expect("send");
    receive_all(&mut to, &mut ring, 1);
    assert_eq!(ring.get(0), Some((&b"six"[..], from.local_addr())));
    // An IPv6 wildcard does not take the IPv4 port of the same number.
    let any6 = bound("::");
    let port = any6.local_addr().port();
    assert_eq!(any6.local_addr().ip(), Ipv6Addr::UNSPECIFIED);
    let any4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
    assert!(UdpSocket::bind(any4, &UdpOptions::default()).is_ok());
}

#[test]
fn a_port_in_use_is_an_error() {
    let taken = bound("127.0.0.1");
    let again = UdpSocket::bind(taken.local_addr(), &UdpOptions::default());
    assert_eq!(again.expect_err("in use").kind(), std::io::ErrorKind::AddrInUse);
}

#[test]
fn the_wrong_family_fails_alone() {
    let mut from = bound("127.0.0.1");
    let mut batch = SendBatch::default();
    let six = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 9);
    batch.push(b"x", six).expect("room in the batch");
    batch.push(b"y", from.local_addr()).expect("room in the batch");
    assert_eq!(from.send(&mut batch).expect("send").datagrams, 1);
    assert_eq!(batch.take_failed().collect::<Vec<_>>(), [six]);
}

#[test]
fn buffers_are_reported() {
    let small = UdpOptions { receive_buffer: 65_536, send_buffer: 65_536, ..UdpOptions::default() };
    let socket =
        UdpSocket::bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), &small).expect("a free port");
    let granted = socket.buffers().expect("buffers");
    assert!(granted.receive >= 65_536 && granted.send >= 65_536);
    let large = bound("127.0.0.1").buffers().expect("buffers");
    assert!(large.receive > granted.receive);
}

#[test]
fn a_group_shares_one_port_and_keeps_each_peer_in_order() {
    let addr = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let mut group = UdpSocket::bind_group(addr, 3, &UdpOptions::default()).expect("a free port");
    let addr = group[0].local_addr();
    assert!(group.iter().all(|socket| socket.local_addr() == addr));
    let mut ring = RecvRing::new(100);
    // Loopback delivers before sendmmsg returns, so nothing is on its way after a send.
    let mut shares = |from: &mut UdpSocket| -> Vec<usize> {
        let mut batch = SendBatch::default();
        (0..9).for_each(|number| batch.push(&numbered(number), addr).expect("room in the batch"));
        from.send(&mut batch).expect("send");
        group.iter_mut().map(|socket| socket.receive(&mut ring).expect("receive")).collect()
    };
    for _ in 0..8 {
        let share = shares(&mut bound("127.0.0.1"));
        assert_eq!(share.iter().max(), Some(&9), "one socket has all of a peer: {share:?}");
        assert_eq!(share.iter().sum::<usize>(), 9);
    }
}
