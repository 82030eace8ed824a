//! What a configuration says that cannot be meant: warnings beyond what the compiler needs to know.
//!
//! Only for configurations without errors. Each rule is a visitor of the tree.

mod never;
mod unset;
mod walk;

use super::findings::Findings;
use crate::api::Catalog;
use crate::cfg::ast::Config;

/// Warns of comparisons that never hold and of variables that nothing sets.
pub(super) fn warn(config: &Config, catalog: &Catalog, findings: &mut Findings<'_>) {
    never::warn(config, findings);
    unset::warn(config, catalog, findings);
}
