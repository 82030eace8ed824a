//! Any bytes as protected packets and as `a=crypto` lines: they are refused or opened, and never tell a key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sipp::media::crypto::{CryptoLine, Latest, Offered, agree};
use sipp::media::srtp::{Keying, Receiver, Sender, Suite};

fuzz_target!(|bytes: &[u8]| {
    for (_, suite) in Suite::ALL {
        let keying = Keying::new(suite, vec![1; suite.key_bytes()]);
        let mut receiver = Receiver::new(&keying).expect("the length it names");
        let _ = receiver.open(&mut bytes.to_vec());
        let _ = receiver.open_rtcp(&mut bytes.to_vec());
        let mut sender = Sender::new(&keying).expect("the length it names");
        let mut packet = bytes.to_vec();
        if sender.protect(&mut packet).is_ok() && packet.len() > bytes.len() {
            assert_eq!(receiver.open(&mut packet), Ok(()));
            assert_eq!(packet, bytes);
        }
    }
    let _ = CryptoLine::parse(bytes);
    let lines: Vec<Box<[u8]>> = bytes.split(|byte| *byte == b'\n').take(8).map(Box::from).collect();
    let (ours, theirs) = lines.split_at(lines.len() / 2);
    let offered = |crypto| Offered { crypto, is_secure: true };
    let _ = agree(offered(ours), offered(theirs), Latest::Theirs);
});
