//! From configuration text to the tree of what is written in it: preprocessor, scanner, parser.
//!
//! Text comes in through a [`Loader`], so that includes need no disk; a tree with positions and all findings
//! come out. What the names mean is not decided here: that is the script compiler's work.

pub mod ast;
pub mod params;
mod source;

pub use source::{FileId, Pos, SourceMap};
