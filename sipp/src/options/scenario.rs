//! Options that choose scenarios and the files that feed them.

use super::row::{Effect, Row, parse_int};

/// Where a scenario comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `-sf`: an XML file.
    File(String),
    /// `-sn`: a built-in scenario.
    BuiltIn(String),
}

/// Scenarios and injection files.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// `-sf` or `-sn`; `None` means the built-in `uac`.
    pub main: Option<Source>,
    /// `-inf` files in order.
    pub injection: Vec<String>,
    /// `-infindex`: file base name and field.
    pub indexes: Vec<(String, usize)>,
    /// `-ip_field`: the field with the local address for `-t ui`.
    pub ip_field: usize,
    /// `-key`: keyword and its value.
    pub keys: Vec<(String, String)>,
    /// `-set`: global variable and its value.
    pub set: Vec<(String, String)>,
}

impl Scenario {
    pub(super) fn choose(&mut self, source: Source) -> Result<(), String> {
        if self.main.is_some() {
            return Err("Internal error, main_scenario already set".into());
        }
        self.main = Some(source);
        Ok(())
    }
}

pub(super) const SCENARIO_ROWS: &[Row] = &[
    Row {
        names: &["sd"],
        value: "NAME",
        help: "Print the XML of a built-in scenario and exit with 99.",
        effect: Effect::Answer(1, 1),
    },
    Row {
        names: &["sf"],
        value: "FILE",
        help: "Run the scenario in this XML file.",
        effect: Effect::Text(|options, file| options.scenario.choose(Source::File(file.into()))),
    },
    Row {
        names: &["sn"],
        value: "NAME",
        help: "Run a built-in scenario: uac, uas, regexp, branchc, branchs, uac_pcap, 3pcc-C-A, 3pcc-C-B, 3pcc-A, \
               3pcc-B. Default: uac.",
        effect: Effect::Text(|options, name| options.scenario.choose(Source::BuiltIn(name.into()))),
    },
    Row {
        names: &["oocsf"],
        value: "FILE",
        help: "Scenario for requests outside of any call.",
        effect: Effect::NotYet(1),
    },
    Row {
        names: &["oocsn"],
        value: "NAME",
        help: "Built-in scenario for requests outside of any call.",
        effect: Effect::NotYet(1),
    },
    Row {
        names: &["rxsf"],
        value: "FILE",
        help: "Second scenario, for calls that come in while the first opens calls.",
        effect: Effect::NotYet(1),
    },
    Row {
        names: &["rxsn", "rxrn"],
        value: "NAME",
        help: "Built-in second scenario for calls that come in.",
        effect: Effect::NotYet(1),
    },
];

pub(super) const INJECTION_ROWS: &[Row] = &[
    Row {
        names: &["inf"],
        value: "FILE",
        help: "Injection file for [field0], [field1], ...; may be given several times, the first is the default \
               one. Its first line says SEQUENTIAL, RANDOM or USER.",
        effect: Effect::Text(|options, file| {
            options.scenario.injection.push(file.into());
            Ok(())
        }),
    },
    Row {
        names: &["rxinf"],
        value: "FILE",
        help: "Injection file for the second scenario.",
        effect: Effect::NotYet(1),
    },
    Row {
        names: &["infindex"],
        value: "FILE FIELD",
        help: "Index that field of an injection file given earlier, for lookups.",
        effect: Effect::Pair(|options, file, field| {
            let number = parse_int(field).and_then(|field| usize::try_from(field).ok());
            let number = number.ok_or_else(|| format!("-infindex, \"{field}\" is not a valid integer!"))?;
            options.scenario.indexes.push((file.into(), number));
            Ok(())
        }),
    },
    Row {
        names: &["ip_field"],
        value: "N",
        help: "Field with the local address for -t ui. Default: 0.",
        effect: Effect::Int(|options, field| options.scenario.ip_field = usize::try_from(field).unwrap_or(0)),
    },
];
