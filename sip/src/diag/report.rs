//! Findings as a report: text with the line and a caret, JSON, or SARIF 2.1.0 for code review tools.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Diagnostic, Severity};

/// The forms of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One finding after the other, each with its line and a caret.
    #[default]
    Text,
    /// `{"findings": [{"severity", "code", "source", "line", "column", "message", "hint"}]}`
    Json,
    /// SARIF 2.1.0.
    Sarif,
}

/// What a checking program found.
pub struct Report<'r> {
    /// The program's name.
    pub tool: &'r str,
    /// The program's version.
    pub version: &'r str,
    /// All codes that could occur, with titles.
    pub rules: &'r [(&'r str, &'r str)],
    /// The findings, in the order of the report.
    pub findings: &'r [Diagnostic],
}

impl Report<'_> {
    /// The report, with a newline at the end; the text form is empty without findings.
    ///
    /// `source` gives the bytes of a source by its name, for the excerpts of the text form.
    pub fn render<'t>(&self, format: Format, source: impl Fn(&str) -> Option<&'t [u8]>) -> String {
        match format {
            Format::Text => self.text(source),
            Format::Json => {
                pretty(&json!({ "findings": self.findings.iter().map(finding).collect::<Vec<_>>() }))
            }
            Format::Sarif => pretty(&self.sarif()),
        }
    }

    fn text<'t>(&self, source: impl Fn(&str) -> Option<&'t [u8]>) -> String {
        let mut out = String::new();
        for finding in self.findings {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{finding} [{}]", finding.code);
            if let Some(text) = source(&finding.place.source) {
                excerpt(text, finding, &mut out);
            }
        }
        out
    }

    fn sarif(&self) -> Value {
        let rule = |(id, title): &(&str, &str)| json!({ "id": id, "shortDescription": { "text": title } });
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": self.tool,
                    "version": self.version,
                    "rules": self.rules.iter().map(rule).collect::<Vec<_>>(),
                }},
                "results": self.findings.iter().map(sarif_result).collect::<Vec<_>>(),
            }],
        })
    }
}

/// The line of the finding and a caret below its column.
fn excerpt(text: &[u8], finding: &Diagnostic, out: &mut String) {
    let Some(line) = text.split(|&byte| byte == b'\n').nth(finding.place.line as usize - 1) else { return };
    let column = (finding.place.column as usize - 1).min(line.len());
    let start = column.saturating_sub(MAX_EXCERPT / 2);
    let end = line.len().min(start + MAX_EXCERPT);
    let shown = String::from_utf8_lossy(&line[start..end]).replace(|letter: char| letter.is_control(), " ");
    let before = String::from_utf8_lossy(&line[start..column]).chars().count();
    let _ = writeln!(out, "    {}\n    {}^", shown.trim_end(), " ".repeat(before));
}

fn finding(finding: &Diagnostic) -> Value {
    json!({
        "severity": level(finding.severity),
        "code": finding.code,
        "source": &*finding.place.source,
        "line": finding.place.line,
        "column": finding.place.column,
        "message": finding.message,
        "hint": finding.hint,
    })
}

fn sarif_result(finding: &Diagnostic) -> Value {
    let text = match &finding.hint {
        Some(hint) => format!("{}, {hint}", finding.message),
        None => finding.message.clone(),
    };
    json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.place.source) },
            "region": { "startLine": finding.place.line, "startColumn": finding.place.column },
        }}],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A file name as a relative or absolute URI reference (RFC 3986 4.2).
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char)
            }
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    if path.starts_with('/') { format!("file://{out}") } else { out }
}

fn pretty(value: &Value) -> String {
    // A value made of strings and numbers always has a text.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Bytes of a line that are shown around the finding.
const MAX_EXCERPT: usize = 120;

#[cfg(test)]
mod tests {
    use super::super::{Diagnostic, Place};
    use super::{Format, Report};

    fn render(format: Format) -> String {
        let text = b"debug = 2\nchildren = \"4\"\n";
        let place = Place::at(&"a b.cfg".into(), text, 21);
        let findings = [Diagnostic::error("C016", place, "children expects a number").with_hint("no quotes")];
        let report =
            Report { tool: "sip-proxy", version: "1", rules: &[("C016", "wrong type")], findings: &findings };
        report.render(format, |name| (name == "a b.cfg").then_some(&text[..]))
    }

    #[test]
    fn text_shows_the_line_and_the_column() {
        let expected = "a b.cfg:2:12: error: children expects a number, no quotes [C016]\n    children = \"4\"\n               ^\n";
        assert_eq!(render(Format::Text), expected);
    }

    #[test]
    fn json_holds_every_field() {
        let value: serde_json::Value = serde_json::from_str(&render(Format::Json)).expect("it is JSON");
        let finding = &value["findings"][0];
        assert_eq!((finding["line"].as_u64(), finding["column"].as_u64()), (Some(2), Some(12)));
        assert_eq!((finding["code"].as_str(), finding["hint"].as_str()), (Some("C016"), Some("no quotes")));
    }

    #[test]
    fn sarif_has_rule_level_and_region() {
        let value: serde_json::Value = serde_json::from_str(&render(Format::Sarif)).expect("it is JSON");
        let run = &value["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "C016");
        assert_eq!(run["results"][0]["level"], "error");
        let location = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%20b.cfg");
        assert_eq!(location["region"]["startLine"], 2);
    }

    #[test]
    fn places_outside_of_the_text_have_no_excerpt() {
        let place = Place { source: "x".into(), line: 9, column: 9 };
        let findings = [Diagnostic::warning("C001", place, "far")];
        let report = Report { tool: "t", version: "1", rules: &[], findings: &findings };
        assert_eq!(report.render(Format::Text, |_| Some(b"one line")), "x:9:9: warning: far [C001]\n");
    }
}
