//! OPTIONS to the sides of a dialog that are kept alive, and times that are changed.

use super::{CALLED, CALLER, SECOND, answer, begin, live, state, within};
use crate::trial::live::brief;

const KEPT: &str = "modparam(\"dialog\", \"ka_timer\", 1)\nmodparam(\"dialog\", \"ka_interval\", 30)\n\
    modparam(\"dialog\", \"ka_failed_limit\", 2)\nmodparam(\"dialog\", \"send_bye\", 1)\n";

/// RFC 3261 12.2.1.1: the number of the OPTIONS must not get in the way of the parties' own.
#[test]
fn the_named_sides_get_options_every_interval() {
    for (sides, expected) in [
        ("dlg_set_property(\"ka-src\");", &["5070 OPTIONS"][..]),
        ("dlg_set_property(\"ka-dst\");", &["5080 OPTIONS"]),
        ("dlg_set_property(\"ka-src\"); dlg_set_property(\"ka-dst\");", &["5070 OPTIONS", "5080 OPTIONS"]),
        ("dlg_set_property(\"ka-src\"); dlg_reset_property(\"ka-src\");", &[]),
        ("", &[]),
    ] {
        let mut live = live(KEPT, sides);
        let invite = begin(&mut live);
        answer(&mut live, &invite);
        assert_eq!(brief(&live.pass(28 * SECOND)), [""; 0], "{sides}");
        let sent = live.pass(4 * SECOND);
        let options: Vec<_> = sent.iter().filter(|sent| sent.start().starts_with("OPTIONS")).collect();
        let mut ports: Vec<String> = options.iter().map(|sent| sent.brief()).collect();
        ports.sort();
        ports.dedup();
        assert_eq!(ports, expected, "{sides}");
        for sent in options.iter().filter(|sent| sent.port == CALLED) {
            assert_eq!(sent.field("CSeq"), "7 OPTIONS", "{sides}");
            assert!(sent.field("To").ends_with("tag=called"), "{}", sent.text);
        }
    }
}

/// After `ka_failed_limit` answers in a row that there is no such call, the dialog has ten seconds left.
#[test]
fn a_side_that_does_not_know_the_call_ends_it() {
    for (answers, is_over) in [
        (&["481 No", "481 No"][..], true),
        (&["481 No", "200 OK", "481 No"], false),
        (&["200 OK", "501 No"], false),
    ] {
        let mut live = live(KEPT, "dlg_set_property(\"ka-dst\");");
        let invite = begin(&mut live);
        answer(&mut live, &invite);
        for status in answers {
            let sent = live.pass(31 * SECOND);
            let ping = sent.iter().find(|sent| sent.start().starts_with("OPTIONS")).expect("a ping");
            live.receive(CALLED, &ping.reply(status, ""));
        }
        let sent = live.pass(12 * SECOND);
        let byes =
            sent.iter().filter(|sent| sent.start().starts_with("BYE") && sent.field("CSeq").ends_with("BYE"));
        assert_eq!(byes.count() > 0, is_over, "{answers:?}: {:?}", brief(&sent));
    }
}

#[test]
fn the_time_of_all_dialogs_of_a_profile_is_changed() {
    for (profile, is_over) in [("\"all\"", true), ("\"caller\", \"a\"", true), ("\"caller\", \"b\"", false)] {
        let rest = format!(
            "set_dlg_profile(\"all\"); set_dlg_profile(\"caller\", \"a\"); dlg_set_timeout_by_profile({profile}, \"5\");"
        );
        let mut live = live("", &rest);
        let invite = begin(&mut live);
        answer(&mut live, &invite);
        live.pass(7 * SECOND);
        assert_eq!(state(&mut live), if is_over { "5" } else { "4" }, "{profile}");
    }
}

/// `$DLG_lifetime` counts from the answer.
#[test]
fn the_lifetime_is_known_within_the_call() {
    let within_call = "} else if (is_method(\"OPTIONS\")) { loose_route(); xlog(\"$DLG_lifetime\"); exit;";
    let mut live = live("", within_call);
    let invite = begin(&mut live);
    live.pass(3 * SECOND);
    answer(&mut live, &invite);
    live.pass(5 * SECOND);
    live.receive(CALLER, &within(&invite, "OPTIONS", 8));
    assert_eq!(live.lines(), ["5"]);
}
