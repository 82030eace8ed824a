//! Options about how calls behave: identities, automatic answers, retransmission, timeouts.

use std::time::Duration;

use super::row::{Effect, Row, Unit, WHOLE};

/// `-default_behaviors`: what a call does on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviours {
    /// End aborted calls with BYE, CANCEL or ACK.
    pub bye: bool,
    /// Abort a call on an unexpected message.
    pub abort_unexpected: bool,
    /// Answer PING.
    pub ping_reply: bool,
    /// Refuse an ACK whose CSeq is not the INVITE's.
    pub check_ack_cseq: bool,
}

impl Behaviours {
    const ALL: Behaviours =
        Behaviours { bye: true, abort_unexpected: true, ping_reply: true, check_ack_cseq: true };
    const NONE: Behaviours =
        Behaviours { bye: false, abort_unexpected: false, ping_reply: false, check_ack_cseq: false };

    /// Reads a comma list of words with `+` or `-`; begins with nothing, so `-bye` alone is nothing.
    fn parse(list: &str) -> Result<Behaviours, String> {
        let mut chosen = Behaviours::NONE;
        for word in list.split(',') {
            let (on, name) = match word.strip_prefix('-') {
                Some(name) => (false, name),
                None => (true, word.strip_prefix('+').unwrap_or(word)),
            };
            match name {
                "all" => chosen = if on { Behaviours::ALL } else { Behaviours::NONE },
                "none" => chosen = if on { Behaviours::NONE } else { Behaviours::ALL },
                "bye" => chosen.bye = on,
                "abortunexp" => chosen.abort_unexpected = on,
                "pingreply" => chosen.ping_reply = on,
                "cseq" => chosen.check_ack_cseq = on,
                _ => return Err(format!("Unknown default behavior: '{name}'")),
            }
        }
        Ok(chosen)
    }
}

/// `-rtcheck`: how a repeated message is recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateCheck {
    /// All bytes are equal.
    #[default]
    Full,
    /// The identifying header fields are equal.
    Loose,
}

/// How calls behave.
#[derive(Clone, Debug)]
pub struct Call {
    /// `-aa`.
    pub auto_answer: bool,
    /// `-base_cseq`.
    pub base_cseq: u32,
    /// `-cid_str`.
    pub call_id_format: String,
    /// `-cid_type`.
    pub call_id_type: CallIdType,
    /// `-d`: pauses without a length.
    pub pause: Duration,
    /// `-deadcall_wait`.
    pub remember_ended: Duration,
    /// `-auth_uri`.
    pub auth_uri: Option<String>,
    /// `-au`; `None` takes [`Call::service`].
    pub auth_user: Option<String>,
    /// `-ap`.
    pub auth_password: String,
    /// `-s`.
    pub service: String,
    /// `-default_behaviors`, `-nd`.
    pub behaviours: Behaviours,
    /// `-pause_msg_ign`.
    pub ignore_while_pausing: bool,
    /// `-callid_slash_ign`.
    pub keep_call_id_prefix: bool,
    /// `-recv_timeout`.
    pub recv_timeout: Option<Duration>,
    /// `-send_timeout`.
    pub send_timeout: Option<Duration>,
    /// `-max_retrans`.
    pub max_retrans: u32,
    /// `-max_invite_retrans`.
    pub max_invite_retrans: u32,
    /// `-max_non_invite_retrans`.
    pub max_non_invite_retrans: u32,
    /// `-nr`: neither resend nor look for duplicates.
    pub no_retransmission: bool,
    /// `-rtcheck`.
    pub duplicate_check: DuplicateCheck,
    /// `-T2`.
    pub t2: Duration,
    /// `-lost`: percentage of messages lost on purpose.
    pub lost_percent: f64,
    /// `-dynamicStart`, `-dynamicMax`, `-dynamicStep`.
    pub dynamic_id: [u32; 3],
}

/// `-cid_type`: how Call-IDs are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallIdType {
    /// As `-cid_str` says.
    #[default]
    Format,
    /// A random UUID.
    Uuid,
    /// 32 random hex digits.
    UuidCompact,
    /// The call number and 32 random hex digits.
    Random,
    /// Microseconds since 1970, call number, process id.
    Timestamp,
}

/// The words of `-cid_type`.
const CALL_ID_TYPES: &[(&[&str], CallIdType)] = &[
    (&["default", "format", "legacy"], CallIdType::Format),
    (&["uuid"], CallIdType::Uuid),
    (&["uuid-compact", "uuidcompact", "uuid32"], CallIdType::UuidCompact),
    (&["random", "random-hex"], CallIdType::Random),
    (&["timestamp", "time"], CallIdType::Timestamp),
];

fn call_id_type(word: &str) -> Result<CallIdType, String> {
    let fits = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
    let found = CALL_ID_TYPES.iter().find(|(names, _)| fits(names)).map(|row| row.1);
    found.ok_or_else(|| {
        format!("-cid_type '{word}': there are default, uuid, uuid-compact, random and timestamp")
    })
}

impl Default for Call {
    fn default() -> Call {
        Call {
            auto_answer: false,
            base_cseq: 1,
            call_id_format: "%u-%p@%s".into(),
            call_id_type: CallIdType::Format,
            pause: Duration::ZERO,
            remember_ended: Duration::from_secs(33),
            auth_uri: None,
            auth_user: None,
            auth_password: "password".into(),
            service: "service".into(),
            behaviours: Behaviours::ALL,
            ignore_while_pausing: false,
            keep_call_id_prefix: false,
            recv_timeout: None,
            send_timeout: None,
            max_retrans: 9,
            max_invite_retrans: 5,
            max_non_invite_retrans: 9,
            no_retransmission: false,
            duplicate_check: DuplicateCheck::Full,
            t2: Duration::from_secs(4),
            lost_percent: 0.0,
            dynamic_id: [10_000, 12_000, 4],
        }
    }
}

/// A count: negative numbers are zero, very large ones the largest.
fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// A timeout: zero is none.
fn timeout(span: Duration) -> Option<Duration> {
    Some(span).filter(|span| !span.is_zero())
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["aa"],
        value: "",
        help: "Answer unexpected INFO, NOTIFY, OPTIONS and UPDATE with 200.",
        effect: Effect::Flag(|options| options.call.auto_answer = true),
    },
    Row {
        names: &["base_cseq"],
        value: "N",
        help: "First [cseq] of each call. Default: 1.",
        effect: Effect::Int(WHOLE, |options, number| options.call.base_cseq = count(number)),
    },
    Row {
        names: &["cid_str"],
        value: "TEXT",
        help: "Call-ID: %u is the call number, %p the process id, %s the local address, %r a random number, %% a percent \
               sign. \
               Default: %u-%p@%s.",
        effect: Effect::Text(|options, text| {
            options.call.call_id_format = text.into();
            Ok(())
        }),
    },
    Row {
        names: &["cid_type"],
        value: "WORD",
        help: "Kind of Call-ID: default, as -cid_str says; uuid; uuid-compact, 32 hex digits; random, call number \
               and 32 hex digits; timestamp, microseconds, call number and process id. Default: default.",
        effect: Effect::Text(|options, word| {
            options.call.call_id_type = call_id_type(word)?;
            Ok(())
        }),
    },
    Row {
        names: &["d"],
        value: "TIME",
        help: "Length of a pause that gives none, in ms. Default: 0.",
        effect: Effect::Time(Unit::Millis, |options, pause| options.call.pause = pause),
    },
    Row {
        names: &["deadcall_wait"],
        value: "TIME",
        help: "How long an ended call is remembered, in ms. Default: 33000.",
        effect: Effect::Time(Unit::Millis, |options, wait| options.call.remember_ended = wait),
    },
    Row {
        names: &["auth_uri"],
        value: "TEXT",
        help: "Digest uri, without sip:. Default: remote address and port.",
        effect: Effect::Text(|options, uri| {
            options.call.auth_uri = Some(uri.into());
            Ok(())
        }),
    },
    Row {
        names: &["au"],
        value: "TEXT",
        help: "Digest user name. Default: the value of -s.",
        effect: Effect::Text(|options, user| {
            options.call.auth_user = Some(user.into());
            Ok(())
        }),
    },
    Row {
        names: &["ap"],
        value: "TEXT",
        help: "Digest password. Default: password.",
        effect: Effect::Text(|options, password| {
            options.call.auth_password = password.into();
            Ok(())
        }),
    },
    Row {
        names: &["s"],
        value: "TEXT",
        help: "User part of the request URI, [service]. Default: service.",
        effect: Effect::Text(|options, service| {
            options.call.service = service.into();
            Ok(())
        }),
    },
    Row {
        names: &["default_behaviors"],
        value: "LIST",
        help: "What calls do on their own: a comma list of all, none, bye, abortunexp, pingreply, cseq, each \
               switched off by a dash, as in all,-bye. Default: all.",
        effect: Effect::Text(|options, list| {
            options.call.behaviours = Behaviours::parse(list)?;
            Ok(())
        }),
    },
    Row {
        names: &["nd"],
        value: "",
        help: "No default behaviour at all.",
        effect: Effect::Flag(|options| options.call.behaviours = Behaviours::NONE),
    },
    Row {
        names: &["pause_msg_ign"],
        value: "",
        help: "Drop messages that come while the call pauses.",
        effect: Effect::Flag(|options| options.call.ignore_while_pausing = true),
    },
    Row {
        names: &["callid_slash_ign"],
        value: "",
        help: "Keep the text before /// in received Call-IDs.",
        effect: Effect::Flag(|options| options.call.keep_call_id_prefix = true),
    },
];

pub(super) const TIMER_ROWS: &[Row] = &[
    Row {
        names: &["recv_timeout"],
        value: "TIME",
        help: "How long a call waits for a message that gives no timeout, in ms. Default: for ever.",
        effect: Effect::Time(Unit::Millis, |options, span| options.call.recv_timeout = timeout(span)),
    },
    Row {
        names: &["send_timeout"],
        value: "TIME",
        help: "How long a message may wait for a congested connection, in ms. Default: for ever.",
        effect: Effect::Time(Unit::Millis, |options, span| options.call.send_timeout = timeout(span)),
    },
    Row {
        names: &["timeout"],
        value: "TIME",
        help: "End the run after this time, in s. Default: never.",
        effect: Effect::Time(Unit::Seconds, |options, span| options.general.timeout = timeout(span)),
    },
    Row {
        names: &["timeout_error"],
        value: "",
        help: "Count the end by -timeout as a fatal error.",
        effect: Effect::Flag(|options| options.general.timeout_error = true),
    },
    Row {
        names: &["max_retrans"],
        value: "N",
        help: "Most retransmissions of any request over UDP. Default: 9.",
        effect: Effect::Int(WHOLE, |options, number| options.call.max_retrans = count(number)),
    },
    Row {
        names: &["max_invite_retrans"],
        value: "N",
        help: "Most retransmissions of an INVITE. Default: 5.",
        effect: Effect::Int(WHOLE, |options, number| options.call.max_invite_retrans = count(number)),
    },
    Row {
        names: &["max_non_invite_retrans"],
        value: "N",
        help: "Most retransmissions of any other request. Default: 9.",
        effect: Effect::Int(WHOLE, |options, number| options.call.max_non_invite_retrans = count(number)),
    },
    Row {
        names: &["nr"],
        value: "",
        help: "No retransmission over UDP, neither sending nor recognising.",
        effect: Effect::Flag(|options| options.call.no_retransmission = true),
    },
    Row {
        names: &["rtcheck"],
        value: "WORD",
        help: "How a repeated message is recognised: full (all bytes) or loose (its identifying fields). \
               Default: full.",
        effect: Effect::Text(|options, word| {
            options.call.duplicate_check = match word {
                "full" => DuplicateCheck::Full,
                "loose" => DuplicateCheck::Loose,
                _ => return Err(format!("Unknown retransmission detection method: {word}")),
            };
            Ok(())
        }),
    },
    Row {
        names: &["T2"],
        value: "TIME",
        help: "Longest time between retransmissions of a non-INVITE request, in ms. Default: 4000.",
        effect: Effect::Time(Unit::Millis, |options, t2| options.call.t2 = t2),
    },
];

pub(super) const LOSS_ROWS: &[Row] = &[
    Row {
        names: &["lost"],
        value: "PERCENT",
        help: "Messages lost on purpose, both ways, unless the scenario says otherwise. Default: 0.",
        effect: Effect::Float(0.0..=100.0, |options, percent| {
            options.call.lost_percent = percent.clamp(0.0, 100.0)
        }),
    },
    Row {
        names: &["dynamicStart"],
        value: "N",
        help: "First [dynamic_id]. Default: 10000.",
        effect: Effect::Int(WHOLE, |options, number| options.call.dynamic_id[0] = count(number)),
    },
    Row {
        names: &["dynamicMax"],
        value: "N",
        help: "Largest [dynamic_id]. Default: 12000.",
        effect: Effect::Int(WHOLE, |options, number| options.call.dynamic_id[1] = count(number)),
    },
    Row {
        names: &["dynamicStep"],
        value: "N",
        help: "Step of [dynamic_id]. Default: 4.",
        effect: Effect::Int(WHOLE, |options, number| options.call.dynamic_id[2] = count(number)),
    },
];

#[cfg(test)]
mod tests {
    use super::{Behaviours, CallIdType, call_id_type};

    #[test]
    fn kinds_of_call_ids_are_words_in_any_case() {
        for (word, kind) in [
            ("legacy", CallIdType::Format),
            ("UUID32", CallIdType::UuidCompact),
            ("Time", CallIdType::Timestamp),
        ] {
            assert_eq!(call_id_type(word), Ok(kind), "{word}");
        }
        assert!(call_id_type("guid").is_err());
    }

    #[test]
    fn behaviours_begin_with_nothing() {
        let without_bye = Behaviours { bye: false, ..Behaviours::ALL };
        let rows = [
            ("all", Behaviours::ALL),
            ("none", Behaviours::NONE),
            ("all,-bye", without_bye),
            ("-bye", Behaviours::NONE),
            ("+bye", Behaviours { bye: true, ..Behaviours::NONE }),
        ];
        for (list, expected) in rows {
            assert_eq!(Behaviours::parse(list), Ok(expected), "{list}");
        }
        assert_eq!(Behaviours::parse("foo"), Err("Unknown default behavior: 'foo'".into()));
    }
}
