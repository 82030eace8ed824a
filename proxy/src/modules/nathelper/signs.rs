//! `nat_uac_test()`: signs that a peer sits behind a NAT.

use std::net::IpAddr;

use sip::msg::{Rport, Uri, View};
use sip::peer::Transport;

use super::Rules;
use super::contact::last_of_first_line;
use crate::api::{Args, Ctx, Flow, Received};

/// One test: its bit and what it looks at.
type Row = (i64, fn(&View<'_>, &Received, &Rules) -> bool);

/// The tests in the order of their bits.
const ROWS: &[Row] = &[
    (1, |view, _, rules| {
        contact_uri(view).and_then(|uri| uri.host_ip()).is_some_and(|ip| is_private(ip, rules))
    }),
    (2, |view, received, _| view.via_top().is_ok_and(|via| ip_of(via.host) != Some(received.peer.addr.ip()))),
    (4, |view, _, rules| {
        view.via_top().is_ok_and(|via| ip_of(via.host).is_some_and(|ip| is_private(ip, rules)))
    }),
    (8, |view, _, rules| sdp_ip(view).is_some_and(|ip| is_private(ip, rules))),
    (16, |view, received, _| {
        view.via_top().is_ok_and(|via| via.port.unwrap_or(5060) != received.peer.addr.port())
    }),
    (32, |_, received, rules| is_private(received.peer.addr.ip(), rules)),
    (64, |_, received, _| matches!(received.peer.transport, Transport::Ws | Transport::Wss)),
    (128, |view, received, _| {
        contact_uri(view).is_some_and(|uri| uri.port.unwrap_or(5060) != received.peer.addr.port())
    }),
    (256, |view, received, _| sdp_ip(view).is_some_and(|ip| ip != received.peer.addr.ip())),
    (512, |view, _, _| {
        // A reply whose request came from elsewhere than its Via says.
        view.status().is_some()
            && view.vias().nth(1).and_then(Result::ok).is_some_and(|via| {
                via.received().is_some_and(|received| received != via.host)
                    || matches!(via.rport(), Rport::Port(port) if port != via.effective_port())
            })
    }),
];

/// `nat_uac_test(mask)`
pub(super) fn nat_uac_test(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let mask = args.int(ctx, 0);
    let Some(rules) = ctx.shard.shared.peek::<Rules>() else { return Flow::FALSE };
    let (view, received) = (ctx.work.view(), &ctx.work.received);
    Flow::from_bool(ROWS.iter().any(|(bit, holds)| mask & bit != 0 && holds(&view, received, rules)))
}

/// `is_rfc1918(ip)`
pub(super) fn is_rfc1918(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let Some(rules) = ctx.shard.shared.peek::<Rules>() else { return Flow::FALSE };
    Flow::from_bool(ip_of(&text).is_some_and(|ip| is_private(ip, rules)))
}

/// 10/8, 172.16/12, 192.168/16, 100.64/10, 192.0.0.0/29, and with `nat_addr_mode` 192.0.0.0/24.
fn is_private(ip: IpAddr, rules: &Rules) -> bool {
    let IpAddr::V4(ip) = ip else { return false };
    match ip.octets() {
        [10, ..] | [192, 168, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        [100, second, ..] => second & 0xc0 == 64,
        [192, 0, 0, last] => last < 8 || rules.counts_192_0_0,
        _ => false,
    }
}

fn ip_of(host: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(host).ok()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn contact_uri<'a>(view: &View<'a>) -> Option<Uri<'a>> {
    last_of_first_line(*view)?.uri().ok()
}

/// The address of the first `c=` line.
fn sdp_ip(view: &View<'_>) -> Option<IpAddr> {
    let mut lines = view.body().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let line = lines.find_map(|line| line.strip_prefix(b"c=IN IP4 "))?;
    ip_of(line.split(|byte| *byte == b'/' || *byte == b' ').next()?)
}

#[cfg(test)]
mod tests {
    use sip::msg::Message;
    use sip::peer::{Peer, Transport};
    use sip::time::Time;

    use super::super::Rules;
    use super::ROWS;
    use crate::api::Received;
    use crate::relay::SocketId;

    /// Rows: top Via sent-by, Contact, SDP address, bits that hold (source 192.0.2.1:6000; Kamailio 5.6.3).
    #[test]
    fn each_bit_has_its_test() {
        let rules = Rules { counts_192_0_0: true, ..Rules::default() };
        let peer = Peer::new(Transport::Udp, "192.0.2.1:6000".parse().expect("address"));
        let received = Received { peer, socket: SocketId(0), at: Time::ZERO };
        let rows: &[(&str, &str, &str, i64)] = &[
            ("192.0.2.1:6000", "<sip:a@192.0.2.1:6000>", "192.0.2.1", 0),
            ("10.0.0.1", "", "", 2 + 4 + 16),
            ("a.example:6000", "", "", 2),
            ("192.0.2.1:6000", "<sip:a@192.168.0.1:6000>", "", 1),
            ("192.0.2.1:6000", "<sip:a@192.0.0.9:6000>", "", 1),
            ("192.0.2.1:6000", "<sip:a@192.0.2.9>", "", 128),
            ("192.0.2.1:6000", "", "10.0.0.9", 8 + 256),
            ("192.0.2.1:6000", "", "0.0.0.0", 256),
        ];
        for (sent_by, contact, sdp, expected) in rows {
            let contact = if contact.is_empty() { String::new() } else { format!("Contact: {contact}\r\n") };
            let body = if sdp.is_empty() { String::new() } else { format!("v=0\r\nc=IN IP4 {sdp}\r\n") };
            let text = format!("INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP {sent_by}\r\n{contact}\r\n{body}");
            let message = Message::parse(text.clone().into()).expect("valid");
            let bits =
                ROWS.iter().filter(|(_, holds)| holds(&message.view(), &received, &rules)).map(|row| row.0);
            assert_eq!(bits.sum::<i64>(), *expected, "{text}");
        }
    }
}
