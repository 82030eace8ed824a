//! Criterion benches of the hot paths; see `benches/`. What they may allocate is tested in `tests/`.

pub mod calls;
