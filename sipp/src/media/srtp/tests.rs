//! Vectors of RFC 3711 and RFC 6188, and pairs of sender and receiver.

use super::super::rtp::{self, Header};
use super::keys::{SessionKeys, Stream};
use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}

const KEY_128: &str = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";

fn keying(suite: Suite, inline: &[u8]) -> Keying {
    Keying::new(suite, inline)
}

fn packet(sequence: u16) -> Vec<u8> {
    let header = Header { marker: false, payload_type: 8, sequence, timestamp: 7, ssrc: 0xcafe_babe };
    let mut out = Vec::new();
    rtp::write(header, b"some payload", &mut out);
    out
}

/// RFC 3711 B.3.
#[test]
fn derives_the_session_keys_of_128_bits() {
    let keys =
        SessionKeys::derive(&keying(Suite::AesCm128Sha80, &bytes(KEY_128)), Stream::Rtp).expect("fits");
    let (cipher, salt) = keys.parts();
    assert_eq!(cipher, bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(salt, bytes("30CBBC08863D8C85D49DB34A9AE1"));
}

/// RFC 6188 7.3.
#[test]
fn derives_the_session_keys_of_256_bits() {
    let inline = bytes(
        "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2",
    );
    let keys = SessionKeys::derive(&keying(Suite::AesCm256Sha80, &inline), Stream::Rtp).expect("fits");
    let (cipher, salt) = keys.parts();
    assert_eq!(cipher, bytes("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"));
    assert_eq!(salt, bytes("fa31791685ca444a9e07c6c64e93"));
}

/// The key of RFC 3711 B.3 over one packet, as other implementations protect it.
#[test]
fn protects_a_packet_byte_for_byte() {
    let mut packet = bytes("800f1234decafbadcafebabe abababababababababababababababab");
    let mut sender = Sender::new(&keying(Suite::AesCm128Sha80, &bytes(KEY_128))).expect("fits");
    sender.protect(&mut packet).expect("fresh key");
    let expected = "800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb";
    assert_eq!(packet, bytes(expected));
}

#[test]
fn every_suite_opens_what_it_protects() {
    for (name, suite) in Suite::ALL {
        assert_eq!(Suite::find(name), Some(suite));
        let inline = vec![7; suite.key_bytes()];
        let mut sender = Sender::new(&keying(suite, &inline)).expect("fits");
        let mut receiver = Receiver::new(&keying(suite, &inline)).expect("fits");
        // Around the end of the sequence numbers: the rollover counter is part of the tag.
        for step in 65_400..65_700u32 {
            let mut wire = packet(step as u16);
            sender.protect(&mut wire).expect("fresh key");
            assert_eq!(receiver.open(&mut wire), Ok(()), "{name} {step}");
            assert_eq!(wire, packet(step as u16));
        }
        let report = [&[0x80, 201, 0, 1, 0, 0, 0, 9][..], b"more"].concat();
        for _ in 0..3 {
            let mut wire = report.clone();
            sender.protect_rtcp(&mut wire).expect("fresh key");
            assert_eq!(wire.len(), report.len() + 14);
            assert_eq!(receiver.open_rtcp(&mut wire), Ok(()), "{name}");
            assert_eq!(wire, report);
        }
    }
}

#[test]
fn refuses_replays_changes_and_fragments() {
    let inline = bytes(KEY_128);
    let mut sender = Sender::new(&keying(Suite::AesCm128Sha80, &inline)).expect("fits");
    let mut receiver = Receiver::new(&keying(Suite::AesCm128Sha80, &inline)).expect("fits");
    let protected: Vec<Vec<u8>> = (0..300)
        .map(|sequence| {
            let mut wire = packet(sequence);
            sender.protect(&mut wire).expect("fresh key");
            wire
        })
        .collect();
    for at in 0..protected[5].len() {
        let mut damaged = protected[5].clone();
        damaged[at] ^= 1;
        assert!(receiver.open(&mut damaged).is_err(), "byte {at}");
        assert!(receiver.open(&mut protected[5][..at].to_vec()).is_err(), "cut at {at}");
        assert!(receiver.open_rtcp(&mut protected[5][..at].to_vec()).is_err(), "cut at {at}");
    }
    for place in [5, 3, 4, 299] {
        assert_eq!(receiver.open(&mut protected[place].clone()), Ok(()), "{place}");
        assert_eq!(receiver.open(&mut protected[place].clone()), Err(Refused::Replayed), "{place}");
    }
    assert_eq!(receiver.open(&mut protected[100].clone()), Err(Refused::Replayed), "older than the window");
    assert_eq!(receiver.open(&mut protected[250].clone()), Ok(()));
}

#[test]
fn a_key_of_the_wrong_length_is_refused() {
    assert_eq!(Sender::new(&keying(Suite::AesCm256Sha80, &bytes(KEY_128))).err(), Some(WrongKeyLength));
    assert_eq!(Receiver::new(&keying(Suite::NullSha32, &[])).err(), Some(WrongKeyLength));
}

/// RFC 3711 3.1: the identifier stands between what is encrypted and the tag, and is not authenticated.
#[test]
fn an_identifier_travels_in_front_of_the_tag() {
    let keys = Keying { mki: Box::from([0, 7]), ..keying(Suite::AesCm128Sha80, &bytes(KEY_128)) };
    let mut wire = packet(1);
    Sender::new(&keys).expect("fits").protect(&mut wire).expect("fresh key");
    let len = wire.len();
    assert_eq!((len, &wire[len - 12..len - 10]), (packet(1).len() + 12, &[0, 7][..]));
    assert_eq!(Receiver::new(&keys).expect("fits").open(&mut wire), Ok(()));
    assert_eq!(wire, packet(1));
    let mut report = [&[0x80, 201, 0, 1, 0, 0, 0, 9][..], b"more"].concat();
    Sender::new(&keys).expect("fits").protect_rtcp(&mut report).expect("fresh key");
    assert_eq!(Receiver::new(&keys).expect("fits").open_rtcp(&mut report), Ok(()));
}

/// RFC 4568 6.1: after its lifetime a key protects nothing more.
#[test]
fn a_key_is_used_as_often_as_it_may() {
    let keys = Keying { lifetime: Some(2), ..keying(Suite::AesCm128Sha80, &bytes(KEY_128)) };
    let mut sender = Sender::new(&keys).expect("fits");
    let results: Vec<_> = (0..3).map(|number| sender.protect(&mut packet(number)).is_ok()).collect();
    assert_eq!(results, [true, true, false]);
}

/// RFC 4568 6.3: session parameters leave parts of the protection out.
#[test]
fn what_is_not_encrypted_or_not_authenticated_stays_readable() {
    let base = keying(Suite::AesCm128Sha80, &bytes(KEY_128));
    let mut wire = packet(1);
    let open = Keying { encrypts_rtp: false, ..base.clone() };
    Sender::new(&open).expect("fits").protect(&mut wire).expect("fresh key");
    assert_eq!(&wire[..packet(1).len()], packet(1));
    assert_eq!(Receiver::new(&open).expect("fits").open(&mut wire), Ok(()));
    let bare = Keying { authenticates_rtp: false, ..base };
    let mut wire = packet(1);
    Sender::new(&bare).expect("fits").protect(&mut wire).expect("fresh key");
    assert_eq!(wire.len(), packet(1).len());
    assert_eq!(Receiver::new(&bare).expect("fits").open(&mut wire), Ok(()));
    assert_eq!(wire, packet(1));
}

/// RFC 3711 3.2.3: each source has a context of its own.
#[test]
fn sources_count_for_themselves() {
    let keys = keying(Suite::AesCm128Sha80, &bytes(KEY_128));
    let (mut sender, mut receiver) = (Sender::new(&keys).expect("fits"), Receiver::new(&keys).expect("fits"));
    for (ssrc, sequence) in [(1, 65_535), (2, 100), (1, 0), (2, 101), (1, 1)] {
        let header = Header { marker: false, payload_type: 8, sequence, timestamp: 7, ssrc };
        let mut wire = Vec::new();
        rtp::write(header, b"some payload", &mut wire);
        sender.protect(&mut wire).expect("fresh key");
        assert_eq!(receiver.open(&mut wire), Ok(()), "{ssrc} {sequence}");
    }
    for ssrc in 0..100u32 {
        let header = Header { marker: false, payload_type: 8, sequence: 5, timestamp: 7, ssrc };
        let mut wire = Vec::new();
        rtp::write(header, b"x", &mut wire);
        sender.protect(&mut wire).expect("fresh key");
        assert_eq!(receiver.open(&mut wire), Ok(()));
    }
}
