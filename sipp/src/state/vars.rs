//! Variables: typed values in numbered slots. Names were turned into slots when the scenario was compiled.

/// Where a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In one call.
    Call,
    /// In one user of `-users`, over all of its calls.
    User,
    /// In the whole run.
    Global,
}

/// A resolved variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VarSlot {
    /// Which table.
    pub scope: Scope,
    /// Place in that table.
    pub index: u16,
}

/// The value of a variable.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Never assigned.
    #[default]
    Unset,
    /// Text of a string assignment or of a regular expression that matched.
    Text(Box<[u8]>),
    /// A number.
    Number(f64),
    /// Result of a test.
    Bool(bool),
}

impl Value {
    /// A text value.
    pub fn text(bytes: &[u8]) -> Value {
        Value::Text(bytes.into())
    }

    /// What `test`, `condexec` and `next` look at: a double must not be 0, a bool must be true, a text is set
    /// once assigned, even when empty.
    pub fn is_set(&self) -> bool {
        match self {
            Value::Unset => false,
            Value::Text(_) => true,
            Value::Number(number) => *number != 0.0,
            Value::Bool(truth) => *truth,
        }
    }

    /// The number arithmetic sees: anything but a double counts as 0.
    pub fn number(&self) -> f64 {
        match self {
            Value::Number(number) => *number,
            _ => 0.0,
        }
    }

    /// Appends what `[$name]` prints: a double with six decimals, but nothing for 0 (as SIPp 3.6.1 does).
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Unset => {}
            Value::Text(text) => out.extend_from_slice(text),
            Value::Number(number) if *number == 0.0 => {}
            Value::Number(number) => out.extend_from_slice(format!("{number:.6}").as_bytes()),
            Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        }
    }
}

/// One table of variables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vars(Box<[Value]>);

impl Vars {
    /// A table of `count` unset variables; takes no memory when there are none.
    pub fn new(count: usize) -> Vars {
        Vars(vec![Value::Unset; count].into_boxed_slice())
    }

    /// The value in a slot; [`Value::Unset`] for a slot beyond the table.
    pub fn get(&self, index: u16) -> &Value {
        self.0.get(usize::from(index)).unwrap_or(&Value::Unset)
    }

    /// Changes the value in a slot; a slot beyond the table is ignored.
    pub fn set(&mut self, index: u16, value: Value) {
        if let Some(place) = self.0.get_mut(usize::from(index)) {
            *place = value;
        }
    }

    /// All values in order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn values_print_and_count_as_set_like_sipp() {
        let rows: [(Value, &[u8], bool); 9] = [
            (Value::Unset, b"", false),
            (Value::text(b"abc"), b"abc", true),
            (Value::text(b""), b"", true),
            (Value::Number(0.0), b"", false),
            (Value::Number(1.5), b"1.500000", true),
            (Value::Number(1e20), b"100000000000000000000.000000", true),
            (Value::Number(1e-7), b"0.000000", true),
            (Value::Bool(true), b"true", true),
            (Value::Bool(false), b"false", false),
        ];
        for (value, printed, set) in rows {
            let mut out = Vec::new();
            value.write(&mut out);
            assert_eq!((out.as_slice(), value.is_set()), (printed, set), "{value:?}");
        }
    }
}
