//! The list of destinations as it is written: lines of a file or rows of a table, and the attributes in them.

use std::fmt;

use bytes::Bytes;

use crate::api::parse_int;
use crate::store::{Cell, Row};

/// One destination as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) set: i64,
    pub(super) uri: Bytes,
    pub(super) flags: i64,
    pub(super) priority: i64,
    pub(super) attrs: Bytes,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LineError {
    /// Its number, from 1.
    line: usize,
    what: &'static str,
}

/// Takes lines of `setid uri [flags [priority [attrs]]]`; `#` starts a comment. Errors: the first wrong line.
pub(super) fn of_file(text: &[u8]) -> Result<Vec<Line>, LineError> {
    let mut lines = Vec::new();
    for (at, text) in text.split(|byte| *byte == b'\n').enumerate() {
        let text = text.split(|byte| *byte == b'#').next().unwrap_or_default();
        let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let Some(set) = words.next() else { continue };
        let wrong = |what| LineError { line: at + 1, what };
        let set = parse_int(set).ok_or(wrong("the set is not a number"))?;
        let uri = words.next().ok_or(wrong("there is no URI"))?;
        let mut line = Line { set, uri: with_scheme(uri), ..Line::default() };
        let (flags, rest) = leading_number(words.next().unwrap_or_default());
        line.flags = flags;
        if rest.is_empty() {
            line.priority = words.next().and_then(parse_int).unwrap_or(0);
            line.attrs = Bytes::copy_from_slice(words.next().unwrap_or_default());
        } else {
            // What is no number begins the attributes, `0x20` too (seen on Kamailio 5.6.3).
            line.attrs = Bytes::copy_from_slice(rest);
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Takes rows of set, destination, flags, priority, attributes, and further attributes with these names.
pub(super) fn of_rows(rows: &[Row], names: &[String]) -> Result<Vec<Line>, LineError> {
    rows.iter()
        .enumerate()
        .map(|(at, row)| of_row(row, names).map_err(|what| LineError { line: at + 1, what }))
        .collect()
}

fn of_row(row: &Row, names: &[String]) -> Result<Line, &'static str> {
    let int = |column: usize| row.get(column).and_then(Cell::to_int);
    let text = |column: usize| row.get(column).and_then(Cell::to_text).filter(|text| !text.is_empty());
    let mut attrs = text(4).unwrap_or_default().to_vec();
    for (at, name) in names.iter().enumerate() {
        if let Some(value) = text(5 + at) {
            if !attrs.is_empty() && !attrs.ends_with(b";") {
                attrs.push(b';');
            }
            attrs.extend_from_slice(&[name.as_bytes(), b"=", &value].concat());
        }
    }
    Ok(Line {
        set: int(0).ok_or("there is no set")?,
        uri: with_scheme(&text(1).ok_or("there is no destination")?),
        flags: int(2).unwrap_or(0),
        priority: int(3).unwrap_or(0),
        attrs: attrs.into(),
    })
}

/// `sip:` is put in front of what has no scheme.
pub(super) fn with_scheme(uri: &[u8]) -> Bytes {
    let has = |scheme: &[u8]| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    match has(b"sip:") || has(b"sips:") {
        true => Bytes::copy_from_slice(uri),
        false => [b"sip:", uri].concat().into(),
    }
}

fn leading_number(word: &[u8]) -> (i64, &[u8]) {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (parse_int(&word[..digits]).unwrap_or(0), &word[digits..])
}

/// The attributes with a meaning here; all of them stay in the text for the script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attrs {
    pub(super) text: Bytes,
    /// Name of the destination where calls are counted.
    pub(super) duid: Bytes,
    /// Most calls at a time, 0 for any number.
    pub(super) max_load: u32,
    /// 0 for none.
    pub(super) weight: u32,
    /// 0 for none.
    pub(super) rweight: u32,
    /// Whether the relative weight is lowered while answers are slow.
    pub(super) has_congestion_control: bool,
    pub(super) socket: Bytes,
    pub(super) socket_name: Bytes,
    /// Where pings are sent instead.
    pub(super) outbound_proxy: Bytes,
    pub(super) ping_from: Bytes,
    /// Milliseconds it is expected to take.
    pub(super) latency: u32,
}

impl Attrs {
    /// Reads `name=value;name=value`.
    pub(super) fn parse(text: &Bytes) -> Attrs {
        let mut attrs = Attrs { text: text.clone(), ..Attrs::default() };
        for pair in text.split(|byte| *byte == b';') {
            let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let name = pair[..equals].trim_ascii();
            let value = text.slice_ref(pair.get(equals + 1..).unwrap_or_default().trim_ascii());
            let number = || parse_int(&value).and_then(|number| u32::try_from(number).ok());
            let percent = || number().filter(|number| (1..=100).contains(number)).unwrap_or(0);
            match name {
                b"duid" => attrs.duid = value,
                b"maxload" => attrs.max_load = number().unwrap_or(0),
                b"weight" => attrs.weight = percent(),
                b"rweight" => attrs.rweight = percent(),
                b"cc" => attrs.has_congestion_control = number() == Some(1),
                b"socket" => attrs.socket = value,
                b"sockname" => attrs.socket_name = value,
                b"obproxy" => attrs.outbound_proxy = value,
                b"ping_from" => attrs.ping_from = value,
                b"latency" => attrs.latency = number().unwrap_or(0),
                _ => {}
            }
        }
        attrs
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::{Attrs, Line, of_file, of_rows};
    use crate::store::Cell;

    #[test]
    fn lines_have_up_to_five_fields() {
        let lines =
            of_file(b"# a comment\n1 sip:a\n 2\t192.0.2.1:5070 9 3 weight=5;x=1 # behind\n3 sip:c 0x20\n\n")
                .expect("right");
        let expected = [
            Line { set: 1, uri: "sip:a".into(), ..Line::default() },
            Line {
                set: 2,
                uri: "sip:192.0.2.1:5070".into(),
                flags: 9,
                priority: 3,
                attrs: "weight=5;x=1".into(),
            },
            Line { set: 3, uri: "sip:c".into(), attrs: "x20".into(), ..Line::default() },
        ];
        assert_eq!(lines, expected);
        for (text, error) in
            [("1 sip:a\nx sip:b", "2: the set is not a number"), ("\n5", "2: there is no URI")]
        {
            assert_eq!(of_file(text.as_bytes()).expect_err(text).to_string(), error);
        }
    }

    #[test]
    fn rows_may_have_more_attributes() {
        let row = vec![
            Cell::Int(1),
            Cell::text(b"sip:a"),
            Cell::Int(0),
            Cell::Null,
            Cell::text(b"weight=5"),
            Cell::text(b"udp:127.0.0.1"),
        ];
        let lines = of_rows(&[row], &["socket".to_owned()]).expect("right");
        let attrs = Attrs::parse(&lines[0].attrs);
        assert_eq!((attrs.weight, &attrs.socket[..]), (5, &b"udp:127.0.0.1"[..]));
    }

    #[test]
    fn weights_are_between_1_and_100() {
        let attrs = Attrs::parse(&"weight=101;rweight=0;maxload=7;duid=x;cc=1;latency=20;other=1".into());
        assert_eq!((attrs.weight, attrs.rweight, attrs.max_load), (0, 0, 7));
        assert!(attrs.has_congestion_control && attrs.duid == "x" && attrs.latency == 20);
    }
}
