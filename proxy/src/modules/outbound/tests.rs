//! What rr and path write, and where `loose_route()` sends, as seen on Kamailio 5.6.3.

use sip::peer::Transport;

use super::{FlowEnds, Key};
use crate::trial::Trial;

const HEAD: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"textops.so\"\n\
    loadmodule \"textopsx.so\"\nloadmodule \"outbound.so\"\nloadmodule \"rr.so\"\nloadmodule \"path.so\"\n\
    modparam(\"outbound\", \"flow_token_secret\", \"s\")\n\
    modparam(\"outbound\", \"force_outbound_flag\", 5)\nmodparam(\"outbound\", \"force_no_outbound_flag\", 6)\n";

fn trial(body: &str) -> Trial {
    Trial::load(&format!("{HEAD}request_route {{\n{body}\n}}")).expect("right")
}

fn request(method: &str, lines: &str) -> Vec<u8> {
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
         From: <sip:a@a>;tag=f\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n{lines}\r\n"
    )
    .into_bytes()
}

/// The token of the flow between our only socket and this end.
fn token(remote: &str) -> String {
    let end = |text: &str| text.parse().expect("an address");
    let flow = FlowEnds { transport: Transport::Udp, local: end("127.0.0.1:5060"), remote: end(remote) };
    String::from_utf8(Key::of_secret(b"s").write(flow)).expect("base64")
}

const REGISTERS: &str = "Contact: <sip:a@h>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\n";
const SECOND_VIA: &str = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\n";

/// RFC 5626 5.1: an edge proxy that is the first hop puts its token into Path.
#[test]
fn the_path_of_a_first_hop_carries_a_token() {
    let own = token("127.0.0.1:5070");
    let (with, without) = (format!("<sip:{own}@127.0.0.1;lr;ob>"), "<sip:127.0.0.1;lr>".to_owned());
    let second_contact = "Contact: <sip:x@h>\r\n".to_owned() + REGISTERS;
    for (path, lines, expected) in [
        ("add_path();", REGISTERS.to_owned(), &with),
        ("add_path();", REGISTERS.to_owned() + SECOND_VIA, &without),
        ("add_path();", "Contact: <sip:a@h>\r\nSupported: path, outbound\r\n".to_owned(), &without),
        ("add_path();", "Contact: <sip:a@h;reg-id=1>\r\n".to_owned(), &without),
        ("add_path();", second_contact, &without),
        ("setflag(5); add_path();", "Contact: <sip:a@h>\r\n".to_owned(), &with),
        ("setflag(6); add_path();", REGISTERS.to_owned(), &without),
        ("add_path(\"u\");", REGISTERS.to_owned(), &"<sip:u@127.0.0.1;lr>".to_owned()),
        (
            "add_path_received();",
            REGISTERS.to_owned(),
            &format!("<sip:{own}@127.0.0.1;lr;received=sip:127.0.0.1:5070;ob>"),
        ),
    ] {
        let mut trial = trial(&format!("{path} msg_apply_changes(); xlog(\"$hdr(Path)\");"));
        assert_eq!(trial.run(&request("REGISTER", &lines)).lines, [&expected[..]], "{path} {lines}");
    }
}

/// RFC 5626 4.3, 5.3: a request with `ob` in its Contact, and one that goes to a flow.
#[test]
fn record_route_carries_the_token_of_the_flow() {
    let (own, other) = (token("127.0.0.1:5070"), token("192.0.2.4:5060"));
    let ob = "Contact: <sip:a@h;ob>\r\n";
    let towards = |params: &str| format!("Route: <sip:{other}@127.0.0.1;lr{params}>\r\n{SECOND_VIA}");
    for (body, lines, expected) in [
        ("", ob.to_owned(), Some(&own)),
        ("", ob.to_owned() + SECOND_VIA, None),
        ("", "Contact: <sip:a@h>;ob\r\n".to_owned(), None),
        ("setflag(5);", "Contact: <sip:a@h>\r\n".to_owned() + SECOND_VIA, Some(&own)),
        ("setflag(6);", ob.to_owned(), None),
        ("", towards(";ob"), Some(&other)),
        ("", towards(""), None),
    ] {
        let outcome = trial(&format!("{body} record_route();")).run(&request("INVITE", &lines));
        let user = outcome.work.relaying.record_route.expect("a Record-Route").user;
        assert_eq!(user.as_deref(), expected.map(|user| user.as_bytes()), "{body} {lines}");
    }
}

/// RFC 5626 5.3.1: a token that is not ours is refused; who sends over the flow itself goes on.
#[test]
fn a_route_with_a_token_goes_over_its_flow() {
    let (own, other) = (token("127.0.0.1:5070"), token("192.0.2.4:5060"));
    let route = |user: &str| format!("Route: <sip:{user}@127.0.0.1;lr>\r\n");
    let changed = (if other.starts_with('A') { "B" } else { "A" }).to_owned() + &other[1..];
    let (flow, none) = ("sip:192.0.2.4:5060;transport=udp", "<null>");
    for (call, lines, code, next) in [
        ("loose_route()", route(&other), 2, flow),
        ("loose_route()", route(&other) + "Route: <sip:nh.example;lr>\r\n", 2, flow),
        ("loose_route_mode(\"2\")", route(&other), -3, none),
        ("loose_route()", route(&own), -3, none),
        ("loose_route()", route(&changed), -2, none),
        ("loose_route()", route("bob"), -3, none),
    ] {
        let mut trial = trial(&format!("$var(rc) = {call}; xlog(\"$var(rc) $du\");"));
        let lines = trial.run(&request("OPTIONS", &lines)).lines;
        assert_eq!(lines, [format!("{code} {next}")], "{call}");
    }
}

/// Without a configured secret the key is random, and stays over a reload.
#[test]
fn the_random_key_makes_other_tokens() {
    let head = HEAD.replace("modparam(\"outbound\", \"flow_token_secret\", \"s\")\n", "");
    let mut trial =
        Trial::load(&format!("{head}request_route {{ setflag(5); record_route(); }}")).expect("right");
    let work = trial.run(&request("OPTIONS", "")).work;
    let user = work.relaying.record_route.and_then(|it| it.user).expect("a token");
    assert_eq!(user.len(), 32);
    assert_ne!(&user[..], token("127.0.0.1:5070").as_bytes());
}
