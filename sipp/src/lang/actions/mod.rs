//! The action table: what may stand in `<action>`.
//!
//! One row per action; each has its own file with reader, meaning and test.

mod log;

use super::ActionDef;

/// All actions.
pub const TABLE: &[&ActionDef] = &[&log::LOG, &log::WARNING, &log::ERROR];

/// The action of that element name.
pub fn find(name: &str) -> Option<&'static ActionDef> {
    TABLE.iter().copied().find(|def| def.name == name)
}
