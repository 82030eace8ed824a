//! Lines of calls with own and shared ports, strangers, sources that come and go.

use super::super::codecs::Codecs;
use super::super::rtp::Header;
use super::*;

type Board = MediaLines<char, u16>;

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn expectation(port: u16, remote: Option<&str>) -> Expectation<u16> {
    let codecs = Codecs::parse([&b"101 telephone-event/8000"[..]].into_iter());
    Expectation { port, rtcp_port: None, remote: remote.map(addr), codecs, keys: None, report_every: None }
}

fn packet(ssrc: u32, sequence: u16, payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let timestamp = u32::from(sequence) * 160;
    let mut out = Vec::new();
    rtp::write(Header { marker: false, payload_type, sequence, timestamp, ssrc }, payload, &mut out);
    out
}

/// `count` packets, one each 20 ms from `start_ms` on.
fn play(board: &mut Board, (port, from): (u16, &str), ssrc: u32, start_ms: u64, count: u16) -> Option<char> {
    let mut last = None;
    for number in 0..count {
        let now = Time::from_millis(start_ms + 20 * u64::from(number));
        last = board.take(now, (port, addr(from)), &mut packet(ssrc, number, 8, &[0xd5; 160])).line;
    }
    last
}

#[test]
fn a_line_knows_delay_loss_and_codec_of_what_it_heard() {
    let mut board = Board::default();
    board.expect(Time::ZERO, 'a', expectation(6000, None));
    board.expect(Time::from_millis(100), 'a', expectation(6000, Some("10.0.0.1:4000")));
    for number in (0..100u16).filter(|number| number % 10 != 5) {
        let now = Time::from_millis(140 + 20 * u64::from(number));
        board.take(now, (6000, addr("10.0.0.1:4000")), &mut packet(1, number, 8, &[0; 160]));
    }
    let heard = board.heard('a');
    assert_eq!((heard.packets, heard.lost, heard.codec.as_str()), (90, 10, "PCMA"));
    assert_eq!(heard.first_delay, Some(Duration::from_millis(40)));
    assert!(heard.score.is_some_and(|score| (2.5..4.0).contains(&score)), "{heard:?}");
    board.forget(Time::from_millis(5000), 'a');
    let sums = board.received();
    assert_eq!((sums.streams, sums.packets, sums.lost, sums.lines.only_heard), (1, 90, 10, 1));
}

#[test]
fn a_source_that_came_before_its_line_is_the_lines() {
    let mut board = Board::default();
    assert_eq!(play(&mut board, (6000, "10.0.0.1:4000"), 7, 0, 3), None);
    board.expect(Time::from_millis(60), 'a', expectation(6000, Some("10.0.0.1:4000")));
    assert_eq!(play(&mut board, (6000, "10.0.0.1:4000"), 7, 60, 5), Some('a'));
    // The numbers of the second five begin anew, so three of them are repeated.
    assert_eq!((board.heard('a').packets, board.received().strangers), (5, 0));
    // Others that came early stay strangers.
    let mut board = Board::default();
    assert_eq!(play(&mut board, (6000, "10.9.9.9:4000"), 7, 0, 3), None);
    board.expect(Time::from_millis(60), 'a', expectation(6000, Some("10.0.0.1:4000")));
    assert_eq!(play(&mut board, (6000, "10.9.9.9:4000"), 7, 60, 5), None);
    assert_eq!((board.heard('a').packets, board.received().strangers), (0, 8));
}

#[test]
fn calls_that_share_a_port_are_told_apart_by_their_peers() {
    let mut board = Board::default();
    board.expect(Time::ZERO, 'a', expectation(6000, Some("10.0.0.1:4000")));
    board.expect(Time::ZERO, 'b', expectation(6000, Some("10.0.0.2:4000")));
    assert_eq!(play(&mut board, (6000, "10.0.0.2:4000"), 7, 0, 3), Some('b'));
    assert_eq!(play(&mut board, (6000, "10.0.0.1:4000"), 7, 0, 5), Some('a'));
    assert_eq!((board.heard('a').packets, board.heard('b').packets), (5, 3));
    // Somebody neither of them expects is measured for nobody.
    assert_eq!(play(&mut board, (6000, "10.0.0.3:4000"), 7, 0, 2), None);
}

#[test]
fn calls_that_share_port_and_peer_get_the_sources_in_order() {
    let mut board = Board::default();
    for id in ['a', 'b'] {
        board.expect(Time::ZERO, id, expectation(6000, Some("10.0.0.1:4000")));
    }
    let lines: Vec<_> =
        [11, 12, 11, 13].map(|ssrc| play(&mut board, (6000, "10.0.0.1:4000"), ssrc, 0, 1)).into();
    assert_eq!(lines, [Some('a'), Some('b'), Some('a'), None]);
}

/// Calls that come one after the other, and one that changes its description while it talks.
#[test]
fn a_line_that_heard_its_source_leaves_the_next_one_to_others() {
    let mut board = Board::default();
    let peer = "10.0.0.1:4000";
    let mut heard = |id, ssrc| {
        board.expect(Time::ZERO, id, expectation(6000, Some(peer)));
        play(&mut board, (6000, peer), ssrc, 0, 1)
    };
    assert_eq!(['a', 'b', 'c'].map(|id| heard(id, id as u32)), [Some('a'), Some('b'), Some('c')]);
    board.expect(Time::ZERO, 'a', Expectation { codecs: Codecs::default(), ..expectation(6000, Some(peer)) });
    board.expect(Time::ZERO, 'd', expectation(6000, Some(peer)));
    assert_eq!(play(&mut board, (6000, peer), 9, 0, 1), Some('d'));
    // One that has port and peer for itself may begin a new source.
    board.expect(Time::ZERO, 'e', expectation(7000, Some(peer)));
    assert_eq!([1, 2].map(|ssrc| play(&mut board, (7000, peer), ssrc, 0, 1)), [Some('e'); 2]);
}

/// A peer may send from another port than it receives on; nobody else may.
#[test]
fn strangers_to_an_open_port_are_counted_and_not_measured() {
    let mut board = Board::default();
    board.expect(Time::ZERO, 'a', expectation(7000, Some("10.0.0.1:4000")));
    assert_eq!(play(&mut board, (7000, "10.9.9.9:666"), 1, 0, 4), None);
    assert_eq!(play(&mut board, (7000, "10.0.0.1:5555"), 2, 0, 3), Some('a'));
    assert_eq!((board.heard('a').packets, board.heard('a').strangers), (3, 4));
    // Once the announced one speaks, the other was a stranger too.
    assert_eq!(play(&mut board, (7000, "10.0.0.1:4000"), 3, 0, 10), Some('a'));
    assert_eq!(play(&mut board, (7000, "10.0.0.1:6666"), 4, 0, 1), None);
    assert_eq!((board.heard('a').packets, board.heard('a').strangers), (10, 8));
    board.forget(Time::from_millis(900), 'a');
    assert_eq!((board.received().packets, board.received().strangers), (10, 8));
    // What is still on its way when a call ends is no stream of its own.
    assert_eq!(play(&mut board, (7000, "10.0.0.1:4000"), 3, 1000, 2), None);
    assert_eq!((board.received().streams, board.received().after_end), (1, 2));
}

#[test]
fn strangers_never_fill_the_memory() {
    let mut board = Board::default();
    let from = addr("10.0.0.1:4000");
    board.take(Time::ZERO, (1, from), &mut b"hello".to_vec());
    for ssrc in 0..Board::MAX_SOURCES as u32 + 10 {
        board.take(Time::ZERO, (1, from), &mut packet(ssrc, 1, 8, &[0; 4]));
    }
    let all = board.received();
    assert_eq!((all.streams, all.strangers), (Board::MAX_SOURCES as u64, 11));
    board.sweep(Time::from_millis(20_000));
    assert_eq!(board.sources.len(), 0);
}

#[test]
fn digits_and_audio_of_one_source_are_told_apart() {
    let mut board = Board::default();
    board.expect(Time::ZERO, 'a', expectation(6000, Some("10.0.0.1:4000")));
    let at = (6000, addr("10.0.0.1:4000"));
    board.take(Time::ZERO, at, &mut packet(1, 1, 8, &[0; 160]));
    board.take(Time::ZERO, at, &mut packet(1, 2, 101, &[5, 0x8a, 3, 32]));
    board.take(Time::ZERO, at, &mut packet(1, 3, 8, &[1, 2, 3, 4]));
    let heard = board.heard('a');
    assert_eq!((heard.digits.as_str(), heard.packets, heard.payload_type), ("5", 3, Some(8)));
}

/// RFC 3711: keys of both directions, one wrong key, SRTCP.
#[test]
fn protected_lines_open_what_their_peer_protects() {
    use super::super::crypto::Agreement;
    use super::super::srtp::{Keying, Suite};
    let key = |byte| Keying::new(Suite::AesCm128Sha80, vec![byte; 30]);
    let line = |port, remote: &str, sending, receiving| Expectation {
        keys: Some(Agreement { sending, receiving }),
        report_every: Some(Duration::from_secs(5)),
        ..expectation(port, Some(remote))
    };
    let mut board = Board::default();
    board.expect(Time::ZERO, 'a', line(1, "10.0.0.2:2", key(1), key(2)));
    board.expect(Time::ZERO, 'b', line(2, "10.0.0.1:1", key(2), key(1)));
    board.expect(Time::ZERO, 'c', line(3, "10.0.0.1:1", key(2), key(9)));
    let plain = packet(7, 1, 8, b"sound");
    let mut wire = plain.clone();
    board.sending(Time::ZERO, 'a', &mut wire).expect("fresh key");
    assert_ne!(wire[..plain.len()], plain);
    assert_eq!(board.take(Time::ZERO, (3, addr("10.0.0.1:1")), &mut wire.clone()).content, Content::Refused);
    let taken = board.take(Time::ZERO, (2, addr("10.0.0.1:1")), &mut wire);
    assert_eq!((taken, wire), (Taken { line: Some('b'), content: Content::Rtp }, plain));
    let mut report = Vec::new();
    board.write_report(Time::from_millis(9), 'b', &mut report);
    let taken = board.take(Time::from_millis(9), (1, addr("10.0.0.2:2")), &mut report);
    assert_eq!(taken, Taken { line: Some('a'), content: Content::Rtcp });
    assert_eq!(board.heard('a').peer.map(|peer| peer.loss), Some(0.0));
    assert_eq!((board.heard('c').refused, board.heard('c').packets), (1, 0));
}

#[test]
fn a_pattern_that_comes_back_changed_is_told() {
    let mut board = Board::default();
    board.expect(Time::ZERO, 'a', expectation(6000, Some("10.0.0.1:4000")));
    board.check('a', PatternCheck::new(0xaa, 4));
    let at = (6000, addr("10.0.0.1:4000"));
    for number in 0..4 {
        board.sending(Time::ZERO, 'a', &mut packet(1, number, 8, &[0xaa; 4])).expect("plain");
    }
    let contents = [[0xaa; 4], [0xab; 4]]
        .map(|payload| board.take(Time::ZERO, at, &mut packet(1, 0, 8, &payload)).content);
    assert_eq!(contents, [Content::Rtp, Content::WrongPattern]);
    let result = board.end_check(Time::from_millis(1000), 'a').expect("it was checked");
    assert_eq!((result.sent, result.bad, result.good), (4, 3, 1));
    assert_eq!(board.end_check(Time::from_millis(1000), 'a'), None);
}
