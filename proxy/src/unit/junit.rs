//! Verdicts as a JUnit document, which build servers read.

use super::Verdict;

/// The document: a suite for each file, a case for each test.
pub(super) fn document(verdicts: &[Verdict]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for suite in verdicts.chunk_by(|one, next| one.file == next.file) {
        let failures = suite.iter().filter(|verdict| verdict.failure.is_some()).count();
        let name = escape(&suite[0].file);
        out.push_str(&format!(
            "<testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n",
            suite.len()
        ));
        for verdict in suite {
            let head = format!("<testcase classname=\"{name}\" name=\"{}\"", escape(&verdict.name));
            match &verdict.failure {
                None => out.push_str(&format!("{head}/>\n")),
                Some(why) => out.push_str(&format!(
                    "{head}><failure message=\"{}\">{}</failure></testcase>\n",
                    escape(why.lines().next().unwrap_or_default()),
                    escape(why)
                )),
            }
        }
        out.push_str("</testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// XML 1.0 has no place for most control characters, not even escaped.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}
