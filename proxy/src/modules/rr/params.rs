//! What the parameters of rr say, shared by all shards.

use crate::api::{Loading, Pv};
use crate::relay::record_route::{Double, Lr};

/// The parameters as typed values.
#[derive(Debug)]
pub(super) struct Style {
    pub(super) lr: Lr,
    pub(super) double: Double,
    pub(super) with_from_tag: bool,
    pub(super) with_user: bool,
    pub(super) ignores_sips: bool,
    /// Requests leave by the socket that our Route names, even if it is the only one.
    pub(super) forces_socket: bool,
    /// What stands for the user, when it has a value.
    pub(super) user_from: Option<Pv>,
}

/// Checks the parameters. Errors: `enable_double_rr` is not 0, 1 or 2, `custom_user_avp` no variable.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let is_on = |name: &str| loading.params.int(name) != 0;
    let written = loading.params.text("custom_user_avp");
    let user_from = (!written.is_empty()).then(|| loading.catalog.variable(&written)).transpose();
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
        forces_socket: is_on("force_send_socket"),
        user_from: user_from.map_err(|error| format!("parameter custom_user_avp: {error}"))?,
    };
    loading.shared.put(style);
    Ok(())
}
