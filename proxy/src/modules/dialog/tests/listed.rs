//! The remote procedures of dialogs: names and order of members as seen on Kamailio 5.6.3.

use super::{CALLED, CALLER, SECOND, answer, begin, live, state};
use crate::trial::live::{Live, brief};

const PROFILES: &str = "set_dlg_profile(\"all\"); set_dlg_profile(\"caller\", \"a\"); $dlg_var(x) = \"1\";";

/// A call that was answered two seconds after its INVITE.
fn answered() -> Live {
    let mut live = live("", PROFILES);
    let invite = begin(&mut live);
    live.pass(2 * SECOND);
    answer(&mut live, &invite);
    live
}

#[test]
fn a_dialog_is_shown_with_both_sides() {
    let mut live = live("", PROFILES);
    let invite = begin(&mut live);
    let (list, _) = live.rpc("dlg.list", &[]);
    assert!(
        list.contains(
            "call-id:c1,from_uri:sip:alice@a.example,to_uri:sip:bob@example.com,state:1,start_ts:0,"
        ),
        "{list}"
    );
    assert!(list.contains("callee:{tag:,contact:,cseq:"), "{list}");
    live.pass(2 * SECOND);
    answer(&mut live, &invite);
    let (list, _) = live.rpc("dlg.list", &[]);
    for part in [
        "state:4,start_ts:1700000002,init_ts:1700000000,end_ts:0,duration:0,timeout:1700043202,lifetime:43200,dflags:1536,",
        "caller:{tag:ft,contact:sip:alice@127.0.0.1:5070,cseq:7,route_set:,socket:udp:127.0.0.1:5060},",
        "callee:{tag:called,contact:sip:bob@127.0.0.1:5080,cseq:0,route_set:,socket:udp:127.0.0.1:5060},",
        "profiles:[all,{caller:a}],variables:[{x:1}]}",
    ] {
        assert!(list.contains(part), "{part} in {list}");
    }
    assert_eq!(live.rpc("dlg.list_ctx", &[]).0, list);
    assert_eq!(live.rpc("dlg.dlg_list", &["c1"]).0, list);
    assert_eq!(live.rpc("dlg.dlg_list_ctx", &["c1", "ft"]).0, list);
    assert_eq!(live.rpc("dlg.dlg_list", &["c1", "other"]).0, "[]");
    assert_eq!(live.rpc("dlg.profile_list", &["caller", "a"]).0, list);
    assert_eq!(live.rpc("dlg.profile_list", &["caller", "b"]).0, "[]");
}

#[test]
fn dialogs_are_counted_and_searched() {
    let mut live = answered();
    assert_eq!(live.rpc("dlg.stats_active", &[]).0, "{starting:0,connecting:0,answering:0,ongoing:1,all:1}");
    for (args, size) in
        [(&["all"][..], "1"), (&["caller"], "1"), (&["caller", "a"], "1"), (&["caller", "b"], "0")]
    {
        assert_eq!(live.rpc("dlg.profile_get_size", args).0, size, "{args:?}");
    }
    assert_eq!(live.rpc("dlg.profile_get_size", &["x"]).0, "404 Profile not found: x");
    let (briefing, _) = live.rpc("dlg.briefing", &["FT"]);
    assert!(
        briefing.starts_with("[{h_entry:") && briefing.ends_with(",from_tag:ft,to_tag:called}]"),
        "{briefing}"
    );
    for (args, is_found) in [
        (&["furi", "eq", "sip:alice@a.example"][..], true),
        (&["furi", "ne", "sip:alice@a.example"], false),
        (&["turi", "sw", "sip:bob"], true),
        (&["callid", "re", "^C[0-9]$"], true),
        (&["callid", "re", "^d", "1"], false),
    ] {
        assert_eq!(live.rpc("dlg.list_match", args).0 != "[]", is_found, "{args:?}");
    }
    assert_eq!(live.rpc("dlg.list_match", &["x", "eq", "y"]).0, "400 Unknown key");
    assert_eq!(live.rpc("dlg.list_match", &["furi", "x", "y"]).0, "400 Unknown operation");
}

/// RFC 3261 15.1.1: both sides get a BYE, each with its own number and target.
#[test]
fn a_call_is_ended_from_outside() {
    for by_number in [false, true] {
        let mut live = answered();
        assert_eq!(
            live.rpc("dlg.terminate_dlg", &["c9", "ft", "called"]).0,
            "500 Couldnt find callid in dialog"
        );
        assert_eq!(live.rpc("dlg.end_dlg", &["1", "2"]).0, "404 Dialog not found");
        let (list, _) = live.rpc("dlg.list", &[]);
        let number =
            |name: &str| list.split(name).nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("");
        let (_, sent) = match by_number {
            true => live.rpc("dlg.end_dlg", &[number("h_entry:"), number("h_id:")]),
            false => live.rpc("dlg.terminate_dlg", &["c1", "ft", "called"]),
        };
        assert_eq!(brief(&sent), ["5070 BYE", "5080 BYE"]);
        let fields: Vec<_> = sent.iter().map(|sent| (sent.field("CSeq"), sent.start())).collect();
        assert_eq!(
            fields,
            [
                ("1 BYE", "BYE sip:alice@127.0.0.1:5070 SIP/2.0"),
                ("8 BYE", "BYE sip:bob@127.0.0.1:5080 SIP/2.0")
            ]
        );
        live.receive(CALLER, &sent[0].reply("200 OK", ""));
        live.receive(CALLED, &sent[1].reply("200 OK", ""));
        assert_eq!(state(&mut live), "5");
    }
}

#[test]
fn the_state_is_set_from_outside() {
    for (word, shown) in [("early", "2"), ("3", "3"), ("confirmed", "4"), ("terminated", "5")] {
        let mut live = answered();
        assert_eq!(live.rpc("dlg.set_state", &["c1", "ft", "called", word]).0, "[]");
        assert_eq!(state(&mut live), shown, "{word}");
    }
    let mut live = answered();
    assert_eq!(live.rpc("dlg.set_state", &["c1", "ft", "called", "asleep"]).0, "400 Unknown state");
    assert_eq!(live.rpc("dlg.set_state", &["c2", "ft", "called", "4"]).0, "404 Dialog not found");
}

/// Dialogs of other servers count in a profile until they are removed or their time is over.
#[test]
fn dialogs_of_other_servers_count_in_a_profile() {
    let rest = "dlg_remote_profile(\"add\", \"caller\", \"r\", \"u1\", \"0\"); \
                dlg_remote_profile(\"add\", \"caller\", \"r\", \"u2\", \"1700000003\"); \
                $var(rc) = dlg_remote_profile(\"what\", \"caller\", \"r\", \"u3\", \"0\"); xlog(\"$var(rc)\");";
    let mut live = live("", rest);
    begin(&mut live);
    assert_eq!(live.lines().last().map(String::as_str), Some("-1"));
    assert_eq!(live.rpc("dlg.profile_get_size", &["caller", "r"]).0, "2");
    live.pass(5 * SECOND);
    assert_eq!(live.rpc("dlg.profile_get_size", &["caller", "r"]).0, "1");
}
