//! Log lines to standard error: ` 1(4711) ERROR: text` as the original writes them, with colours, or as JSON.
//!
//! The number in front names the thread: 0 is the one that started the others, shards count from 1.
#![allow(clippy::print_stderr, reason = "this is where log lines go")]

use std::process;
use std::thread;

use crate::api::Line;

/// One line of text.
pub fn plain(line: &Line) {
    eprintln!("{:>2}({}) {}: {}", thread_number(), process::id(), line.level.word(), text(&line.text));
}

/// The same with the level in red, yellow or green (`log_color`).
pub fn coloured(line: &Line) {
    let colour = match line.level.0 {
        ..=-1 => 31,
        0 => 33,
        1.. => 32,
    };
    let (number, word) = (thread_number(), line.level.word());
    eprintln!("{number:>2}({}) \x1b[{colour}m{word}\x1b[0m: {}", process::id(), text(&line.text));
}

/// One JSON object a line (`log_engine_type="json"`).
pub fn json(line: &Line) {
    eprintln!("{}", object(line, (thread_number(), process::id())));
}

/// The names are the original's; those of its source files have no counterpart.
fn object(line: &Line, (number, process): (usize, u32)) -> String {
    let quoted = |bytes: &[u8]| serde_json::Value::from(text(bytes)).to_string();
    let (prefix, message) = line.text.split_at(line.prefix);
    let message = message.strip_prefix(b"<script>: ").unwrap_or(message);
    format!(
        "{{ \"idx\": {number}, \"pid\": {process}, \"level\": \"{}\", \"logprefix\": {}, \"message\": {} }}",
        line.level.word(),
        quoted(prefix),
        quoted(message),
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn thread_number() -> usize {
    let thread = thread::current();
    let shard = thread.name().and_then(|name| name.strip_prefix("shard-")?.parse::<usize>().ok());
    shard.map_or(0, |shard| shard + 1)
}

#[cfg(test)]
mod tests {
    use super::object;
    use crate::api::{Level, Line};

    #[test]
    fn a_json_line_has_the_members_of_the_original() {
        let line = Line {
            level: Level::ERR,
            facility: None,
            prefix: 5,
            text: "{c1} <script>: hello \"x\" OPTIONS".into(),
        };
        let expected = r#"{ "idx": 1, "pid": 7, "level": "ERROR", "logprefix": "{c1} ", "message": "hello \"x\" OPTIONS" }"#;
        assert_eq!(object(&line, (1, 7)), expected);
    }
}
