//! Why a call failed, in words: what was awaited, what came, and where. Equal words are the same failure.

use crate::stats::Cause;

/// What is known of a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    /// SIPp's name for it, when it has one.
    pub(crate) cause: Option<Cause>,
    /// The run ended before the call did.
    pub(crate) was_aborted: bool,
    /// The message index where it happened.
    pub(crate) step: u16,
    /// What the message index sends; empty when it sends nothing.
    pub(crate) sent: &'a str,
    /// What would have let the call go on.
    pub(crate) expected: &'a str,
    /// What came instead: a method or a status; empty when nothing did.
    pub(crate) received: &'a str,
}

/// The reason.
pub(crate) fn words(known: &Known<'_>) -> String {
    let Known { step, sent, expected, received, .. } = *known;
    let what = match known.cause {
        None if known.was_aborted => format!("run ended while waiting for {expected}"),
        None => "aborted".into(),
        Some(Cause::CannotSendMessage) => "message could not be sent".into(),
        Some(Cause::MaxUdpRetrans) => format!("no answer to {sent}"),
        Some(Cause::TcpConnect) => "no connection".into(),
        Some(Cause::TcpClosed) => "connection closed by the peer".into(),
        Some(Cause::UnexpectedMessage) => format!("{received} instead of {expected}"),
        Some(Cause::CallRejected) => "stopped by the scenario".into(),
        Some(Cause::CmdNotSent) => "command could not be sent".into(),
        Some(Cause::RegexpDoesntMatch) => "regular expression did not match".into(),
        Some(Cause::RegexpShouldntMatch) => "regular expression matched".into(),
        Some(Cause::RegexpHdrNotFound) => "header field to search not found".into(),
        Some(Cause::OutboundCongestion) => "no free circuit".into(),
        Some(Cause::TimeoutOnRecv) => format!("no {expected} in time"),
        Some(Cause::TimeoutOnSend) => "message not sent in time".into(),
        Some(Cause::TestDoesntMatch) => "test did not hold".into(),
        Some(Cause::TestShouldntMatch) => "test held".into(),
        Some(Cause::StrcmpDoesntMatch) => "texts differ".into(),
        Some(Cause::StrcmpShouldntMatch) => "texts are equal".into(),
    };
    format!("{what} at message {step}")
}

#[cfg(test)]
mod tests {
    use super::{Known, words};
    use crate::stats::Cause;

    #[test]
    fn every_cause_has_words_of_its_own() {
        let (sent, expected, received) = ("INVITE", "200", "404");
        let known = Known { cause: None, was_aborted: false, step: 2, sent, expected, received };
        let mut all: Vec<String> = Cause::ALL
            .iter()
            .map(|(cause, _)| words(&Known { cause: Some(*cause), ..known }))
            .chain([words(&known), words(&Known { was_aborted: true, ..known })])
            .collect();
        assert_eq!(all[Cause::UnexpectedMessage as usize], "404 instead of 200 at message 2");
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
