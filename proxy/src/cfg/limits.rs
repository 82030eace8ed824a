//! The bounds of what a configuration may be, each named in the message when it is exceeded.

/// Size of one file.
pub const MAX_FILE_BYTES: usize = 100 << 20;
/// Bytes of all included files and expanded defines together.
pub(super) const MAX_TAKEN_IN_BYTES: usize = 200 << 20;
/// Files open one inside the other (Kamailio: 10).
pub(super) const MAX_INCLUDE_DEPTH: usize = 64;
/// Files included in all.
pub(super) const MAX_INCLUDES: usize = 10_000;
/// Defines expanding one inside the other.
pub(super) const MAX_EXPANSION_DEPTH: usize = 100;
/// Defines expanded in all.
pub(super) const MAX_EXPANSIONS: usize = 1_000_000;
/// Blocks, brackets and operators one inside the other.
pub(super) const MAX_NESTING: usize = 200;
/// Operators of one expression.
pub(super) const MAX_OPERATORS: usize = 1_000;
/// Substitutions registered.
pub(super) const MAX_SUBSTS: usize = 500;
/// Bytes of a string after substitution.
pub(super) const MAX_SUBSTITUTED_BYTES: usize = 1 << 20;
