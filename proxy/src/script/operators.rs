//! The operators on values: pure, used when expressions run and when constants are folded.
//!
//! The left operand decides: `+` adds behind a number and joins behind a text, `==` compares as the left
//! side is. Numbers are 64 bits and wrap.

use bytes::Bytes;

use super::program::{Binary, Unary};
use crate::api::Value;

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Division or modulo by zero.
    ZeroDivisor,
    /// A text that came out of a variable is not a regular expression.
    Pattern(String),
}

/// Applies an operator with one operand.
pub(super) fn unary(op: Unary, value: &Value) -> Value {
    let is = |truth: bool| Value::Int(i64::from(truth));
    match op {
        Unary::Not => is(value.to_int() == 0),
        Unary::Truth => is(value.to_int() != 0),
        Unary::BitNot => Value::Int(!value.to_int()),
        Unary::Neg => Value::Int(value.to_int().wrapping_neg()),
        Unary::ToInt => Value::Int(value.to_int()),
        Unary::ToStr => Value::Str(value.to_text()),
        Unary::IsDefined => is(!value.is_null()),
        Unary::IsNull => is(value.is_null()),
        Unary::Strlen => Value::Int(value.text_len() as i64),
        Unary::Strempty => is(value.text_len() == 0),
        Unary::NullToEmpty if value.is_null() => Value::EMPTY,
        Unary::NullToEmpty => value.clone(),
    }
}

/// Applies an operator with two operands. Errors: `ZeroDivisor`.
pub(super) fn binary(op: Binary, left: &Value, right: &Value) -> Result<Value, Failure> {
    let is = |truth: bool| Ok(Value::Int(i64::from(truth)));
    let (a, b) = match op {
        Binary::Add => return Ok(add(left, right)),
        Binary::Eq => return is(equal(left, right)),
        Binary::Ne => return is(!equal(left, right)),
        Binary::StrEq => return is(same_text(left, right)),
        Binary::StrNe => return is(!same_text(left, right)),
        _ => (left.to_int(), right.to_int()),
    };
    match op {
        Binary::Gt => return is(a > b),
        Binary::Lt => return is(a < b),
        Binary::Ge => return is(a >= b),
        Binary::Le => return is(a <= b),
        Binary::IntEq => return is(a == b),
        Binary::IntNe => return is(a != b),
        Binary::Div | Binary::Mod if b == 0 => return Err(Failure::ZeroDivisor),
        _ => {}
    }
    Ok(Value::Int(match op {
        Binary::Sub => a.wrapping_sub(b),
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div => a.wrapping_div(b),
        Binary::Mod => a.wrapping_rem(b),
        Binary::BitOr => a | b,
        Binary::BitAnd => a & b,
        Binary::BitXor => a ^ b,
        // Shifts count modulo the width, as the processor does it.
        Binary::Shl => a.wrapping_shl(b as u32),
        Binary::Shr => a.wrapping_shr(b as u32),
        Binary::Add | Binary::Eq | Binary::Ne | Binary::StrEq | Binary::StrNe => 0,
        Binary::Gt | Binary::Lt | Binary::Ge | Binary::Le | Binary::IntEq | Binary::IntNe => 0,
    }))
}

fn add(left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::Int(a), _) => Value::Int(a.wrapping_add(right.to_int())),
        (Value::Null, _) => Value::Str(right.to_text()),
        (_, Value::Null) => Value::Str(left.to_text()),
        _ => {
            let mut joined = Vec::with_capacity(left.text_len() + right.text_len());
            left.write_text(&mut joined);
            right.write_text(&mut joined);
            Value::Str(Bytes::from(joined))
        }
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Int(a), _) => *a == right.to_int(),
        // Null takes the type of the other side.
        (Value::Null, Value::Int(b)) => *b == 0,
        (Value::Null, _) => right.text_len() == 0,
        _ => same_text(left, right),
    }
}

fn same_text(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Str(a) | Value::Both { text: a, .. }, Value::Str(b) | Value::Both { text: b, .. }) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        _ => left.to_text() == right.to_text(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::Binary;
    use super::{Failure, Value, binary};

    #[test]
    fn the_left_operand_decides() {
        let text = Value::literal;
        // Measured on Kamailio 5.6.3.
        let rows = [
            (Binary::Add, Value::Int(5), text("3"), "8"),
            (Binary::Add, text("3"), Value::Int(5), "35"),
            (Binary::Add, Value::Null, text("a"), "a"),
            (Binary::Add, Value::Int(1), Value::Null, "1"),
            (Binary::Add, Value::Null, Value::Null, ""),
            (Binary::Sub, text("x"), Value::Int(1), "-1"),
            (Binary::Div, Value::Int(-7), Value::Int(2), "-3"),
            (Binary::Mod, Value::Int(-7), Value::Int(3), "-1"),
            (Binary::Shr, Value::Int(-8), Value::Int(1), "-4"),
            (Binary::Eq, Value::Int(5), text("05"), "1"),
            (Binary::Eq, text("012"), Value::Int(12), "0"),
            (Binary::Eq, Value::Null, Value::Int(0), "1"),
            (Binary::Eq, Value::Null, text(""), "1"),
            (Binary::Eq, Value::Null, text("a"), "0"),
            (Binary::Eq, Value::Null, Value::Null, "1"),
            (Binary::Eq, Value::Int(0), Value::Null, "1"),
            (Binary::Eq, text("abc"), Value::Int(0), "0"),
            (Binary::IntEq, text("x"), Value::Int(12), "0"),
            (Binary::Gt, Value::Null, Value::Int(-1), "1"),
        ];
        for (op, left, right, expected) in rows {
            let value = binary(op, &left, &right).expect("no division by zero here");
            assert_eq!(value.to_text(), expected, "{left:?} {op:?} {right:?}");
        }
    }

    #[test]
    fn numbers_wrap_and_zero_does_not_divide() {
        let max = Value::Int(i64::MAX);
        let wrapped = binary(Binary::Add, &max, &Value::Int(1)).expect("wraps");
        assert_eq!(wrapped.to_int(), i64::MIN);
        let wrapped = binary(Binary::Div, &Value::Int(i64::MIN), &Value::Int(-1)).expect("wraps");
        assert_eq!(wrapped.to_int(), i64::MIN);
        for op in [Binary::Div, Binary::Mod] {
            assert_eq!(binary(op, &max, &Value::Int(0)).expect_err("zero"), Failure::ZeroDivisor);
        }
    }
}
