//! Call-IDs of the calls we open, from `-cid_str`.

/// `-cid_str` with everything filled in that stays the same.
#[derive(Clone, Debug)]
pub(super) struct CallIdFormat {
    /// Literal text; the call number stands between each two pieces.
    pieces: Vec<String>,
}

impl CallIdFormat {
    /// `%u` is the call number, `%p` the process id, `%s` the local address; any other `%x` is a percent sign.
    pub(super) fn parse(format: &str, pid: u32, local_ip: &str) -> CallIdFormat {
        let mut pieces = vec![String::new()];
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            let last = pieces.last_mut().expect("there is always one piece");
            match letter {
                '%' => match letters.next() {
                    Some('u') => pieces.push(String::new()),
                    Some('p') => last.push_str(&pid.to_string()),
                    Some('s') => last.push_str(local_ip),
                    _ => last.push('%'),
                },
                letter => last.push(letter),
            }
        }
        CallIdFormat { pieces }
    }

    /// The Call-ID of that call.
    pub(super) fn write(&self, number: u64) -> Vec<u8> {
        self.pieces.join(&number.to_string()).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::CallIdFormat;

    #[test]
    fn formats_are_filled_in() {
        let rows = [("%u-%p@%s", "7-42@::1"), ("x%%%q%u%u", "x%%77"), ("plain", "plain"), ("%", "%")];
        for (format, id) in rows {
            assert_eq!(CallIdFormat::parse(format, 42, "::1").write(7), id.as_bytes(), "{format}");
        }
    }
}
