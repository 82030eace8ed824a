//! What a CANCEL does to each branch, and the Reason it carries (RFC 3261 16.10, 9.1; RFC 3326).

use bytes::Bytes;

use super::Leg;

/// Why branches are cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The caller cancelled: the Reason lines of its CANCEL, each with its CRLF, perhaps none.
    Caller(Bytes),
    /// Another branch gave this final status.
    Answered(u16),
    /// The script answered with this status.
    Script(u16),
    /// The branch took too long (timer C).
    Timeout,
}

/// What to do with a branch that has no reply yet when its call is cancelled (tm parameter `cancel_b_method`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unreplied {
    /// 0: stop sending and count it as 487 at once.
    Fake487,
    /// 1: keep sending; the CANCEL follows the first provisional reply (RFC 3261 9.1).
    #[default]
    KeepSending,
    /// 2: stop sending; the CANCEL follows the first provisional reply.
    StopSending,
}

/// What happens to one branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It has ended already.
    Nothing,
    /// Send the CANCEL now.
    Now,
    /// No reply came: the CANCEL waits, the INVITE goes on being sent.
    WaitSending,
    /// No reply came: the CANCEL waits, the INVITE is not sent again.
    WaitSilently,
    /// No reply came: the branch ends as 487.
    Fake487,
}

/// What happens to a branch in this state.
///
/// After a final reply elsewhere an unreplied branch goes on being sent, whatever `unreplied` says: only a provisional
/// reply lets the CANCEL follow.
///
/// DEVIATES: Kamailio 5.6.3 falls silent after a 2xx. When the provisional reply was lost, that side rings for ever
/// (any_two_messages_may_suffer).
pub fn action(leg: Leg, cause: &Cause, unreplied: Unreplied) -> Action {
    if leg.is_final() {
        return Action::Nothing;
    }
    if leg.status > 0 {
        return Action::Now;
    }
    match (cause, unreplied) {
        (Cause::Answered(_) | Cause::Timeout, _) => Action::WaitSending,
        (_, Unreplied::Fake487) => Action::Fake487,
        (_, Unreplied::KeepSending) => Action::WaitSending,
        (_, Unreplied::StopSending) => Action::WaitSilently,
    }
}

/// The Reason lines of the CANCEL, each with its CRLF; `action` as decided for the branch.
pub fn reason(cause: &Cause, action: Action) -> Bytes {
    match cause {
        Cause::Caller(lines) => lines.clone(),
        // Kamailio leaves the text out when the CANCEL had to wait for a provisional reply.
        Cause::Answered(200) if action == Action::Now => {
            Bytes::from_static(b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n")
        }
        // After a 6xx elsewhere a CANCEL that had to wait carries none (Kamailio 5.6.3).
        Cause::Answered(300..) if action == Action::WaitSending => Bytes::new(),
        Cause::Answered(status) | Cause::Script(status) => {
            Bytes::from(format!("Reason: SIP;cause={status}\r\n"))
        }
        Cause::Timeout => Bytes::new(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Leg;
    use super::{Action, Cause, Unreplied, action, reason};

    fn leg(status: u16) -> Leg {
        Leg { status, ..Leg::default() }
    }

    #[test]
    fn a_branch_is_cancelled_by_what_it_has_answered() {
        let caller = Cause::Caller(Bytes::new());
        let rows = [
            (486, &caller, Unreplied::KeepSending, Action::Nothing),
            (100, &caller, Unreplied::KeepSending, Action::Now),
            (183, &Cause::Answered(603), Unreplied::Fake487, Action::Now),
            (0, &caller, Unreplied::KeepSending, Action::WaitSending),
            (0, &caller, Unreplied::StopSending, Action::WaitSilently),
            (0, &caller, Unreplied::Fake487, Action::Fake487),
            (0, &Cause::Answered(200), Unreplied::StopSending, Action::WaitSending),
            (0, &Cause::Answered(603), Unreplied::StopSending, Action::WaitSending),
        ];
        for (status, cause, unreplied, expected) in rows {
            assert_eq!(action(leg(status), cause, unreplied), expected, "{status} {cause:?} {unreplied:?}");
        }
    }

    #[test]
    fn the_reason_tells_the_cause() {
        let elsewhere = b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
        assert_eq!(reason(&Cause::Answered(200), Action::Now), &elsewhere[..]);
        assert_eq!(reason(&Cause::Answered(200), Action::WaitSending), &b"Reason: SIP;cause=200\r\n"[..]);
        assert_eq!(reason(&Cause::Answered(603), Action::Now), &b"Reason: SIP;cause=603\r\n"[..]);
        assert_eq!(reason(&Cause::Timeout, Action::Now), &b""[..]);
        let lines = Bytes::from_static(b"Reason: Q.850;cause=16\r\n");
        assert_eq!(reason(&Cause::Caller(lines.clone()), Action::Now), lines);
    }
}
