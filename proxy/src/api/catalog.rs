//! The loaded modules' tables, looked up by name, and what a load gives numbers to.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::def::{FunctionDef, ModuleDef, PvDef, TransformDef};
use super::value::Value;

/// The class of slots that numbers the flags of an `avpflags` line.
pub const AVP_FLAGS: &str = "avpflag";

/// The tables of the loaded modules; the core is the first of them.
#[derive(Default)]
pub struct Catalog {
    modules: Vec<&'static ModuleDef>,
    functions: FxHashMap<&'static str, Vec<Function>>,
    pvs: FxHashMap<&'static str, &'static PvDef>,
    transforms: FxHashMap<String, &'static TransformDef>,
    flags: FxHashMap<String, u8>,
    defines: FxHashMap<Bytes, Bytes>,
    settings: FxHashMap<&'static str, Value>,
    customs: FxHashMap<String, Value>,
    slots: Mutex<FxHashMap<&'static str, FxHashMap<Bytes, u32>>>,
    is_settled: AtomicBool,
}

/// A function with the module it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Function {
    /// The row.
    pub def: &'static FunctionDef,
    /// Whose it is.
    pub module: &'static ModuleDef,
}

impl Catalog {
    /// A catalog of these modules. Where two rows have the same name and arguments, the first counts.
    pub fn new(modules: impl IntoIterator<Item = &'static ModuleDef>) -> Catalog {
        let mut catalog = Catalog::default();
        modules.into_iter().for_each(|module| catalog.add(module));
        catalog
    }

    /// Adds a module's tables.
    pub fn add(&mut self, module: &'static ModuleDef) {
        self.modules.push(module);
        for def in module.functions {
            self.functions.entry(def.name).or_default().push(Function { def, module });
        }
        for def in module.pvs {
            self.pvs.entry(def.name).or_insert(def);
            def.aliases.iter().for_each(|alias| {
                self.pvs.entry(alias).or_insert(def);
            });
        }
        for def in module.transforms {
            self.transforms.entry(format!("{}.{}", def.class, def.op)).or_insert(def);
        }
    }

    /// The loaded modules, the core first.
    pub fn modules(&self) -> &[&'static ModuleDef] {
        &self.modules
    }

    /// True when a module of that name is loaded.
    pub fn is_loaded(&self, module: &str) -> bool {
        self.modules.iter().any(|loaded| loaded.name == module)
    }

    /// The overloads of a function; none when no loaded module has it.
    pub fn functions(&self, name: &str) -> &[Function] {
        self.functions.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names of all functions, in no order.
    pub fn function_names(&self) -> impl Iterator<Item = &'static str> {
        self.functions.keys().copied()
    }

    /// The variable class of a name or alias.
    pub fn pv(&self, name: &str) -> Option<&'static PvDef> {
        self.pvs.get(name).copied()
    }

    /// The names and aliases of all variable classes, in no order.
    pub fn pv_names(&self) -> impl Iterator<Item = &'static str> {
        self.pvs.keys().copied()
    }

    /// The transformation of a class (case matters) and operation (case does not).
    pub fn transform(&self, class: &str, op: &str) -> Option<&'static TransformDef> {
        self.transforms.get(&format!("{class}.{}", op.to_ascii_lowercase())).copied()
    }

    /// `class.op` of all transformations, in no order.
    pub fn transform_names(&self) -> impl Iterator<Item = &str> {
        self.transforms.keys().map(String::as_str)
    }

    /// Declares a message flag.
    pub fn declare_flag(&mut self, name: &str, number: u8) {
        self.flags.insert(name.to_owned(), number);
    }

    /// The number of a declared message flag.
    pub fn flag(&self, name: &str) -> Option<u8> {
        self.flags.get(name).copied()
    }

    /// The names of the declared message flags, in no order.
    pub fn flag_names(&self) -> impl Iterator<Item = &str> {
        self.flags.keys().map(String::as_str)
    }

    /// Remembers a define of the preprocessor (`$def`).
    pub fn define(&mut self, name: Bytes, value: Bytes) {
        self.defines.insert(name, value);
    }

    /// The value of a define, empty for one without value.
    pub fn defined(&self, name: &[u8]) -> Option<&Bytes> {
        self.defines.get(name)
    }

    /// All defines with their values, in no order.
    pub fn defines(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.defines.iter()
    }

    /// Remembers a global parameter that the configuration sets.
    pub fn set_setting(&mut self, name: &'static str, value: Value) {
        self.settings.insert(name, value);
    }

    /// A global parameter, when the configuration sets it.
    pub fn setting(&self, name: &str) -> Option<&Value> {
        self.settings.get(name)
    }

    /// A global number parameter, or its default.
    pub fn setting_int(&self, name: &str, default: i64) -> i64 {
        self.setting(name).map_or(default, Value::to_int)
    }

    /// Remembers a custom parameter (`group.name = value`).
    pub fn set_custom(&mut self, name: String, value: Value) {
        self.customs.insert(name, value);
    }

    /// The names of all custom parameters, `group.name` and `group[n].name`, in no order.
    pub fn custom_names(&self) -> impl Iterator<Item = &str> {
        self.customs.keys().map(String::as_str)
    }

    /// A custom parameter by `group.name`.
    pub fn custom(&self, name: &str) -> Option<&Value> {
        self.customs.get(name)
    }

    /// The slot of a name in a class of storage; equal names have equal slots. Slots are never given back, so
    /// after the load ([`Catalog::settle`]) new names, which may come off the network, get none.
    pub fn slot(&self, class: &'static str, name: &[u8]) -> Option<u32> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let of_class = slots.entry(class).or_default();
        let next = of_class.len() as u32;
        match of_class.get(name) {
            Some(slot) => Some(*slot),
            None if self.is_settled.load(Ordering::Relaxed) => None,
            None => {
                of_class.insert(Bytes::copy_from_slice(name), next);
                Some(next)
            }
        }
    }

    /// Ends the load: from now on no slots are given out.
    pub fn settle(&self) {
        self.is_settled.store(true, Ordering::Relaxed);
    }

    /// Gives names the slots they have in the catalog of an earlier script, which may still be running.
    pub fn keep_slots_of(&mut self, before: &Catalog) {
        let slots = before.slots.lock().unwrap_or_else(PoisonError::into_inner);
        *self.slots.get_mut().unwrap_or_else(PoisonError::into_inner) = slots.clone();
    }

    /// The names of a class of storage with their slots, in the order of their slots.
    pub fn slots_of(&self, class: &str) -> Vec<(String, u32)> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let mut named: Vec<(String, u32)> = slots
            .get(class)
            .into_iter()
            .flatten()
            .map(|(name, slot)| (String::from_utf8_lossy(name).into_owned(), *slot))
            .collect();
        named.sort_by_key(|(_, slot)| *slot);
        named
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.modules.iter().map(|module| module.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Catalog;

    #[test]
    fn equal_names_have_equal_slots_and_classes_count_apart() {
        let catalog = Catalog::default();
        assert_eq!(
            (catalog.slot("var", b"a"), catalog.slot("var", b"b"), catalog.slot("var", b"a")),
            (Some(0), Some(1), Some(0))
        );
        assert_eq!(catalog.slot("shv", b"b"), Some(0));
        let mut after = Catalog::default();
        after.keep_slots_of(&catalog);
        assert_eq!((after.slot("var", b"c"), after.slot("var", b"b")), (Some(2), Some(1)));
        after.settle();
        assert_eq!((after.slot("var", b"a"), after.slot("var", b"new")), (Some(0), None));
    }
}
