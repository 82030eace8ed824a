//! Remote procedures, parameters and functions in transactions of virtual time. Structures and texts of remote
//! procedures are those of Kamailio 5.6.3.

use std::time::Duration;

use sip::locate::Destination;
use sip::peer::Transport;

use crate::api::{IoAnswer, IoRequest};
use crate::trial::Trial;
use crate::trial::live::{Live, Sent, brief};

const CALLER: u16 = 5070;
const CALLED: u16 = 5080;

fn live(head: &str, body: &str) -> Live {
    let modules: String = ["pv", "xlog", "sl", "tm", "tmx", "rr", "corex"]
        .iter()
        .map(|name| format!("loadmodule \"{name}.so\"\n"))
        .collect();
    let text = format!("{modules}{head}\nrequest_route {{\n{body}\n}}");
    Trial::load(&text).unwrap_or_else(|findings| panic!("{findings:?}")).live()
}

/// Relays everything to the called side.
fn relay() -> Live {
    live("", "$du = \"sip:127.0.0.1:5080\"; t_relay();")
}

fn request(method: &str, call: &str) -> String {
    format!(
        "{method} sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK{call}{method}\n\
         Max-Forwards: 70\nFrom: <sip:alice@a.example>;tag=ft\nTo: <sip:bob@example.com>\nCall-ID: {call}\n\
         CSeq: 7 {method}\nContact: <sip:alice@127.0.0.1:5070>\nContent-Length: 0\n"
    )
}

/// The first message to a port; what else left does not matter.
fn to(port: u16, sent: &[Sent]) -> Sent {
    let found = sent.iter().find(|sent| sent.port == port);
    found.unwrap_or_else(|| panic!("nothing for {port}: {:?}", brief(sent))).clone()
}

#[test]
fn transactions_are_counted_and_listed() {
    let mut live = relay();
    let invite = to(CALLED, &live.receive(CALLER, &request("INVITE", "c1")));
    assert_eq!(
        live.rpc("tm.stats", &[]).0,
        "{current:1,waiting:0,total:1,total_local:0,rpl_received:0,rpl_generated:1,rpl_sent:1,\
         6xx:0,5xx:0,4xx:0,3xx:0,2xx:0,created:1,freed:0,delayed_free:0}"
    );
    let (list, _) = live.rpc("tm.list", &[]);
    for part in [
        "method:INVITE,from:From: <sip:alice@a.example>;tag=ft\r\n,to:To: <sip:bob@example.com>\r\n,",
        "callid:Call-ID: c1\r\n,cseq:CSeq: 7,uas_request:yes,",
        "outgoings:1,ref_count:1,lifetime:180}",
    ] {
        assert!(list.contains(part), "{part} in {list}");
    }
    live.receive(CALLED, &invite.reply("486 Busy Here", ""));
    live.pass(Duration::from_secs(10));
    let (stats, _) = live.rpc("tm.stats", &[]);
    assert!(stats.starts_with("{current:0,waiting:0,total:1,"), "{stats}");
    assert!(
        stats.contains("rpl_received:1,") && stats.contains("4xx:1,") && stats.contains("freed:1,"),
        "{stats}"
    );
    assert_eq!(live.rpc("tm.clean", &[]).0, "[]");
    assert!(live.rpc("tm.hash_stats", &[]).0.starts_with("500 Hash statistics not supported"));
}

#[test]
fn a_transaction_is_answered_from_outside() {
    for (procedure, find) in [("tm.reply", None), ("tm.reply_callid", Some(["c1", "7"]))] {
        let mut live = relay();
        live.receive(CALLER, &request("INVITE", "c1"));
        let (list, _) = live.rpc("tm.list", &[]);
        let number =
            |name: &str| list.split(name).nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("");
        let name = format!("{}:{}", number("tindex:"), number("tlabel:"));
        let mut args = vec!["480", "Away"];
        match &find {
            Some(call) => args.extend(call),
            None => args.push(&name),
        }
        args.extend(["mytag", "X-A: 1\\r\\nX-B: 2", "text"]);
        let (answer, sent) = live.rpc(procedure, &args);
        let reply = to(CALLER, &sent);
        assert_eq!((&answer[..], reply.start()), ("[]", "SIP/2.0 480 Away"), "{procedure}");
        assert!(reply.field("To").ends_with(";tag=mytag"), "{}", reply.text);
        assert_eq!((reply.field("X-A"), reply.field("X-B")), ("1", "2"));
        assert!(reply.text.ends_with("\r\n\r\ntext"), "{}", reply.text);
    }
    let mut live = relay();
    let none: [&str; 6] = ["480", "Away", "1:2", "t", ".", ""];
    assert_eq!(live.rpc("tm.reply", &none).0, "481 No such transaction");
    let none: [&str; 7] = ["480", "Away", "nobody", "1", "t", ".", ""];
    assert_eq!(live.rpc("tm.reply_callid", &none).0, "404 Transaction not found");
}

#[test]
fn a_request_is_made_from_outside_and_cancelled() {
    let mut live = relay();
    let uri = "sip:bob@127.0.0.1:5080";
    let headers = "From: <sip:a@x>\\r\\nTo: <sip:b@x>\\r\\nCall-ID: own\\r\\nCSeq: 3 INVITE\\r\\nX-A: 1";
    let (answer, sent) = live.rpc("tm.t_uac_start", &["INVITE", uri, ".", ".", headers]);
    let invite = to(CALLED, &sent);
    assert_eq!((&answer[..], invite.start()), ("[]", "INVITE sip:bob@127.0.0.1:5080 SIP/2.0"));
    assert_eq!((invite.field("Call-ID"), invite.field("X-A")), ("own", "1"));
    live.receive(CALLED, &invite.reply("180 Ringing", ""));
    assert_eq!(live.rpc("tm.cancel", &["nobody", "3"]).0, "400 Transaction not found");
    let (answer, sent) = live.rpc("tm.cancel", &["own", "3"]);
    assert_eq!((&answer[..], brief(&sent)), ("[]", vec!["5080 CANCEL".to_owned()]));
    for (args, fault) in [
        (&["INVITE"][..], "400 too few parameters (-1/5)"),
        (&["INVITE", "xx", ".", ".", headers], "400 Invalid request uri \"xx\""),
        (&["INVITE", uri, ".", "udp:127.0.0.1:9", headers], "404 No such socket"),
    ] {
        assert_eq!(live.rpc("tm.t_uac_start", args).0, fault);
    }
    for name in ["tm.t_uac_wait", "tm.t_uac_wait_block"] {
        let fault = "600 Reply wait/async mode not supported by this rpc transport";
        assert_eq!(live.rpc(name, &["INVITE", uri, ".", ".", headers]).0, fault);
    }
}

/// RFC 3261 13.2.2.4 sends the ACK to the remote target; the other modes are Kamailio's.
#[test]
fn local_ack_mode_says_where_the_ack_goes() {
    for (mode, port) in [(0, 5082), (1, CALLED), (2, 5081)] {
        let mut live = live(&format!("modparam(\"tm\", \"local_ack_mode\", {mode})"), "exit;");
        let headers = "From: <sip:a@x>\nTo: <sip:b@x>";
        let (_, sent) = live.rpc("tm.t_uac_start", &["INVITE", "sip:b@127.0.0.1:5080", ".", ".", headers]);
        let ok = to(CALLED, &sent).reply("200 OK", "Contact: <sip:b@127.0.0.1:5082>\r\n");
        let sent = live.receive(5081, &ok);
        assert_eq!(brief(&sent), [format!("{port} ACK")], "mode {mode}");
        assert_eq!(brief(&live.receive(5081, &ok)), [format!("{port} ACK")], "a repeated 2xx, mode {mode}");
    }
}

/// DEVIATES: with Kamailio 5.6.3 nothing happens and the caller has no answer.
#[test]
fn a_relay_that_sends_nothing_may_run_the_failure_route() {
    let body = "t_on_failure(\"F\"); $du = \"sip:127.0.0.1:5080;transport=tcp\"; $var(rc) = t_relay();\n\
                xlog(\"relay $var(rc)\\n\");";
    let route = "failure_route[F] { xlog(\"failed $T_reply_code\\n\"); t_reply(\"404\", \"Nobody\"); }";
    for (mode, lines, last) in
        [(1, &["relay -7", "failed 408"][..], "SIP/2.0 404 Nobody"), (0, &["relay -7"], "SIP/2.0 500 ")]
    {
        let head = format!("modparam(\"tm\", \"failure_exec_mode\", {mode})\n{route}");
        let mut live = live(&head, body);
        let mut sent = live.receive(CALLER, &request("INVITE", "c1"));
        sent.extend(live.pass(Duration::from_secs(1)));
        let seen: Vec<String> = live.lines().into_iter().filter(|line| !line.contains("tm:")).collect();
        assert_eq!(seen, lines, "mode {mode}");
        let last_sent = sent.last().map(|sent| sent.start().to_owned()).unwrap_or_default();
        assert!(last_sent.starts_with(last), "mode {mode}: {last_sent}");
    }
}

/// The code is Kamailio's for "no socket of that transport"; nothing is sent but the error.
#[test]
fn relays_over_transports_without_a_socket_fail() {
    for call in ["t_relay_to_tls()", "t_relay_to_tcp()", "t_relay_to_sctp()"] {
        let body = format!("$ru = \"sip:b@127.0.0.1:5080\"; $var(rc) = {call}; xlog(\"$var(rc)\\n\");");
        let mut live = live("", &body);
        let sent = live.receive(CALLER, &request("OPTIONS", "c1"));
        assert!(sent.iter().all(|sent| sent.port == CALLER), "{call}: {:?}", brief(&sent));
        assert_eq!(live.lines().last().map(String::as_str), Some("-7"), "{call}");
    }
    for call in ["t_forward_nonack_tcp()", "t_forward_nonack_tls()", "t_forward_nonack_sctp()"] {
        let body =
            format!("$ru = \"sip:b@127.0.0.1:5080\"; t_newtran(); $var(rc) = {call}; xlog(\"$var(rc)\\n\");");
        let mut live = live("", &body);
        let sent = live.receive(CALLER, &request("OPTIONS", "c1"));
        assert!(sent.iter().all(|sent| sent.port == CALLER), "{call}: {:?}", brief(&sent));
        assert_eq!(live.lines().last().map(String::as_str), Some("-7"), "{call}");
    }
}

/// `event_route[tm:local-response]` sees what was made here, not what was relayed.
#[test]
fn replies_made_here_are_told() {
    let route = "event_route[tm:local-response] { xlog(\"told $rs $rr\\n\"); }";
    let mut live = live(
        route,
        "if ($ci == \"own\") { t_newtran(); t_reply(\"404\", \"Gone\"); exit; }\n\
                               $du = \"sip:127.0.0.1:5080\"; t_relay();",
    );
    live.receive(CALLER, &request("OPTIONS", "own"));
    assert_eq!(live.lines(), ["told 404 Gone"]);
    let relayed = to(CALLED, &live.receive(CALLER, &request("OPTIONS", "c2")));
    live.receive(CALLED, &relayed.reply("404 Nobody", ""));
    assert_eq!(live.lines(), Vec::<String>::new());
}

#[test]
fn branches_are_cancelled_from_a_reply_route_and_from_another_call() {
    let route =
        |which: &str| format!("onreply_route[R] {{ if ($rs == 183) t_cancel_branches(\"{which}\"); }}");
    let body = "t_on_reply(\"R\"); $ru = \"sip:b@127.0.0.1:5080\"; append_branch(\"sip:b@127.0.0.1:5081\"); t_relay();";
    for (which, cancelled) in [
        ("all", &["5080 CANCEL", "5081 CANCEL"][..]),
        ("others", &["5080 CANCEL"]),
        ("this", &["5081 CANCEL"]),
    ] {
        let mut live = live(&route(which), body);
        let sent = live.receive(CALLER, &request("INVITE", "c1"));
        live.receive(CALLED, &to(CALLED, &sent).reply("180 Ringing", ""));
        let mut seen = brief(&live.receive(5081, &to(5081, &sent).reply("183 Progress", "")));
        seen.retain(|line| line.contains("CANCEL"));
        seen.sort();
        assert_eq!(seen, cancelled, "{which}");
    }
    let body = "if (is_method(\"OPTIONS\")) { $var(rc) = t_cancel_callid(\"c1\", \"7\", \"2\"); xlog(\"$var(rc)\\n\"); exit; }\n\
                $du = \"sip:127.0.0.1:5080\"; t_relay();";
    let mut live = live("loadmodule \"textops.so\"\n", body);
    let invite = to(CALLED, &live.receive(CALLER, &request("INVITE", "c1")));
    live.receive(CALLED, &invite.reply("180 Ringing", ""));
    assert_eq!(brief(&live.receive(CALLER, &request("OPTIONS", "c2"))), ["5080 CANCEL"]);
    assert_eq!(live.lines(), ["1"]);
}

#[test]
fn another_call_is_answered() {
    let body = "if (is_method(\"OPTIONS\")) { $var(rc) = t_reply_callid(\"$hdr(X-Call)\", \"7\", \"480\", \"Away\"); \
                xlog(\"$var(rc)\\n\"); exit; }\n$du = \"sip:127.0.0.1:5080\"; t_relay();";
    let mut live = live("loadmodule \"textops.so\"\n", body);
    live.receive(CALLER, &request("INVITE", "c1"));
    let asks =
        |call: &str| request("OPTIONS", "c2").replace("Contact:", &format!("X-Call: {call}\nContact:"));
    assert_eq!(brief(&live.receive(CALLER, &asks("nobody"))), Vec::<String>::new());
    assert_eq!(brief(&live.receive(CALLER, &asks("c1").replace("bKc2", "bKc3"))), ["5070 480 Away"]);
    assert_eq!(live.lines(), ["-1", "1"]);
}

/// Two addresses for one name.
fn two_places(request: &IoRequest) -> IoAnswer {
    assert!(matches!(request, IoRequest::Locate(_)), "{request:?}");
    let place = |port| Destination { transport: Transport::Udp, addr: ([127, 0, 0, 1], port).into() };
    IoAnswer::Located(vec![place(5081), place(5082)])
}

fn by_name(head: &str) -> Live {
    let mut live = live(head, "$ru = \"sip:bob@two.example\"; t_relay();");
    live.outside = two_places;
    live
}

/// RFC 3263 4.3: a place that says nothing or 503 makes the next one be tried; other replies do not.
#[test]
fn the_next_place_is_tried() {
    for (head, reply, next) in [
        ("", Some("503 Busy"), &["5082 INVITE"][..]),
        ("", Some("486 Busy"), &["5070 486 Busy"]),
        ("", Some("404 Gone"), &["5070 404 Gone"]),
        ("modparam(\"tm\", \"failover_reply_codes\", \"code=404\")", Some("404 Gone"), &["5082 INVITE"]),
        ("", None, &["5082 INVITE"]),
        ("use_dns_failover=no", Some("503 Busy"), &["5070 500 Service Unavailable"]),
    ] {
        let mut live = by_name(&format!("use_dns_failover=yes\nmodparam(\"tm\", \"fr_timer\", 400)\n{head}"));
        let invite = to(5081, &live.receive(CALLER, &request("INVITE", "c1")));
        let sent = match reply {
            Some(reply) => live.receive(5081, &invite.reply(reply, "")),
            None => live.pass(Duration::from_millis(450)),
        };
        let mut seen = brief(&sent);
        seen.retain(|line| !line.contains("ACK"));
        assert_eq!(seen, next, "{head} {reply:?}");
    }
}

/// RFC 3261 21.5.4: who answers 503 is left alone, as long as Retry-After says and the parameters allow.
#[test]
fn a_place_that_answers_503_is_left_alone() {
    let head = "use_dns_failover=yes\nuse_dst_blocklist=yes\nmodparam(\"tm\", \"blst_503\", 1)\nmodparam(\"tm\", \"blst_503_max_timeout\", 10)";
    let mut live = by_name(head);
    let first = |live: &mut Live, call: &str| {
        brief(&live.receive(CALLER, &request("INVITE", call)))
            .into_iter()
            .find(|line| line.contains("INVITE"))
    };
    let invite = to(5081, &live.receive(CALLER, &request("INVITE", "c0")));
    live.receive(5081, &invite.reply("503 Busy", "Retry-After: 100\r\n"));
    assert_eq!(first(&mut live, "c1").as_deref(), Some("5082 INVITE"));
    live.pass(Duration::from_secs(9));
    assert_eq!(first(&mut live, "c2").as_deref(), Some("5082 INVITE"));
    live.pass(Duration::from_secs(2));
    assert_eq!(first(&mut live, "c3").as_deref(), Some("5081 INVITE"), "blst_503_max_timeout is over");
}
