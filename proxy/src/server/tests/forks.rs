//! Several branches, and the routes a script arms for them.

use super::{Party, line, server};

/// Arms everything; `fork` is relayed to two callees, `next` and `third` stand for further destinations.
fn script(first: &Party, second: &Party) -> String {
    format!(
        "request_route {{
             if (method == \"CANCEL\" || method == \"ACK\") {{ t_relay(); exit; }}
             $avp(said) = \"kept\";
             t_on_failure(\"F\"); t_on_branch(\"B\"); t_on_reply(\"R\");
             if ($rU == \"fork\") append_branch(\"sip:two@{second}\");
             $ru = \"sip:one@{first}\";
             t_relay();
         }}
         branch_route[B] {{ record_route(\";b=$T_branch_idx\"); }}
         onreply_route[R] {{ $avp(said) = $avp(said) + \"+seen\"; }}
         failure_route[F] {{
             if (t_is_canceled()) exit;
             if (t_check_status(\"486\") && $avp(said) == \"kept+seen\") {{
                 $ru = \"sip:next@{second}\";
                 t_on_reply(\"R\");
                 t_relay();
             }}
             if (t_check_status(\"480\")) t_reply(\"404\", \"From the route\");
         }}",
        first = first.addr(),
        second = second.addr(),
    )
}

struct Stage {
    caller: Party,
    first: Party,
    second: Party,
    // Last, so that the parties are heard until the end.
    _server: super::Server,
}

fn stage() -> Stage {
    let (first, second) = (Party::alone(), Party::alone());
    let server = server(&script(&first, &second));
    let (mut first, mut second) = (first, second);
    first.proxy = server.addresses()[0].1;
    second.proxy = server.addresses()[0].1;
    Stage { caller: Party::of(&server), first, second, _server: server }
}

/// Kamailio: a failure route sends the call on; the caller sees only the second answer.
#[test]
fn a_busy_call_goes_to_the_next_destination() {
    let stage = stage();
    stage.caller.request("INVITE", "sip:x@y", "");
    stage.caller.expect("SIP/2.0 100");
    let invite = stage.first.expect("INVITE sip:one@");
    assert!(line(&invite, "Record-Route:").contains(";b=0"));
    stage.first.answer(&invite, "486 Busy Here", ";tag=b");
    stage.first.expect("ACK sip:one@");
    let invite = stage.second.expect("INVITE sip:next@");
    assert!(!invite.contains("Record-Route"), "the branch route was consumed by the first relay");
    stage.second.answer(&invite, "200 OK", ";tag=c");
    stage.caller.expect("SIP/2.0 200");
}

#[test]
fn a_failure_route_can_answer_itself() {
    let stage = stage();
    stage.caller.request("INVITE", "sip:x@y", "");
    stage.caller.expect("SIP/2.0 100");
    let invite = stage.first.expect("INVITE");
    stage.first.answer(&invite, "480 Away", ";tag=b");
    stage.caller.expect("SIP/2.0 404 From the route");
}

/// RFC 3261 16.7 step 10; the Reason is Kamailio's.
#[test]
fn the_first_answer_cancels_the_other_branch() {
    let stage = stage();
    stage.caller.request("INVITE", "sip:fork@y", "");
    stage.caller.expect("SIP/2.0 100");
    let one = stage.first.expect("INVITE sip:one@");
    let two = stage.second.expect("INVITE sip:two@");
    assert!(line(&two, "Record-Route:").contains(";b=1"));
    stage.second.answer(&two, "180 Ringing", ";tag=c");
    stage.caller.expect("SIP/2.0 180");
    stage.first.answer(&one, "200 OK", ";tag=b");
    stage.caller.expect("SIP/2.0 200");
    let cancel = stage.second.expect("CANCEL sip:two@");
    assert_eq!(line(&cancel, "Reason:"), "Reason: SIP;cause=200;text=\"Call completed elsewhere\"");
    stage.second.answer(&cancel, "200 OK", ";tag=c");
    stage.second.answer(&two, "487 Request Terminated", ";tag=c");
    stage.second.expect("ACK");
}

/// RFC 3261 16.7 steps 5 and 6: a 6xx wins, after the others have ended.
#[test]
fn a_6xx_ends_the_call_everywhere() {
    let stage = stage();
    stage.caller.request("INVITE", "sip:fork@y", "");
    stage.caller.expect("SIP/2.0 100");
    let one = stage.first.expect("INVITE");
    let two = stage.second.expect("INVITE");
    stage.second.answer(&two, "180 Ringing", ";tag=c");
    stage.caller.expect("SIP/2.0 180");
    stage.first.answer(&one, "603 Decline", ";tag=b");
    let cancel = stage.second.expect("CANCEL");
    assert_eq!(line(&cancel, "Reason:"), "Reason: SIP;cause=603");
    stage.second.answer(&cancel, "200 OK", ";tag=c");
    stage.second.answer(&two, "487 Request Terminated", ";tag=c");
    stage.caller.expect("SIP/2.0 603 Decline");
}

/// Kamailio would run the failure route of the first branch again and again here.
#[test]
fn a_failure_route_may_keep_the_first_reply_in_the_race() {
    let (mut first, mut second) = (Party::alone(), Party::alone());
    let server = server(&format!(
        "request_route {{ if (method == \"ACK\") exit; t_on_failure(\"F\"); $ru = \"sip:{}\"; t_relay(); }}
         failure_route[F] {{ t_drop_replies(\"n\"); $ru = \"sip:{}\"; t_relay(); }}",
        first.addr(),
        second.addr()
    ));
    first.proxy = server.addresses()[0].1;
    second.proxy = first.proxy;
    let caller = Party::of(&server);
    caller.request("INVITE", "sip:x@y", "");
    caller.expect("SIP/2.0 100");
    first.answer(&first.expect("INVITE"), "404 First", ";tag=b");
    second.answer(&second.expect("INVITE"), "486 Second", ";tag=c");
    caller.expect("SIP/2.0 404 First");
}

/// RFC 3261 16.6: targets of a lower q are tried when those of a higher one have failed.
#[test]
fn groups_of_equal_preference_are_tried_one_after_the_other() {
    let (mut first, mut second) = (Party::alone(), Party::alone());
    let server = server(&format!(
        "modparam(\"tm\", \"contacts_avp\", \"c\")
         request_route {{ if (method == \"ACK\") exit; $ru = \"sip:low@{}\";
             append_branch(\"sip:high@{}\", \"0.9\"); t_load_contacts(); t_next_contacts();
             t_on_failure(\"F\"); t_relay(); }}
         failure_route[F] {{ if (t_next_contacts()) {{ t_on_failure(\"F\"); t_relay(); }} }}",
        first.addr(),
        second.addr()
    ));
    first.proxy = server.addresses()[0].1;
    second.proxy = first.proxy;
    let caller = Party::of(&server);
    caller.request("INVITE", "sip:x@y", "");
    caller.expect("SIP/2.0 100");
    second.answer(&second.expect("INVITE sip:high@"), "503 Later", ";tag=b");
    first.answer(&first.expect("INVITE sip:low@"), "480 Away", ";tag=c");
    caller.expect("SIP/2.0 480 Away");
}
