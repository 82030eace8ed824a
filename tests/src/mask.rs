//! Takes out of a text what differs from run to run: ports, process ids, times, and what a case names.

use regex::Regex;

/// What to take out, in order.
#[derive(Debug, Default)]
pub struct Mask {
    rules: Vec<(Regex, String)>,
}

impl Mask {
    /// A mask for times of day, dates and epochs.
    pub fn times() -> Mask {
        let mut mask = Mask::default();
        for (pattern, name) in [
            (r"\d{4}-\d\d-\d\d[ \tT]\d\d:\d\d:\d\d\.\d{6}(\t\d+\.\d{6})?", "TIME"),
            (r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "DATE"),
        ] {
            mask.add(pattern, name).expect("the patterns above compile");
        }
        mask
    }

    /// Replaces what `pattern` matches by `name` in angle brackets. Errors: a pattern that does not compile.
    pub fn add(&mut self, pattern: &str, name: &str) -> Result<(), String> {
        let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
        self.rules.push((regex, format!("<{name}>")));
        Ok(())
    }

    /// Replaces a number that stands alone (not within a longer one) by `name`.
    pub fn number(&mut self, number: u32, name: &str) {
        // `\b` alone would not find a number that a tag continues with letters, such as `1234SIPpTag00`.
        let pattern = format!(r"(?P<before>^|[^0-9]){number}(?P<after>$|[^0-9])");
        let regex = Regex::new(&pattern).expect("a number between two classes compiles");
        self.rules.push((regex, format!("${{before}}<{name}>${{after}}")));
    }

    /// `text` with all of it taken out.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_string();
        for (regex, name) in &self.rules {
            // Twice, since two numbers may share the byte between them.
            for _ in 0..2 {
                text = regex.replace_all(&text, name.as_str()).into_owned();
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn numbers_are_taken_out_alone_and_before_letters() {
        let mut mask = Mask::default();
        mask.number(1234, "PID");
        assert_eq!(
            mask.apply("1-1234@host;tag=1234SIPpTag00 x12345"),
            "1-<PID>@host;tag=<PID>SIPpTag00 x12345"
        );
    }

    #[test]
    fn times_of_the_logs_are_taken_out() {
        let text = "2026-11-21\t14:02:53.407307\t1795269773.407307: x\nDate: Sat, 21 Nov 2026 14:02:53 GMT";
        assert_eq!(Mask::times().apply(text), "<TIME>: x\nDate: <DATE>");
    }
}
