//! Where modules keep things: per shard, shared by all shards, or attached to a message.
//!
//! Each module defines its own types; the type is the key, so modules cannot meet by accident.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

/// One value of each type, of one shard.
#[derive(Default)]
pub struct States {
    states: FxHashMap<TypeId, Box<dyn Any + Send>>,
}

impl States {
    /// The state of type `T`; made by `Default` when it is not there yet.
    pub fn get<T: Any + Send + Default>(&mut self) -> &mut T {
        self.states
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::<T>::default())
            .downcast_mut()
            .expect("the key is the type")
    }

    /// Puts a state in, in place of an older one.
    pub fn put<T: Any + Send>(&mut self, state: T) {
        self.states.insert(TypeId::of::<T>(), Box::new(state));
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "States({})", self.states.len())
    }
}

/// One value of each type, shared by all shards; read only, so what changes has its own locks inside.
#[derive(Clone, Default)]
pub struct Shared {
    values: FxHashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Shared {
    /// The value of type `T`, if the module that owns it is loaded.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.values.get(&TypeId::of::<T>()).cloned().and_then(|value| value.downcast().ok())
    }

    /// The value of type `T`, borrowed.
    pub fn peek<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.values.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref())
    }

    /// Puts a value in while loading, in place of an older one.
    pub fn put<T: Any + Send + Sync>(&mut self, value: T) {
        self.values.insert(TypeId::of::<T>(), Arc::new(value));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({})", self.values.len())
    }
}

/// One value of each type, attached to a message and cloned with it.
#[derive(Clone, Default)]
pub struct Attachments {
    values: Vec<(TypeId, Box<dyn Attachment>)>,
}

/// Anything that can be attached to a message: every `Clone + Send` type is.
pub trait Attachment: Any + Send {
    /// A copy for a copy of the message.
    fn copy(&self) -> Box<dyn Attachment>;
    /// As any value, to read.
    fn any(&self) -> &dyn Any;
    /// As any value, to change.
    fn any_mut(&mut self) -> &mut dyn Any;
}

impl<T: Any + Send + Clone> Attachment for T {
    fn copy(&self) -> Box<dyn Attachment> {
        Box::new(self.clone())
    }

    fn any(&self) -> &dyn Any {
        self
    }

    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl Clone for Box<dyn Attachment> {
    fn clone(&self) -> Box<dyn Attachment> {
        (**self).copy()
    }
}

impl Attachments {
    /// The attachment of type `T`.
    pub fn get<T: Attachment>(&self) -> Option<&T> {
        let (_, value) = self.values.iter().find(|(key, _)| *key == TypeId::of::<T>())?;
        (**value).any().downcast_ref()
    }

    /// The attachment of type `T`; made by `Default` when it is not there yet.
    pub fn get_mut<T: Attachment + Default>(&mut self) -> &mut T {
        let key = TypeId::of::<T>();
        let place = self.values.iter().position(|(of, _)| *of == key).unwrap_or_else(|| {
            self.values.push((key, Box::new(T::default())));
            self.values.len() - 1
        });
        (*self.values[place].1).any_mut().downcast_mut().expect("the key is the type")
    }

    /// Attaches a value, in place of an older one.
    pub fn put<T: Attachment>(&mut self, value: T) {
        self.remove::<T>();
        self.values.push((TypeId::of::<T>(), Box::new(value)));
    }

    /// Removes the attachment of type `T`.
    pub fn remove<T: Attachment>(&mut self) {
        self.values.retain(|(key, _)| *key != TypeId::of::<T>());
    }
}

impl fmt::Debug for Attachments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attachments({})", self.values.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{Attachments, Shared, States};

    #[test]
    fn each_type_has_one_place() {
        let mut states = States::default();
        *states.get::<u32>() += 1;
        *states.get::<u32>() += 1;
        *states.get::<u64>() += 5;
        assert_eq!((*states.get::<u32>(), *states.get::<u64>()), (2, 5));
        let mut shared = Shared::default();
        shared.put(7u8);
        assert_eq!(shared.get::<u8>().as_deref(), Some(&7));
        assert_eq!(shared.peek::<u16>(), None);
    }

    #[test]
    fn attachments_are_cloned_with_their_message() {
        let mut first = Attachments::default();
        *first.get_mut::<u32>() = 3;
        let mut second = first.clone();
        *second.get_mut::<u32>() = 4;
        second.put("name");
        assert_eq!((first.get::<u32>(), second.get::<u32>()), (Some(&3), Some(&4)));
        assert_eq!(first.get::<&str>(), None);
        second.remove::<u32>();
        assert_eq!(second.get::<u32>(), None);
    }
}
