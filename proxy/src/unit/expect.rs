//! Compares what came out with what a test expects.

use std::collections::BTreeMap;

use super::file::{Expected, ExpectedMessage};
use super::message::{after_colon, is_field};
use super::stage::{Out, peer};

/// Compares the messages of a step, all of them and in order. Errors: the first difference.
pub(super) fn messages(expected: &[Expected], found: &[Out]) -> Result<(), String> {
    for (at, expected) in expected.iter().enumerate() {
        let Some(found) = found.get(at) else {
            return Err(format!("nothing came out where \"{}\" was expected", first_line(expected)));
        };
        message(expected, found)?;
    }
    match found.get(expected.len()) {
        Some(more) => Err(format!("a message came out that was not expected:\n{}", shown(more))),
        None => Ok(()),
    }
}

fn first_line(expected: &Expected) -> &str {
    match expected {
        Expected::Line(line) => line,
        Expected::Message(message) => &message.line,
    }
}

fn message(expected: &Expected, found: &Out) -> Result<(), String> {
    let text = String::from_utf8_lossy(&found.bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    if !fits(first_line(expected), first) {
        return Err(format!("expected \"{}\", got:\n{}", first_line(expected), shown(found)));
    }
    let Expected::Message(expected) = expected else { return Ok(()) };
    let lines: Vec<&str> = lines.collect();
    fields(expected, &lines).map_err(|why| format!("{why} in:\n{}", shown(found)))?;
    if let Some(to) = &expected.to {
        let wanted = peer(to)?;
        if (wanted.transport, wanted.addr) != (found.peer.transport, found.peer.addr) {
            return Err(format!(
                "\"{first}\" went to {}:{}, not to {to}",
                found.peer.transport.param_name(),
                found.peer.addr
            ));
        }
    }
    match &expected.body {
        Some(wanted) if !fits(&wanted.replace('\n', "\r\n"), body) => {
            Err(format!("the body is not as expected:\n{}", shown(found)))
        }
        _ => Ok(()),
    }
}

fn fields(expected: &ExpectedMessage, lines: &[&str]) -> Result<(), String> {
    for (name, wanted) in &expected.headers {
        let values: Vec<&str> =
            lines.iter().filter(|line| is_field(line, name)).map(|line| after_colon(line)).collect();
        if values.is_empty() {
            return Err(format!("there is no header field {name}"));
        }
        if !values.iter().any(|value| fits(wanted, value)) {
            return Err(format!("{name} is \"{}\", expected \"{wanted}\"", values.join("\", \"")));
        }
    }
    match expected.absent.iter().find(|name| lines.iter().any(|line| is_field(line, name))) {
        Some(name) => Err(format!("there is a header field {name}, which was not expected")),
        None => Ok(()),
    }
}

/// Looks for log lines in their order. Errors: the first that is not there.
pub(super) fn lines(expected: &[String], found: &[String]) -> Result<(), String> {
    let mut rest = found.iter();
    for wanted in expected {
        if !rest.any(|line| fits(wanted, line)) {
            return Err(format!("\"{wanted}\" was not logged; logged was:\n    {}", found.join("\n    ")));
        }
    }
    Ok(())
}

/// Looks for log lines that must not be there. Errors: the first that is.
pub(super) fn no_lines(unwanted: &[String], found: &[String]) -> Result<(), String> {
    match found.iter().find(|line| unwanted.iter().any(|pattern| fits(pattern, line))) {
        Some(line) => Err(format!("\"{line}\" was logged")),
        None => Ok(()),
    }
}

/// Compares variables. Errors: the first difference.
pub(super) fn variables(
    expected: &BTreeMap<String, String>,
    found: BTreeMap<&str, String>,
) -> Result<(), String> {
    for (name, wanted) in expected {
        match found.get(name.as_str()) {
            Some(value) if fits(wanted, value) => {}
            Some(value) => return Err(format!("{name} is \"{value}\", expected \"{wanted}\"")),
            None => return Err(format!("{name} was expected to be \"{wanted}\", but no route ran")),
        }
    }
    Ok(())
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn shown(out: &Out) -> String {
    let text = String::from_utf8_lossy(&out.bytes);
    let lines: Vec<String> = text.trim_end().lines().map(|line| format!("    {line}")).collect();
    format!("{}\n    (to {}:{})", lines.join("\n"), out.peer.transport.param_name(), out.peer.addr)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stands_for_anything() {
        let rows = [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
            ("*", "", true),
            ("", "", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
