//! Parameters: `;name=value`, `&name=value` of URI headers and `, name=value` of credentials.
//!
//! [`Params`] borrows the text and decodes while iterating. Values may be quoted strings; white space and
//! folds around separators are skipped (RFC 3261 7.3.1, 25.1 generic-param).

use std::borrow::Cow;

use crate::lex;

/// A run of parameters, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params<'a> {
    text: &'a [u8],
    separator: u8,
}

/// One parameter; all slices lie in the message it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name as written.
    pub name: &'a [u8],
    /// The value as written, quotes included; `None` for a flag such as `lr`.
    pub value: Option<&'a [u8]>,
    /// The whole parameter with the separator in front of it, where there is one: what an edit deletes.
    pub whole: &'a [u8],
}

impl<'a> Param<'a> {
    /// The value without quotes and escapes; empty for a flag.
    pub fn unquoted(self) -> Cow<'a, [u8]> {
        lex::unquote(self.value.unwrap_or_default())
    }
}

impl<'a> Params<'a> {
    /// The parameters of a header field or URI: `text` starts with `;` or is empty.
    pub fn semicolons(text: &'a [u8]) -> Params<'a> {
        Params { text, separator: b';' }
    }

    /// The header part of a URI behind the question mark: `name=value&name=value` (19.1.1).
    pub fn ampersands(text: &'a [u8]) -> Params<'a> {
        Params { text, separator: b'&' }
    }

    /// The parameters of a challenge or credentials: `name=value, name=value` (25.1 auth-param).
    pub fn commas(text: &'a [u8]) -> Params<'a> {
        Params { text, separator: b',' }
    }

    /// The text as written, separators included.
    pub fn as_bytes(self) -> &'a [u8] {
        self.text
    }

    /// True when there is no parameter.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// All parameters in order.
    pub fn iter(self) -> ParamIter<'a> {
        ParamIter { text: self.text, at: 0, separator: self.separator }
    }

    /// The first parameter of that name, any case.
    pub fn get(self, name: &[u8]) -> Option<Param<'a>> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name))
    }

    /// The value of the first parameter of that name as written; `None` when absent or a flag.
    pub fn value(self, name: &[u8]) -> Option<&'a [u8]> {
        self.get(name).and_then(|param| param.value)
    }

    /// True when a parameter of that name is there, with or without value.
    pub fn has(self, name: &[u8]) -> bool {
        self.get(name).is_some()
    }
}

impl<'a> IntoIterator for Params<'a> {
    type Item = Param<'a>;
    type IntoIter = ParamIter<'a>;

    fn into_iter(self) -> ParamIter<'a> {
        self.iter()
    }
}

/// Walks [`Params`]. Never fails: an empty parameter (`;;`) is skipped, an open quote runs to the end.
#[derive(Clone, Debug)]
pub struct ParamIter<'a> {
    text: &'a [u8],
    at: usize,
    separator: u8,
}

impl<'a> Iterator for ParamIter<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        let mut whole_start = self.at;
        loop {
            let byte = *self.text.get(self.at)?;
            if byte == self.separator {
                whole_start = self.at;
            } else if !lex::is_lws(byte) {
                break;
            }
            self.at += 1;
        }
        let rest = &self.text[self.at..];
        let name_len = rest.iter().position(|byte| *byte == b'=' || *byte == self.separator);
        let name = lex::trim_end(&rest[..name_len.unwrap_or(rest.len())]);
        let Some(equals) = name_len.filter(|at| rest[*at] == b'=') else {
            self.at += name_len.unwrap_or(rest.len());
            return Some(Param { name, value: None, whole: self.whole(whole_start) });
        };
        let value = lex::trim_start(&rest[equals + 1..]);
        let value_start = self.text.len() - value.len();
        let quoted =
            lex::quoted_end(value).unwrap_or(if value.first() == Some(&b'"') { value.len() } else { 0 });
        let len = memchr::memchr(self.separator, &value[quoted..]).map_or(value.len(), |end| quoted + end);
        self.at = value_start + len;
        Some(Param { name, value: Some(lex::trim_end(&value[..len])), whole: self.whole(whole_start) })
    }
}

impl<'a> ParamIter<'a> {
    /// From `start` to the present position without trailing white space.
    fn whole(&self, start: usize) -> &'a [u8] {
        lex::trim_end(&self.text[start..self.at])
    }
}

#[cfg(test)]
mod tests {
    use super::Params;

    fn text(params: Params<'_>) -> String {
        let one = |param: super::Param<'_>| {
            let value = param.value.map(|value| format!("={}", String::from_utf8_lossy(value)));
            format!("{}{}", String::from_utf8_lossy(param.name), value.unwrap_or_default())
        };
        params.iter().map(one).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn splits_at_separators_outside_quotes() {
        let rows: &[(&str, &str)] = &[
            ("", ""),
            (";lr", "lr"),
            (";branch=z9hG4bK1;rport", "branch=z9hG4bK1|rport"),
            (" ; a = 1 ;\r\n b=\" x;y\\\"=\" ; c", r#"a=1|b=" x;y\"="|c"#),
            (";;a;", "a"),
            (";a=", "a="),
            (";a=b=c", "a=b=c"),
            (";=b", "=b"),
            (";a=\"open;b=1", "a=\"open;b=1"),
            (";received=[2001:db8::1];x", "received=[2001:db8::1]|x"),
        ];
        for (input, expected) in rows {
            assert_eq!(text(Params::semicolons(input.as_bytes())), *expected, "{input}");
        }
        assert_eq!(text(Params::ampersands(b"to=a%40b&subject=x")), "to=a%40b|subject=x");
        assert_eq!(
            text(Params::commas(b"realm=\"a, b\", nonce=\"\",\r\n qop=auth")),
            "realm=\"a, b\"|nonce=\"\"|qop=auth"
        );
    }

    #[test]
    fn finds_by_name_in_any_case_and_reports_the_whole_parameter() {
        let params = Params::semicolons(b";Transport=tcp ;lr;x=\"q\\\"\"");
        assert_eq!(params.value(b"transport"), Some(&b"tcp"[..]));
        assert_eq!(params.get(b"TRANSPORT").map(|param| param.whole), Some(&b";Transport=tcp"[..]));
        assert_eq!(params.get(b"lr").map(|param| param.whole), Some(&b";lr"[..]));
        assert!(params.has(b"lr") && params.value(b"lr").is_none() && !params.has(b"l"));
        assert_eq!(params.get(b"x").expect("there").unquoted(), &b"q\""[..]);
    }
}
