//! Requests of the control socket that want an answer: one JSON object per datagram, answered by one.
//!
//! `{"get":"statistics"}`, `{"set":"rate","value":20}`, `{"set":"variable","name":"x","value":"text"}`,
//! `{"do":"pause"}`; `"id"`, when given, comes back. Pure: text in, request or refusal out.

use serde_json::{Map, Value};

use crate::stats::snapshot::{Snapshot, Target};

use super::command::Command;

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// What comes back with the answer.
    pub(super) id: Option<Value>,
    /// What is wanted. Errors: what cannot be understood, as the answer says it.
    pub(super) wish: Result<Wish, String>,
}

/// What a request wants.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wish {
    /// The figures.
    Statistics,
    /// Something to be done.
    Command(Command),
}

/// What `"do"` knows.
const DEEDS: &[(&str, Command)] = &[
    ("pause", Command::Pause),
    ("resume", Command::Resume),
    ("quit", Command::QuitSoftly),
    ("quit-now", Command::ForceQuit),
    ("dump-screens", Command::DumpScreens),
    ("reset-statistics", Command::ResetStatistics),
];

/// Reads a request.
pub(super) fn parse(text: &[u8]) -> Request {
    let object = match serde_json::from_slice::<Value>(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Request { id: None, wish: Err("expected a JSON object".into()) },
        Err(error) => return Request { id: None, wish: Err(format!("no JSON: {error}")) },
    };
    let wish = match ["get", "set", "do"].map(|verb| object.get(verb).and_then(Value::as_str)) {
        [Some("statistics"), None, None] => Ok(Wish::Statistics),
        [Some(other), None, None] => Err(format!("get: unknown '{other}', expected statistics")),
        [None, Some(what), None] => set(what, &object).map(Wish::Command),
        [None, None, Some(deed)] => {
            let found = DEEDS.iter().find(|row| row.0 == deed);
            let known = DEEDS.iter().map(|row| row.0).collect::<Vec<_>>().join(", ");
            found
                .map(|row| Wish::Command(row.1.clone()))
                .ok_or_else(|| format!("do: unknown '{deed}', expected one of {known}"))
        }
        _ => Err("expected one of \"get\", \"set\" and \"do\" with a text".into()),
    };
    Request { id: object.get("id").cloned(), wish }
}

fn set(what: &str, object: &Map<String, Value>) -> Result<Command, String> {
    let value = object.get("value").ok_or("set: \"value\" is missing")?;
    let number = || match value.as_f64() {
        Some(number) if number >= 0.0 => Ok(number),
        _ => Err(format!("set: {value} is no number from 0")),
    };
    let count = || value.as_u64().ok_or_else(|| format!("set: {value} is no whole number from 0"));
    match what {
        "rate" => Ok(Command::SetRate(number()?)),
        "rate-scale" => Ok(Command::SetRateScale(number()?)),
        "users" => Ok(Command::SetUsers(u32::try_from(count()?).unwrap_or(u32::MAX))),
        "limit" => Ok(Command::SetLimit(count()?)),
        "variable" => {
            let name = object.get("name").and_then(Value::as_str).ok_or("set: \"name\" is missing")?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Ok(Command::SetVariable(name.into(), text))
        }
        _ => Err(format!("set: unknown '{what}', expected rate, rate-scale, users, limit or variable")),
    }
}

/// Whether the run can do that. Errors: why not.
pub(super) fn permit(command: &Command, snapshot: &Snapshot) -> Result<(), String> {
    match (command, snapshot.target) {
        (Command::SetRate(_), Target::Users(_)) => {
            Err("Rates can not be set in a user-based benchmark.".into())
        }
        (Command::SetUsers(_), Target::Rate { .. }) => {
            Err("Users can not be changed at run time for a rate-based benchmark.".into())
        }
        (Command::SetVariable(name, _), _) if !snapshot.setup.globals.contains(name) => {
            Err(format!("the scenario has no global variable '{name}'"))
        }
        _ => Ok(()),
    }
}

/// An answer: `ok`, the id, and what was asked for or why not.
pub(super) fn answer(id: Option<Value>, outcome: Result<Option<Value>, String>) -> Vec<u8> {
    let mut object = Map::new();
    object.insert("ok".into(), outcome.is_ok().into());
    if let Some(id) = id {
        object.insert("id".into(), id);
    }
    match outcome {
        Ok(None) => {}
        Ok(Some(statistics)) => {
            object.insert("statistics".into(), statistics);
        }
        Err(error) => {
            object.insert("error".into(), error.into());
        }
    }
    let mut bytes = Value::Object(object).to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Command, Wish, answer, parse};

    #[test]
    fn requests_become_wishes() {
        let rows = [
            (r#"{"get":"statistics"}"#, Wish::Statistics),
            (r#"{"set":"rate","value":20.5}"#, Wish::Command(Command::SetRate(20.5))),
            (r#"{"set":"users","value":3}"#, Wish::Command(Command::SetUsers(3))),
            (r#"{"set":"limit","value":7}"#, Wish::Command(Command::SetLimit(7))),
            (
                r#"{"set":"variable","name":"x","value":"a b"}"#,
                Wish::Command(Command::SetVariable("x".into(), "a b".into())),
            ),
            (
                r#"{"set":"variable","name":"x","value":5}"#,
                Wish::Command(Command::SetVariable("x".into(), "5".into())),
            ),
            (r#" {"do":"pause"} "#, Wish::Command(Command::Pause)),
            ("{\"do\":\"quit\"}\n", Wish::Command(Command::QuitSoftly)),
        ];
        for (text, wish) in rows {
            assert_eq!(parse(text.as_bytes()).wish, Ok(wish), "{text}");
        }
        assert_eq!(parse(br#"{"id":[1],"do":"pause"}"#).id, Some(json!([1])));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        let rows = [
            ("{", "no JSON"),
            ("[]", "expected a JSON object"),
            ("{}", "expected one of"),
            (r#"{"get":"x"}"#, "unknown 'x', expected statistics"),
            (r#"{"do":"dance"}"#, "unknown 'dance', expected one of pause"),
            (r#"{"do":"pause","get":"statistics"}"#, "expected one of"),
            (r#"{"set":"rate"}"#, "\"value\" is missing"),
            (r#"{"set":"rate","value":-1}"#, "no number from 0"),
            (r#"{"set":"rate","value":"1"}"#, "no number from 0"),
            (r#"{"set":"users","value":1.5}"#, "no whole number"),
            (r#"{"set":"variable","value":1}"#, "\"name\" is missing"),
            (r#"{"set":"tempo","value":1}"#, "unknown 'tempo'"),
        ];
        for (text, refusal) in rows {
            let wish = parse(text.as_bytes()).wish;
            assert!(wish.as_ref().is_err_and(|error| error.contains(refusal)), "{text}: {wish:?}");
        }
    }

    #[test]
    fn any_bytes_are_no_request() {
        for bytes in [&b"{\xff\xfe"[..], &[b'{'; 60_000], b"{\"a\":1e999}", b"\0"] {
            assert!(parse(bytes).wish.is_err());
        }
    }

    #[test]
    fn answers_carry_the_id() {
        assert_eq!(answer(Some(7.into()), Ok(None)), b"{\"id\":7,\"ok\":true}\n");
        assert_eq!(answer(None, Err("no".into())), b"{\"error\":\"no\",\"ok\":false}\n");
        let figures = answer(None, Ok(Some(json!({ "calls": 1 }))));
        assert_eq!(figures, b"{\"ok\":true,\"statistics\":{\"calls\":1}}\n");
    }
}
