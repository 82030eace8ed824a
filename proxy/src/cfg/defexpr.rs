//! Expressions of `#!ifexp` and `#!defexp`: numbers, strings and defines, evaluated while scanning.

use super::define::Defines;
use super::limits;
use super::number;
use super::text;
use super::token::Punct;

/// A value of a preprocessor expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i64),
    Text(Vec<u8>),
}

impl Value {
    /// A non-zero number or a text that is not empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Value::Int(value) => *value != 0,
            Value::Text(text) => !text.is_empty(),
        }
    }

    /// As plain text.
    pub(super) fn to_text(&self) -> Vec<u8> {
        match self {
            Value::Int(value) => value.to_string().into_bytes(),
            Value::Text(text) => text.clone(),
        }
    }

    /// As a token of the language: texts in quotes.
    pub(super) fn to_token(&self) -> Vec<u8> {
        match self {
            Value::Int(value) => value.to_string().into_bytes(),
            Value::Text(text) => text::quote(text),
        }
    }

    fn to_int(&self) -> i64 {
        match self {
            Value::Int(value) => *value,
            Value::Text(text) => {
                std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
            }
        }
    }
}

/// Evaluates an expression. An unknown name is 0, a define without value is 1.
///
/// Errors: a message for the user.
pub(super) fn evaluate(text: &[u8], defines: &Defines) -> Result<Value, String> {
    let mut reader = Reader { rest: text, defines, depth: 0 };
    let value = reader.binary(0)?;
    let rest = reader.rest.trim_ascii_start();
    if rest.is_empty() || rest.starts_with(b"#") || rest.starts_with(b"//") {
        Ok(value)
    } else {
        Err(format!("an operator was expected before {}", String::from_utf8_lossy(rest)))
    }
}

struct Reader<'t> {
    rest: &'t [u8],
    defines: &'t Defines,
    depth: usize,
}

impl Reader<'_> {
    fn binary(&mut self, min_level: u8) -> Result<Value, String> {
        let mut left = self.operand()?;
        loop {
            self.rest = self.rest.trim_ascii_start();
            if self.rest.starts_with(b"//") {
                return Ok(left);
            }
            let Some((punct, level)) = Punct::scan(self.rest).and_then(|punct| Some((punct, level(punct)?)))
            else {
                return Ok(left);
            };
            if level < min_level {
                return Ok(left);
            }
            self.rest = &self.rest[punct.text().len()..];
            let right = self.binary(level + 1)?;
            left = apply(punct, &left, &right)?;
        }
    }

    fn operand(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > limits::MAX_NESTING {
            return Err(format!("the expression nests deeper than {}", limits::MAX_NESTING));
        }
        let value = self.nested_operand();
        self.depth -= 1;
        value
    }

    fn nested_operand(&mut self) -> Result<Value, String> {
        self.rest = self.rest.trim_ascii_start();
        let expected = "a number, a name, a string or \"(\" was expected in the expression";
        match self.rest.first() {
            Some(b'!') => {
                self.rest = &self.rest[1..];
                Ok(Value::Int(i64::from(!self.operand()?.is_true())))
            }
            Some(b'-') => {
                self.rest = &self.rest[1..];
                Ok(Value::Int(self.operand()?.to_int().wrapping_neg()))
            }
            Some(b'(') => {
                self.rest = &self.rest[1..];
                let value = self.binary(0)?;
                self.rest = self.rest.trim_ascii_start();
                self.rest = self.rest.strip_prefix(b")").ok_or("\")\" was expected in the expression")?;
                Ok(value)
            }
            Some(b'"') => {
                let len =
                    text::quoted_len(self.rest).ok_or("a string in the expression has no closing quote")?;
                let value = text::unescape(&self.rest[1..len - 1]).into_owned();
                self.rest = &self.rest[len..];
                Ok(Value::Text(value))
            }
            Some(first) if super::lex::is_word_byte(*first) => self.word(),
            _ => Err(expected.to_owned()),
        }
    }

    fn word(&mut self) -> Result<Value, String> {
        let len = self.rest.iter().take_while(|&&byte| super::lex::is_word_byte(byte)).count();
        let (word, rest) = self.rest.split_at(len);
        self.rest = rest;
        if word[0].is_ascii_digit() {
            return number::parse(word)
                .map(Value::Int)
                .map_err(|_| format!("{} is not a number", String::from_utf8_lossy(word)));
        }
        let Some(value) = self.defines.get(word) else { return Ok(Value::Int(0)) };
        let value = value.trim_ascii();
        Ok(match value {
            [] => Value::Int(1),
            [b'"', ..] if text::quoted_len(value) == Some(value.len()) => {
                Value::Text(text::unescape(&value[1..value.len() - 1]).into_owned())
            }
            _ => number::parse(value).map_or_else(|_| Value::Text(value.to_vec()), Value::Int),
        })
    }
}

/// Binding strength, as in C.
fn level(punct: Punct) -> Option<u8> {
    Some(match punct {
        Punct::OrOr => 1,
        Punct::AndAnd => 2,
        Punct::EqEq | Punct::NotEq => 3,
        Punct::Lt | Punct::Gt | Punct::Le | Punct::Ge => 4,
        Punct::Plus | Punct::Minus => 5,
        Punct::Star | Punct::Slash | Punct::Percent => 6,
        _ => return None,
    })
}

fn apply(punct: Punct, left: &Value, right: &Value) -> Result<Value, String> {
    let texts = matches!((left, right), (Value::Text(_), Value::Text(_)));
    let equal = if texts { left == right } else { left.to_int() == right.to_int() };
    let (a, b) = (left.to_int(), right.to_int());
    let truth = |is_true: bool| Ok(Value::Int(i64::from(is_true)));
    match punct {
        Punct::OrOr => truth(left.is_true() || right.is_true()),
        Punct::AndAnd => truth(left.is_true() && right.is_true()),
        Punct::EqEq => truth(equal),
        Punct::NotEq => truth(!equal),
        Punct::Lt => truth(a < b),
        Punct::Gt => truth(a > b),
        Punct::Le => truth(a <= b),
        Punct::Ge => truth(a >= b),
        Punct::Plus if texts => Ok(Value::Text([left.to_text(), right.to_text()].concat())),
        Punct::Plus => Ok(Value::Int(a.wrapping_add(b))),
        Punct::Minus => Ok(Value::Int(a.wrapping_sub(b))),
        Punct::Star => Ok(Value::Int(a.wrapping_mul(b))),
        Punct::Slash | Punct::Percent if b == 0 => Err("division by zero in the expression".to_owned()),
        Punct::Slash => Ok(Value::Int(a.wrapping_div(b))),
        _ => Ok(Value::Int(a.wrapping_rem(b))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Defines, Value, evaluate};

    #[test]
    fn evaluates_numbers_strings_and_defines() {
        let mut defines = Defines::default();
        defines.set("N".into(), "5".into());
        defines.set("S".into(), "\"abc\"".into());
        defines.set("E".into(), "".into());
        let rows = [
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("N == 5 && E", 1),
            ("UNKNOWN", 0),
            ("!UNKNOWN", 1),
            ("S == \"abc\"", 1),
            ("S != \"abc\" || N % 2 == 1", 1),
            ("-N < 0", 1),
            ("10 / 3 # comment", 3),
        ];
        for (text, expected) in rows {
            assert_eq!(evaluate(text.as_bytes(), &defines), Ok(Value::Int(expected)), "{text}");
        }
        assert_eq!(evaluate(b"S", &defines), Ok(Value::Text(b"abc".to_vec())));
    }

    #[test]
    fn names_what_is_wrong() {
        let deep = "(".repeat(100_000);
        for text in ["", "1 +", "1 2", "(1", "1 / 0", "\"a", "08", &deep] {
            assert!(evaluate(text.as_bytes(), &Defines::default()).is_err());
        }
    }
}
