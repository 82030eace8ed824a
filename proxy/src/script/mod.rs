//! From the tree of a configuration and the tables of the modules to a script that runs.
//!
//! [`load()`] resolves every name and reports every mistake with its place; [`Run`] runs a block of the script
//! on a message and can be put aside. Nothing here knows a module: the tables come as an argument.

mod call;
mod codes;
mod compile;
mod coverage;
mod exec;
mod expr;
mod findings;
mod frames;
mod host_test;
mod keys;
mod lint;
mod load;
mod operators;
mod program;
mod watched;

pub use codes::CODES;
pub use coverage::Coverage;
pub use exec::{Run, Status};
pub use load::{Loaded, Tables, load};
pub use program::Script;

#[cfg(test)]
mod tests;
