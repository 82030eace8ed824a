//! What the parameters of rr say, shared by all shards.

use crate::api::Loading;
use crate::relay::record_route::{Double, Lr};

/// The parameters as typed values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) lr: Lr,
    pub(super) double: Double,
    pub(super) with_from_tag: bool,
    pub(super) with_user: bool,
    pub(super) ignores_sips: bool,
}

/// Checks the parameters. Errors: `enable_double_rr` is not 0, 1 or 2.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let is_on = |name: &str| loading.params.int(name) != 0;
    let style = Style {
        lr: if is_on("enable_full_lr") { Lr::Full } else { Lr::Plain },
        double: match loading.params.int("enable_double_rr") {
            0 => Double::Never,
            1 => Double::WhenDifferent,
            2 => Double::Always,
            other => return Err(format!("parameter enable_double_rr is {other}, expected 0, 1 or 2")),
        },
        with_from_tag: is_on("append_fromtag"),
        with_user: is_on("add_username"),
        ignores_sips: is_on("ignore_sips"),
    };
    loading.shared.put(style);
    Ok(())
}
