//! Tests of what the comparison with the original does not show.

use crate::trial::Trial;

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
