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
            Format::Sarif => pretty(&self.sarif(source)),
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

    fn sarif<'t>(&self, source: impl Fn(&str) -> Option<&'t [u8]>) -> Value {
        let result = |finding: &Diagnostic| {
            let rule = self.rules.iter().position(|(id, _)| *id == finding.code);
            sarif_result(finding, rule, source(&finding.place.source))
        };
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
                "columnKind": "unicodeCodePoints",
                "results": self.findings.iter().map(result).collect::<Vec<_>>(),
            }],
        })
    }
}

/// The line of the finding and a caret below its column.
fn excerpt(text: &[u8], finding: &Diagnostic, out: &mut String) {
    let Some(line) = line_of(text, finding) else { return };
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

/// SARIF 2.1.0 3.27; `rule`: the place of its code among the rules.
fn sarif_result(finding: &Diagnostic, rule: Option<usize>, source: Option<&[u8]>) -> Value {
    let text = match &finding.hint {
        Some(hint) => format!("{}, {hint}", finding.message),
        None => finding.message.clone(),
    };
    let column = source.map_or(finding.place.column, |text| column_in_letters(text, finding));
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.place.source) },
            "region": { "startLine": finding.place.line, "startColumn": column },
        }}],
    });
    if let Some(rule) = rule {
        result["ruleIndex"] = rule.into();
    }
    result
}

/// The column counted in letters: our own counts bytes, which SARIF does not know.
fn column_in_letters(text: &[u8], finding: &Diagnostic) -> u32 {
    let line = line_of(text, finding).unwrap_or_default();
    let before = &line[..line.len().min(finding.place.column as usize - 1)];
    String::from_utf8_lossy(before).chars().count() as u32 + 1
}

fn line_of<'t>(text: &'t [u8], finding: &Diagnostic) -> Option<&'t [u8]> {
    text.split(|&byte| byte == b'\n').nth((finding.place.line as usize).checked_sub(1)?)
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
        let text = "debug = 2\nchildren = \"4\"\n".as_bytes();
        let place = Place::at(&"a b.cfg".into(), text, 21);
        let findings = [Diagnostic::error("C016", place, "children expects a number").with_hint("no quotes")];
        let report =
            Report { tool: "sip-proxy", version: "1", rules: &[("C016", "wrong type")], findings: &findings };
        report.render(format, |name| (name == "a b.cfg").then_some(text))
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

    /// The whole document: what SARIF 2.1.0 requires (3.13 version and runs, 3.18 tool, 3.19 driver with its name, 3.49
    /// rules with ids, 3.27 results with messages), and nothing that its schema does not know.
    #[test]
    fn sarif_is_a_document_of_version_2_1_0() {
        let value: serde_json::Value = serde_json::from_str(&render(Format::Sarif)).expect("it is JSON");
        let expected = serde_json::json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "sip-proxy",
                    "version": "1",
                    "rules": [{ "id": "C016", "shortDescription": { "text": "wrong type" } }],
                }},
                "columnKind": "unicodeCodePoints",
                "results": [{
                    "ruleId": "C016",
                    "ruleIndex": 0,
                    "level": "error",
                    "message": { "text": "children expects a number, no quotes" },
                    "locations": [{ "physicalLocation": {
                        "artifactLocation": { "uri": "a%20b.cfg" },
                        "region": { "startLine": 2, "startColumn": 12 },
                    }}],
                }],
            }],
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn sarif_counts_letters_where_places_count_bytes() {
        let text = "\u{e9}\u{e9} x".as_bytes();
        let findings = [Diagnostic::warning("C001", Place::at(&"/t".into(), text, 5), "here")];
        assert_eq!(findings[0].place.column, 6);
        let report = Report { tool: "t", version: "1", rules: &[], findings: &findings };
        let value: serde_json::Value =
            serde_json::from_str(&report.render(Format::Sarif, |_| Some(text))).expect("it is JSON");
        let location = &value["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["region"]["startColumn"], 4);
        assert_eq!(location["artifactLocation"]["uri"], "file:///t");
    }

    #[test]
    fn places_outside_of_the_text_have_no_excerpt() {
        let place = Place { source: "x".into(), line: 9, column: 9 };
        let findings = [Diagnostic::warning("C001", place, "far")];
        let report = Report { tool: "t", version: "1", rules: &[], findings: &findings };
        assert_eq!(report.render(Format::Text, |_| Some(b"one line")), "x:9:9: warning: far [C001]\n");
    }
}
