//! Remote procedures: the rows of a module's table, their results, and how the results of all shards become one.

use super::ctx::Shard;
use super::value::Value;

/// A remote procedure.
#[derive(Debug)]
pub struct RpcDef {
    /// Its name, `module.command`.
    pub name: &'static str,
    /// Which shards run it.
    pub scope: RpcScope,
    /// What it does.
    pub run: RpcFn,
    /// One line for the user.
    pub doc: &'static str,
}

/// What a remote procedure does: parameters in, result out.
pub type RpcFn = fn(&mut Shard, &[Value]) -> Result<RpcValue, RpcError>;

/// Which shards run a remote procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcScope {
    /// Any one: it reads or changes what shards share.
    One,
    /// Every one: the results are put together as a list.
    Every,
    /// Every one: the numbers of the results are added, field by field.
    Sum,
    /// One after the other until one does not refuse: the one that has what is named.
    Find,
}

impl RpcScope {
    /// Puts the results of the shards together. Errors: the refusal of the first shard, when no other answered, or
    /// when all must.
    pub fn join(self, results: Vec<Result<RpcValue, RpcError>>) -> Result<RpcValue, RpcError> {
        let mut results = results.into_iter();
        let Some(first) = results.next() else { return Ok(RpcValue::List(Vec::new())) };
        match self {
            RpcScope::One => first,
            RpcScope::Find => results.fold(first, |found, next| if found.is_ok() { found } else { next }),
            RpcScope::Sum => results.try_fold(first?, |sum, next| Ok(sum.plus(&next?))),
            RpcScope::Every => {
                let all = std::iter::once(first).chain(results).collect::<Result<Vec<_>, _>>()?;
                Ok(RpcValue::List(all.into_iter().flat_map(RpcValue::into_list).collect()))
            }
        }
    }
}

impl RpcValue {
    /// The values of a list, or the one value.
    fn into_list(self) -> Vec<RpcValue> {
        match self {
            RpcValue::List(list) => list,
            other => vec![other],
        }
    }

    /// The sum with a result of the same shape; texts stay as they are.
    fn plus(self, other: &RpcValue) -> RpcValue {
        match (self, other) {
            (RpcValue::Plain(Value::Int(one)), RpcValue::Plain(Value::Int(two))) => {
                RpcValue::Plain(Value::Int(one.saturating_add(*two)))
            }
            (RpcValue::Record(one), RpcValue::Record(two)) => {
                let of = |name: &String| two.iter().find(|(of, _)| of == name).map(|(_, value)| value);
                let sum = |(name, value): (String, RpcValue)| match of(&name) {
                    Some(other) => (name, value.plus(other)),
                    None => (name, value),
                };
                RpcValue::Record(one.into_iter().map(sum).collect())
            }
            (value, _) => value,
        }
    }
}

impl RpcError {
    /// A refusal.
    pub fn new(code: u16, reason: impl Into<String>) -> RpcError {
        RpcError { code, reason: reason.into() }
    }
}

/// The result of a remote procedure.
#[derive(Clone, Debug)]
pub enum RpcValue {
    /// A number or text.
    Plain(Value),
    /// Values in order.
    List(Vec<RpcValue>),
    /// Named values in order.
    Record(Vec<(String, RpcValue)>),
}

/// A remote procedure's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcError {
    /// A code in the style of SIP status codes.
    pub code: u16,
    /// The reason.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::{RpcError, RpcScope, RpcValue};
    use crate::api::Value;

    fn number(number: i64) -> RpcValue {
        RpcValue::Plain(Value::Int(number))
    }

    fn record(count: i64) -> RpcValue {
        RpcValue::Record(vec![
            ("count".into(), number(count)),
            ("name".into(), RpcValue::Plain(Value::literal("x"))),
        ])
    }

    #[test]
    fn results_of_shards_become_one() {
        let refusal = || Err(RpcError::new(404, "not here"));
        let joined = |scope: RpcScope, results| format!("{:?}", scope.join(results));
        let ok = |value: RpcValue| format!("{:?}", Ok::<_, RpcError>(value));
        assert_eq!(joined(RpcScope::Sum, vec![Ok(record(2)), Ok(record(3))]), ok(record(5)));
        assert_eq!(joined(RpcScope::Find, vec![refusal(), Ok(number(1)), refusal()]), ok(number(1)));
        assert_eq!(
            joined(RpcScope::Find, vec![refusal(), refusal()]),
            format!("{:?}", refusal() as Result<RpcValue, _>)
        );
        let lists = vec![Ok(RpcValue::List(vec![number(1)])), Ok(RpcValue::List(vec![number(2), number(3)]))];
        let all = RpcValue::List(vec![number(1), number(2), number(3)]);
        assert_eq!(joined(RpcScope::Every, lists), ok(all));
        assert_eq!(joined(RpcScope::One, vec![Ok(number(7)), Ok(number(8))]), ok(number(7)));
    }
}
