//! The help text, made from the rows.

use super::table::ROWS;

/// The text of `-h`, with a newline at the end.
pub fn help() -> String {
    let mut out = String::from("Usage: sip-proxy [options]\nOptions:\n");
    for row in ROWS {
        let names = match (row.short, row.long) {
            (Some(short), Some(long)) => format!("-{short}, --{long}"),
            _ => row.name(),
        };
        let names = match (row.value_name(), row.short) {
            (Some(value), Some(_)) => format!("{names} {value}"),
            (Some(value), None) => format!("{names}={value}"),
            (None, _) => names,
        };
        let mut line = format!("    {names:<WIDTH$}");
        if names.len() >= WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(4 + WIDTH);
        }
        for word in row.doc.split(' ') {
            if line.len() + word.len() > LINE_WIDTH {
                out.push_str(line.trim_end());
                out.push('\n');
                line = " ".repeat(4 + WIDTH + 2);
            }
            line.push_str(word);
            line.push(' ');
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Columns of the names, and of a line.
const WIDTH: usize = 17;
const LINE_WIDTH: usize = 79;

#[cfg(test)]
mod tests {
    use super::{ROWS, help};

    #[test]
    fn names_every_option_in_lines_that_fit() {
        let text = help();
        for row in ROWS {
            assert!(text.contains(&row.name()), "{}", row.name());
        }
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    /// Every option that `kamailio -h` of 5.6.3 shows is taken.
    #[test]
    fn takes_all_options_of_kamailio() {
        let shorts = "aAbcdDeEfgGhIKlLmMnNOPQrRStTuvVxXYwW";
        for short in shorts.chars() {
            assert!(ROWS.iter().any(|row| row.short == Some(short)), "-{short}");
        }
        let longs = "alias atexit cfg-print debug help loadmodule log-engine modparam server-id subst substdef \
                     substdefs version";
        for long in longs.split_whitespace() {
            assert!(ROWS.iter().any(|row| row.long == Some(long)), "--{long}");
        }
    }
}
