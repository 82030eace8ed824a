//! Texts with variables in them (`"caller $fU from $si"`), compiled once and rendered at each use.

use bytes::Bytes;

use super::ctx::Ctx;
use super::pv::Pv;
use super::value::Value;

/// A compiled text.
#[derive(Clone, Debug, Default)]
pub struct Text {
    parts: Box<[Part]>,
}

/// One piece of a compiled text.
#[derive(Clone, Debug)]
pub enum Part {
    /// Bytes as they are.
    Literal(Bytes),
    /// A variable's text face.
    Pv(Pv),
}

impl Text {
    /// A text of these pieces.
    pub fn new(parts: Vec<Part>) -> Text {
        Text { parts: parts.into() }
    }

    /// A text without variables.
    pub fn literal(text: Bytes) -> Text {
        Text { parts: Box::new([Part::Literal(text)]) }
    }

    /// The pieces, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text when it holds no variable.
    pub fn as_literal(&self) -> Option<Bytes> {
        match &*self.parts {
            [] => Some(Bytes::new()),
            [Part::Literal(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// The value of the text: of a lone variable its own value, else the rendered text.
    pub fn value(&self, ctx: &mut Ctx<'_>) -> Value {
        match &*self.parts {
            [Part::Pv(pv)] => pv.get(ctx),
            _ => Value::Str(self.render(ctx)),
        }
    }

    /// The text with every variable replaced by its text face.
    pub fn render(&self, ctx: &mut Ctx<'_>) -> Bytes {
        if let Some(literal) = self.as_literal() {
            return literal;
        }
        let mut out = Vec::with_capacity(64);
        self.render_into(ctx, &mut out);
        Bytes::from(out)
    }

    /// Appends the rendered text to `out`. A null variable prints `<null>`; a null that a transformation
    /// made prints nothing.
    pub fn render_into(&self, ctx: &mut Ctx<'_>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.extend_from_slice(text),
                Part::Pv(pv) => match pv.get(ctx) {
                    Value::Null if pv.transforms.is_empty() => out.extend_from_slice(b"<null>"),
                    value => value.write_text(out),
                },
            }
        }
    }
}
