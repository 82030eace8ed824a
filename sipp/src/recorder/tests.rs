//! A flight for the tests of whoever shows flights.

use sip::peer::Transport;
use sip::time::Time;

use super::flight::{Endpoint, Flight, Kind, Place, Said};

/// A call that was refused.
pub(crate) fn refused() -> Flight {
    let peer = Endpoint { transport: Transport::Udp, addr: ([127, 0, 0, 1], 5070).into() };
    let said = |at: u64, kind: Kind, step: u16, bytes: &str| Said {
        at: Time::from_millis(1000 + at),
        kind,
        step,
        peer: Some(peer),
        length: bytes.len(),
        bytes: bytes.as_bytes().into(),
    };
    let invite = "INVITE sip:service@127.0.0.1:5070 SIP/2.0\r\nCall-ID: 1-7@127.0.0.1\r\n\r\n";
    Flight {
        reason: "404 instead of 200 at message 1".into(),
        scenario: "uac".into(),
        call_id: "1-7@127.0.0.1".into(),
        number: 1,
        began: Time::from_millis(1000),
        ended: Time::from_millis(1503),
        place: Place {
            step: 1,
            file: "uac.xml".into(),
            line: 32,
            text: "<recv response=\"200\" rtd=\"true\">".into(),
        },
        expected: "200".into(),
        received: "404 Not Found".into(),
        warnings: vec!["Aborting call on unexpected message".into()],
        variables: vec![("who".into(), "\"service\"".into())],
        local: ([127, 0, 0, 1], 5060).into(),
        messages: vec![
            said(0, Kind::Sent, 0, invite),
            said(500, Kind::SentAgain, 0, invite),
            said(503, Kind::Received, 1, "SIP/2.0 404 Not Found\r\nCall-ID: 1-7@127.0.0.1\r\n\r\n"),
            said(503, Kind::SentByItself, 1, "ACK sip:service@127.0.0.1:5070 SIP/2.0\r\n\r\n"),
        ],
        omitted: 0,
    }
}
