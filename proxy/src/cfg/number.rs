//! Number tokens: decimal, octal `010`, hexadecimal `0x1f`, binary `101b`.

/// Why a token that starts with a digit is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    /// It does not have the form of any number: `08`, `0X1`, `12abc`.
    Form,
    /// It does not fit 64 bits with sign.
    Range,
}

/// The value of a number token.
///
/// Errors: as [`NumberError`] says. Kamailio wraps numbers beyond 32 bits silently; here they are 64 bits and
/// more is an error.
pub(super) fn parse(raw: &[u8]) -> Result<i64, NumberError> {
    let digits = |digits: &[u8], radix: u32| {
        let text = std::str::from_utf8(digits).map_err(|_| NumberError::Form)?;
        if text.is_empty() || !text.chars().all(|digit| digit.is_digit(radix)) {
            return Err(NumberError::Form);
        }
        i64::from_str_radix(text, radix).map_err(|_| NumberError::Range)
    };
    match raw {
        [binary @ .., b'b'] if !raw.starts_with(b"0x") => digits(binary, 2),
        [b'0', b'x', hex @ ..] => digits(hex, 16),
        [b'0', octal @ ..] if !octal.is_empty() => digits(octal, 8),
        decimal => digits(decimal, 10),
    }
}

#[cfg(test)]
mod tests {
    use super::{NumberError, parse};

    #[test]
    fn reads_the_four_forms() {
        let rows: &[(&str, Result<i64, NumberError>)] = &[
            ("0", Ok(0)),
            ("42", Ok(42)),
            ("010", Ok(8)),
            ("0x10", Ok(16)),
            ("0x1b", Ok(27)),
            ("101b", Ok(5)),
            ("2147483648", Ok(2_147_483_648)),
            ("08", Err(NumberError::Form)),
            ("0X1", Err(NumberError::Form)),
            ("0x", Err(NumberError::Form)),
            ("12abc", Err(NumberError::Form)),
            ("102b", Err(NumberError::Form)),
            ("99999999999999999999", Err(NumberError::Range)),
        ];
        for (raw, expected) in rows {
            assert_eq!(parse(raw.as_bytes()), *expected, "{raw}");
        }
    }
}
