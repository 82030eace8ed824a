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
    Builtin { name: "regexp", text: include_str!("../../../scenarios/regexp.xml"), listed: true },
    Builtin { name: "branchc", text: include_str!("../../../scenarios/branchc.xml"), listed: true },
    Builtin { name: "branchs", text: include_str!("../../../scenarios/branchs.xml"), listed: true },
    Builtin { name: "3pcc-C-A", text: include_str!("../../../scenarios/3pcc-C-A.xml"), listed: true },
    Builtin { name: "3pcc-C-B", text: include_str!("../../../scenarios/3pcc-C-B.xml"), listed: true },
    Builtin { name: "3pcc-A", text: include_str!("../../../scenarios/3pcc-A.xml"), listed: true },
    Builtin { name: "3pcc-B", text: include_str!("../../../scenarios/3pcc-B.xml"), listed: true },
    Builtin { name: "uac_pcap", text: include_str!("../../../scenarios/uac_pcap.xml"), listed: false },
    Builtin { name: "ooc_default", text: include_str!("../../../scenarios/ooc_default.xml"), listed: false },
    Builtin { name: "ooc_dummy", text: include_str!("../../../scenarios/ooc_dummy.xml"), listed: false },
];

/// The XML of a built-in scenario; `None` when there is no such name.
pub fn text(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|builtin| builtin.name == name).map(|builtin| builtin.text)
}
