//! The built-in scenarios of `-sn`: texts in `scenarios/`, embedded when the program is built.

/// One built-in scenario.
#[derive(Debug)]
pub struct Builtin {
    /// Name for `-sn` and `-sd`.
    pub name: &'static str,
    /// Its XML.
    pub text: &'static str,
    /// False for the ones the help does not list.
    pub listed: bool,
}

/// All built-in scenarios.
pub const TABLE: &[Builtin] = &[
    Builtin { name: "uac", text: include_str!("../../../scenarios/uac.xml"), listed: true },
    Builtin { name: "uas", text: include_str!("../../../scenarios/uas.xml"), listed: true },
];

/// The XML of a built-in scenario; `None` when there is no such name.
pub fn text(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|builtin| builtin.name == name).map(|builtin| builtin.text)
}
