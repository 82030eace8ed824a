//! Tests of what the comparison with the original does not show.

mod bridged;
mod kept_alive;
mod listed;

use std::time::Duration;

use crate::trial::Trial;
use crate::trial::live::{Live, Sent};

const HEAD: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"tm.so\"\nloadmodule \"rr.so\"\n\
    loadmodule \"dialog.so\"\nmodparam(\"dialog\", \"profiles_with_value\", \"caller\")\n\
    modparam(\"dialog\", \"profiles_no_value\", \"all\")\n";

const INVITE: &[u8] =
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
From: <sip:alice@a.example>;tag=ft\r\nTo: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n\
Contact: <sip:alice@127.0.0.1:5070>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";

fn lines(body: &str) -> Vec<String> {
    Trial::load(&format!("{HEAD}request_route {{\n{body}\n}}")).expect("right").run(INVITE).lines
}

const CALLER: u16 = 5070;
const CALLED: u16 = 5080;

/// A followed call to the called side; `rest` is what the script does behind `dlg_manage()`.
fn live(head: &str, rest: &str) -> Live {
    let body = format!(
        "if (is_method(\"INVITE\") && !has_totag()) {{ record_route(); dlg_manage(); {rest} }} else {{ loose_route(); }}\n\
         $du = \"sip:127.0.0.1:5080\"; t_relay();"
    );
    let modules = "loadmodule \"textops.so\"\nloadmodule \"siputils.so\"\n";
    let text = format!("{modules}{HEAD}{head}\nrequest_route {{\n{body}\n}}");
    Trial::load(&text).unwrap_or_else(|findings| panic!("{findings:?}")).live()
}

/// The INVITE of the call, at the called side.
fn begin(live: &mut Live) -> Sent {
    let sent = live.receive(CALLER, &String::from_utf8_lossy(INVITE));
    sent.into_iter().find(|sent| sent.port == CALLED).expect("the INVITE is relayed")
}

/// Answers and acknowledges the call.
fn answer(live: &mut Live, invite: &Sent) {
    live.receive(CALLED, &invite.reply("200 OK", "Contact: <sip:bob@127.0.0.1:5080>\r\n"));
    live.receive(CALLER, &within(invite, "ACK", 7));
}

/// A request of the caller within the call.
fn within(invite: &Sent, method: &str, cseq: u32) -> String {
    format!(
        "{method} sip:bob@127.0.0.1:5080 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK{method}{cseq}\r\n\
         Max-Forwards: 70\r\nRoute: {}\r\nFrom: <sip:alice@a.example>;tag=ft\r\n\
         To: <sip:bob@example.com>;tag=called\r\nCall-ID: c1\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
        invite.field("Record-Route")
    )
}

/// `dlg.list` shows the state of the only dialog.
fn state(live: &mut Live) -> String {
    let (list, _) = live.rpc("dlg.list", &[]);
    list.split("state:").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("none").to_owned()
}

const SECOND: Duration = Duration::from_secs(1);

/// DEVIATES: Kamailio 5.6.3 answers -1 and leaves the dialog in the profile.
#[test]
fn a_dialog_leaves_a_profile() {
    let seen = lines(
        r#"dlg_manage(); set_dlg_profile("all"); set_dlg_profile("caller", "a"); $var(a) = unset_dlg_profile("all");
        $var(b) = unset_dlg_profile("caller", "b"); $var(c) = is_in_profile("all");
        $var(d) = is_in_profile("caller", "a"); get_profile_size("all", "$var(n)");
        xlog("L_ERR", "$var(a) $var(b) $var(c) $var(d) $var(n)");"#,
    );
    assert_eq!(seen, ["1 -1 -1 1 0"]);
}

/// DEVIATES: in Kamailio 5.6.3 `$dlg_ctx(timeout)` has no effect on the dialog of the message.
#[test]
fn the_context_sets_the_time_of_the_dialog() {
    let seen =
        lines(r#"dlg_manage(); $dlg_ctx(timeout) = 77; xlog("L_ERR", "$dlg(lifetime) $dlg_ctx(timeout)");"#);
    assert_eq!(seen, ["77 77"]);
}

#[test]
fn what_cannot_be_done_is_false() {
    let seen = lines(
        r#"$var(a) = set_dlg_profile("none"); $var(b) = set_dlg_profile("caller"); $var(c) = dlg_bye("all");
        $var(d) = dlg_get("x", "y", "z"); $var(e) = dlg_set_ruri(); $var(f) = dlg_set_timeout("0");
        xlog("L_ERR", "$var(a) $var(b) $var(c) $var(d) $var(e) $var(f)");"#,
    );
    assert_eq!(seen.last().map(String::as_str), Some("-1 -1 -1 -1 -1 -1"));
}
