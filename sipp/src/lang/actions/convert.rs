//! Conversions of texts: to a number, without blanks, percent-encoded and back (RFC 3986 2.1).

use super::super::{Action, ActionDef, Effect, Flow, Scope, Subject};
use crate::state::{Value, VarSlot};

pub(in crate::lang) const TODOUBLE: ActionDef = ActionDef {
    name: "todouble",
    attributes: &["assign_to", "variable"],
    parse: |attributes| {
        let (to, from) = (attributes.required_var("assign_to")?, attributes.required_var("variable")?);
        let text = |name| attributes.text(name).unwrap_or_default();
        let shown = (text("variable"), text("assign_to"));
        Ok(Box::new(ToDouble { to, from, shown }))
    },
    doc: "Converts a text to a number; decimal, hexadecimal and exponents.",
};

pub(in crate::lang) const TRIM: ActionDef = ActionDef {
    name: "trim",
    attributes: &["assign_to"],
    parse: |attributes| {
        Ok(Box::new(InPlace { variable: attributes.required_var("assign_to")?, convert: trimmed }))
    },
    doc: "Removes blanks at both ends of a text.",
};

pub(in crate::lang) const URLENCODE: ActionDef = ActionDef {
    name: "urlencode",
    attributes: &["variable"],
    parse: |attributes| {
        Ok(Box::new(InPlace { variable: attributes.required_var("variable")?, convert: encoded }))
    },
    doc: "Percent-encodes a text.",
};

pub(in crate::lang) const URLDECODE: ActionDef = ActionDef {
    name: "urldecode",
    attributes: &["variable"],
    parse: |attributes| {
        Ok(Box::new(InPlace { variable: attributes.required_var("variable")?, convert: decoded }))
    },
    doc: "Decodes a percent-encoded text; + becomes a blank.",
};

#[derive(Debug)]
struct ToDouble {
    to: VarSlot,
    from: VarSlot,
    shown: (String, String),
}

impl Action for ToDouble {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        let number = match scope.var(self.from) {
            Value::Number(number) => Some(*number),
            Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
            Value::Text(text) => parse_double(text),
            Value::Unset => None,
        };
        match number {
            Some(number) => scope.set_var(self.to, Value::Number(number)),
            None => {
                let (from, to) = &self.shown;
                scope.warn(format!("Invalid double conversion from ${from} to ${to}"));
            }
        }
        Flow::Continue
    }
}

/// A number as C's `strtod` reads it, which must fill the text; blanks may stand before it.
fn parse_double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(|number| sign * number as f64);
    }
    let starts_right = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    digits.parse::<f64>().ok().filter(|_| starts_right).map(|number| sign * number)
}

#[derive(Debug)]
struct InPlace {
    variable: VarSlot,
    convert: fn(&[u8]) -> Vec<u8>,
}

impl Action for InPlace {
    fn run(&self, scope: &mut Scope<'_>, _subject: Subject<'_>, _effects: &mut Vec<Effect>) -> Flow {
        if let Value::Text(text) = scope.var(self.variable) {
            let converted = (self.convert)(text);
            scope.set_var(self.variable, Value::Text(converted.into()));
        }
        Flow::Continue
    }
}

fn trimmed(text: &[u8]) -> Vec<u8> {
    text.trim_ascii().to_vec()
}

fn encoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let code = hex.filter(|_| *byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(code.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    out
}
