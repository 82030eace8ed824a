//! Attributes of an element as written, and typed readers that say what was expected.
//!
//! Used for messages and actions alike. A reader gives the first mistake of its attribute; who reads an element
//! collects the mistakes of all of them.

use std::time::Duration;

use crate::state::VarSlot;

use super::Names;
use super::template::{Template, TextKind};

/// One attribute: name, decoded value, and where both begin in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Name as written.
    pub name: String,
    /// Value after entities and backslash escapes.
    pub value: Vec<u8>,
    /// Offset of the name in the source.
    pub name_at: usize,
    /// Offset of the value in the source.
    pub value_at: usize,
}

/// A mistake in a user's text: where, which, and the likely fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Stable code.
    pub code: &'static str,
    /// Offset in the source.
    pub offset: usize,
    /// What is wrong and what was expected.
    pub message: String,
    /// The likely fix.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake without a hint.
    pub fn new(code: &'static str, offset: usize, message: impl Into<String>) -> Mistake {
        Mistake { code, offset, message: message.into(), hint: None }
    }

    /// The same with "did you mean" when one of `known` is near `written`.
    pub fn suggest<'k>(mut self, written: &str, known: impl IntoIterator<Item = &'k str>) -> Mistake {
        self.hint = sip::diag::nearest(written, known).map(|name| format!("did you mean {name}?"));
        self
    }
}

/// The attributes of one element, and what names in them mean.
pub struct Attributes<'e, 'n> {
    /// Element name.
    pub element: &'e str,
    /// Where the element begins.
    pub at: usize,
    /// As written.
    pub list: &'e [Attribute],
    /// What names mean.
    pub names: &'e mut Names<'n>,
}

/// The attribute that names what an action gives a value.
const ASSIGNED: &str = "assign_to";

impl Attributes<'_, '_> {
    /// The attribute, if written.
    pub fn get(&self, name: &str) -> Option<&Attribute> {
        self.list.iter().find(|attribute| attribute.name == name)
    }

    /// The value as text (bytes that are no UTF-8 are replaced).
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned())
    }

    /// The value as text. Error: it is absent.
    pub fn required(&self, name: &str) -> Result<String, Mistake> {
        self.text(name).ok_or_else(|| {
            Mistake::new("S021", self.at, format!("<{}> needs the attribute {name}", self.element))
        })
    }

    /// A mistake in the value of an attribute.
    pub fn bad(&self, name: &str, expected: &str) -> Mistake {
        let (at, value) = self.get(name).map_or((self.at, String::new()), |attribute| {
            (attribute.value_at, String::from_utf8_lossy(&attribute.value).into_owned())
        });
        Mistake::new("S022", at, format!("{name}=\"{value}\" is not valid, expected {expected}"))
    }

    /// `true`, `false` in any case, or a number (not 0 is true); false when absent.
    pub fn flag(&self, name: &str) -> Result<bool, Mistake> {
        let Some(value) = self.text(name) else { return Ok(false) };
        match value.to_ascii_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            number => {
                number.parse::<i64>().map(|number| number != 0).map_err(|_| self.bad(name, "true or false"))
            }
        }
    }

    /// A decimal number.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Mistake> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.bad(name, "a number"))
    }

    /// A decimal number. Error: it is absent, or no number.
    pub fn required_number(&self, name: &str) -> Result<f64, Mistake> {
        self.required(name)?;
        Ok(self.number(name)?.unwrap_or_default())
    }

    /// Whole milliseconds; 0 counts as absent.
    pub fn millis(&self, name: &str) -> Result<Option<Duration>, Mistake> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        if !(0.0..=f64::from(i32::MAX)).contains(&number) {
            return Err(self.bad(name, "milliseconds between 0 and 2147483647"));
        }
        Ok(Some(Duration::from_millis(number as u64)).filter(|span| !span.is_zero()))
    }

    /// The variable an attribute names.
    pub fn var(&mut self, name: &str) -> Result<Option<VarSlot>, Mistake> {
        let Some(value) = self.text(name) else { return Ok(None) };
        self.variable_of(name, &value).map(Some)
    }

    /// The variable an attribute names. Error: it is absent.
    pub fn required_var(&mut self, name: &str) -> Result<VarSlot, Mistake> {
        let value = self.required(name)?;
        self.variable_of(name, &value)
    }

    /// A comma-separated list of variables; empty when absent.
    pub fn vars(&mut self, name: &str) -> Result<Vec<VarSlot>, Mistake> {
        let Some(value) = self.text(name) else { return Ok(Vec::new()) };
        value.split(',').map(|part| self.variable_of(name, part)).collect()
    }

    /// A text with keywords, in one piece. Error: the first mistake in it; the others go to [`Names::more`].
    pub fn template(&mut self, name: &str) -> Result<Option<Template>, Mistake> {
        let Some(attribute) = self.list.iter().find(|attribute| attribute.name == name) else {
            return Ok(None);
        };
        Template::parse(&attribute.value, attribute.value_at, TextKind::Inline, self.names).map(Some).map_err(
            |mut mistakes| {
                let first = mistakes.remove(0);
                self.names.more.extend(mistakes);
                first
            },
        )
    }

    /// A text with keywords. Error: it is absent, or the first mistake in it.
    pub fn required_template(&mut self, name: &str) -> Result<Template, Mistake> {
        self.required(name)?;
        Ok(self.template(name)?.unwrap_or_default())
    }

    fn variable_of(&mut self, attribute: &str, name: &str) -> Result<VarSlot, Mistake> {
        if name.is_empty() || name.contains(['$', ',']) {
            return Err(self.bad(attribute, "a variable name without $ and comma"));
        }
        self.names.offset = self.get(attribute).map_or(self.at, |attribute| attribute.value_at);
        Ok(if attribute == ASSIGNED { self.names.assigned(name) } else { self.names.var(name) })
    }
}
