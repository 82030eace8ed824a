//! Transformations, `$(pv{class.op,arg})`, by class.

pub(super) mod codecs;
pub(super) mod lists;
pub(super) mod names;
pub(super) mod strings;
pub(super) mod uri;
pub(super) mod values;

use bytes::Bytes;

use crate::api::Value;

/// A part of `whole` without copying it.
fn slice(whole: &Bytes, part: &[u8]) -> Value {
    if part.is_empty() { Value::EMPTY } else { Value::Str(whole.slice_ref(part)) }
}
