//! Module parameters after all `modparam` lines, and what a module's `load` function may touch.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::catalog::Catalog;
use super::def::{ModuleDef, ParamDefault};
use super::lifecycle::Lifecycle;
use super::state::Shared;
use super::value::Value;

/// The parameters of one module: those set, and the defaults of its table for the rest.
#[derive(Clone, Debug)]
pub struct Params {
    module: &'static ModuleDef,
    set: FxHashMap<&'static str, Vec<Value>>,
}

impl Params {
    /// A module's parameters, none set yet.
    pub fn new(module: &'static ModuleDef) -> Params {
        Params { module, set: FxHashMap::default() }
    }

    /// Whose parameters these are.
    pub fn module(&self) -> &'static ModuleDef {
        self.module
    }

    /// Sets a parameter of the table; list parameters add up, others replace. False: no such parameter.
    pub fn set(&mut self, name: &str, value: Value) -> bool {
        let Some(row) = self.module.params.iter().find(|row| row.name == name) else { return false };
        let values = self.set.entry(row.name).or_default();
        if row.default != ParamDefault::List {
            values.clear();
        }
        values.push(value);
        true
    }

    /// True when a `modparam` line set it.
    pub fn is_set(&self, name: &str) -> bool {
        self.set.contains_key(name)
    }

    /// A number parameter.
    pub fn int(&self, name: &str) -> i64 {
        match (self.last(name), self.default(name)) {
            (Some(value), _) => value.to_int(),
            (None, Some(ParamDefault::Int(int))) => int,
            (None, _) => 0,
        }
    }

    /// A text parameter.
    pub fn text(&self, name: &str) -> Bytes {
        match (self.last(name), self.default(name)) {
            (Some(value), _) => value.to_text(),
            (None, Some(ParamDefault::Text(text))) => Bytes::from_static(text.as_bytes()),
            (None, _) => Bytes::new(),
        }
    }

    /// All values of a list parameter, in file order.
    pub fn list(&self, name: &str) -> &[Value] {
        self.set.get(name).map_or(&[], Vec::as_slice)
    }

    fn last(&self, name: &str) -> Option<&Value> {
        self.set.get(name).and_then(|values| values.last())
    }

    fn default(&self, name: &str) -> Option<ParamDefault> {
        self.module.params.iter().find(|row| row.name == name).map(|row| row.default)
    }
}

/// Handed to a module's `load`.
#[derive(Debug)]
pub struct Loading<'a> {
    /// The module's parameters.
    pub params: &'a Params,
    /// The loaded modules' names, and the makers of compiled texts and variables.
    pub catalog: &'a Catalog,
    /// Where to put what all shards share. Values of a script loaded before are still there on a reload.
    pub shared: &'a mut Shared,
    /// Where to put what must be done before the first message and behind the last one.
    pub lifecycle: &'a mut Lifecycle,
}

#[cfg(test)]
mod tests {
    use super::super::def::{ModuleDef, ParamDef};
    use super::Params;
    use crate::api::value::Value;

    static MODULE: ModuleDef = ModuleDef {
        name: "m",
        params: &[
            ParamDef::int("limit", 7, "a number"),
            ParamDef::text("name", "x", "a text"),
            ParamDef::list("rows", "texts"),
        ],
        ..ModuleDef::EMPTY
    };

    #[test]
    fn unset_parameters_have_their_defaults_and_lists_add_up() {
        let mut params = Params::new(&MODULE);
        assert_eq!((params.int("limit"), params.text("name"), params.list("rows").len()), (7, "x".into(), 0));
        for _ in 0..2 {
            assert!(params.set("limit", Value::Int(9)));
            assert!(params.set("rows", Value::literal("a")));
        }
        assert_eq!((params.int("limit"), params.list("rows").len()), (9, 2));
        assert!(!params.set("limits", Value::Int(9)));
        assert!(params.is_set("limit") && !params.is_set("name"));
    }
}
