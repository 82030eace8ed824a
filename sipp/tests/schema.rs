//! The document of `-json` and its schema, `docs/report.schema.json`: each real document fits, and says nothing that
//! the schema does not describe.

use std::net::UdpSocket;

use serde_json::{Map, Value};
use sipp::engine::{self, Console, Terminal};

/// A checker for the words of JSON Schema that the schema uses; any other word fails the test.
struct Checker<'s> {
    root: &'s Value,
    found: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, place: &str) {
        let words = schema.as_object().expect("a schema is an object");
        for (word, argument) in words {
            let is_fitting = match word.as_str() {
                "$schema" | "$defs" | "title" | "description" | "properties" => true,
                "$ref" => {
                    let target =
                        argument.as_str().and_then(|path| path.strip_prefix('#')).expect("a local path");
                    let target = self.root.pointer(target).expect("the path leads somewhere").clone();
                    self.check(&target, value, place);
                    true
                }
                "type" => match argument {
                    Value::Array(kinds) => kinds.iter().any(|kind| is_of(kind, value)),
                    kind => is_of(kind, value),
                },
                "const" => argument == value,
                "enum" => argument.as_array().expect("a list").contains(value),
                "minimum" => {
                    value.as_f64().is_none_or(|number| number >= argument.as_f64().expect("a number"))
                }
                "oneOf" => self.one_of(argument, value),
                "required" => {
                    let names = argument.as_array().expect("a list");
                    names.iter().all(|name| value.get(name.as_str().expect("a name")).is_some())
                }
                "additionalProperties" => self.each(argument, value, place),
                "items" => self.items(std::iter::repeat(argument), value, place),
                "prefixItems" => {
                    let schemas = argument.as_array().expect("a list");
                    self.items(schemas.iter(), value, place)
                        && value.as_array().is_some_and(|list| list.len() == schemas.len())
                }
                _ => panic!("{place}: the checker does not know '{word}'"),
            };
            if !is_fitting {
                self.found.push(format!("{place}: '{word}' {argument} does not hold for {value}"));
            }
        }
        if let Some(object) = value.as_object() {
            self.properties(words, object, place);
        }
    }

    fn properties(&mut self, words: &Map<String, Value>, object: &Map<String, Value>, place: &str) {
        let known = words.get("properties").and_then(Value::as_object);
        let is_open = words.contains_key("additionalProperties")
            || words.contains_key("$ref")
            || words.contains_key("oneOf");
        for (name, value) in object {
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.check(schema, value, &format!("{place}/{name}")),
                None if is_open => {}
                None => self.found.push(format!("{place}/{name} is not described")),
            }
        }
    }

    fn one_of(&self, schemas: &Value, value: &Value) -> bool {
        let schemas = schemas.as_array().expect("a list");
        let fits = |schema: &&Value| {
            let mut checker = Checker { root: self.root, found: Vec::new() };
            checker.check(schema, value, "");
            checker.found.is_empty()
        };
        schemas.iter().filter(fits).count() == 1
    }

    fn each(&mut self, schema: &Value, value: &Value, place: &str) -> bool {
        for (name, value) in value.as_object().into_iter().flatten() {
            self.check(schema, value, &format!("{place}/{name}"));
        }
        true
    }

    fn items<'v>(&mut self, schemas: impl Iterator<Item = &'v Value>, value: &Value, place: &str) -> bool {
        for (at, (schema, value)) in schemas.zip(value.as_array().into_iter().flatten()).enumerate() {
            self.check(schema, value, &format!("{place}/{at}"));
        }
        true
    }
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_u64() || value.is_i64(),
        _ => panic!("unknown type {kind}"),
    }
}

fn faults(document: &Value) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/report.schema.json");
    let text = std::fs::read_to_string(path).expect("the schema is in the repository");
    let schema: Value = serde_json::from_str(&text).expect("the schema is JSON");
    let mut checker = Checker { root: &schema, found: Vec::new() };
    checker.check(&schema, document, "");
    checker.found
}

/// The document of a real run, with failed calls, a condition, and more than a second of it.
fn document(options: &str) -> Value {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("bound").port();
    let file = std::env::temp_dir().join(format!("sipp-schema-{port}.json"));
    let line =
        format!("-sn uac 127.0.0.1:{port} -i 127.0.0.1 -recv_timeout 30 -json {} {options}", file.display());
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let console = Console {
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::Headless,
    };
    sipp::run(&words, console, engine::controller());
    let text = std::fs::read_to_string(&file).expect("it was written");
    std::fs::remove_file(&file).expect("ours");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn real_documents_fit_the_schema() {
    for options in ["-m 12 -r 10 -fail-if p99(1)>1ms -fail-if failed>1%", "-users 2 -m 4"] {
        let document = document(options);
        assert_eq!(faults(&document), Vec::<String>::new(), "{options}");
    }
}

#[test]
fn what_is_wrong_does_not_fit() {
    let good = document("-m 1 -r 100");
    let broken = |change: fn(&mut Map<String, Value>)| {
        let mut document = good.clone();
        change(document.as_object_mut().expect("an object"));
        faults(&document).len()
    };
    assert_eq!(broken(|_| {}), 0);
    assert_eq!(broken(|document| drop(document.remove("calls"))), 1);
    assert_eq!(broken(|document| drop(document.insert("version".into(), 2.into()))), 1);
    assert_eq!(broken(|document| drop(document.insert("new".into(), 2.into()))), 1);
    assert_eq!(broken(|document| document["calls"]["failed"] = "1".into()), 1);
    assert_eq!(broken(|document| document["schedule"]["target"] = Value::Null), 1);
    assert_eq!(broken(|document| document["role"] = "both".into()), 1);
}
