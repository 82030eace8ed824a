//! The PRINTF form of injection files: a few template lines stand for many, numbered with `%d`.

/// `PRINTF=count,PRINTFOFFSET=offset,PRINTFMULTIPLE=multiple`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printf {
    /// Number of virtual lines.
    pub(super) count: u32,
    templates: u32,
    offset: i64,
    multiple: i64,
}

impl Printf {
    /// Reads the parameters behind the order in the first line; `None` without `PRINTF=`.
    pub(super) fn parse(head: &str, templates: u32) -> Option<Printf> {
        let number = |name: &str| {
            let at = head.find(name)? + name.len();
            let end =
                head[at..].find(|c: char| c != '-' && !c.is_ascii_digit()).map_or(head.len(), |n| at + n);
            head[at..end].parse::<i64>().ok()
        };
        let count = u32::try_from(number("PRINTF=")?).ok().filter(|count| *count > 0)?;
        Some(Printf {
            count,
            templates,
            offset: number("PRINTFOFFSET=").unwrap_or(0),
            multiple: number("PRINTFMULTIPLE=").unwrap_or(1),
        })
    }

    /// The template line behind a virtual one.
    pub(super) fn template_of(self, line: u32) -> u32 {
        line % self.templates
    }

    /// Appends `text` with each `%d` form replaced by the number of `line`; `%%` gives one `%`.
    pub(super) fn write(self, text: &[u8], line: u32, out: &mut Vec<u8>) {
        let value = self.offset.saturating_add(i64::from(line).saturating_mul(self.multiple));
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'%', rest) {
            out.extend_from_slice(&rest[..at]);
            let (form, letter, after) = split_conversion(&rest[at + 1..]);
            match letter {
                b'%' => out.push(b'%'),
                _ => write_decimal(form, value, out),
            }
            rest = after;
        }
        out.extend_from_slice(rest);
    }
}

/// The letter of the first conversion that is neither `%d` nor `%%`.
pub(super) fn foreign_conversion(text: &[u8]) -> Option<char> {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'%', rest) {
        let (_, letter, after) = split_conversion(&rest[at + 1..]);
        if !matches!(letter, b'd' | b'%') {
            return Some(char::from(letter));
        }
        rest = after;
    }
    None
}

/// Flags and width, letter, and what follows; a lone `%` at the end has letter `%`.
fn split_conversion(text: &[u8]) -> (&[u8], u8, &[u8]) {
    let len = text.iter().position(|byte| !byte.is_ascii_digit() && !b".-".contains(byte));
    match len {
        Some(len) => (&text[..len], text[len], &text[len + 1..]),
        None => (text, b'%', &[]),
    }
}

fn write_decimal(form: &[u8], value: i64, out: &mut Vec<u8>) {
    let form = std::str::from_utf8(form).expect("digits, points and dashes");
    let (flags, precision) = form.split_once('.').unwrap_or((form, ""));
    let left = flags.starts_with('-');
    let digits = flags.trim_start_matches('-');
    let zeros = digits.starts_with('0') && !left && precision.is_empty();
    // A width beyond this is a slip of the finger, and would only fill memory.
    let width = digits.parse::<usize>().unwrap_or(0).min(1024);
    let precision = precision.parse::<usize>().unwrap_or(0).min(1024);
    let text = if value < 0 {
        format!("-{:0precision$}", value.unsigned_abs())
    } else {
        format!("{value:0precision$}")
    };
    let padded = match (left, zeros) {
        (true, _) => format!("{text:<width$}"),
        (false, true) => format!("{value:0width$}"),
        (false, false) => format!("{text:>width$}"),
    };
    out.extend_from_slice(padded.as_bytes());
}
