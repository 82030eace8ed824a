//! Options that choose scenarios and the files that feed them.

use super::Options;
use super::row::{Effect, Row, WHOLE, parse_int};

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
    /// `-rxsf` or `-rxsn`: the scenario of calls that come in while the main one opens calls.
    pub receiving: Option<Source>,
    /// `-oocsf` or `-oocsn`: the scenario of requests outside of any call.
    pub out_of_call: Option<Source>,
    /// `-inf` files in order.
    pub injection: Vec<String>,
    /// `-rxinf` files in order; the first is the default one of the receiving scenario.
    pub receiving_injection: Vec<String>,
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
    /// All injection files: those of `-inf`, then those of `-rxinf`.
    pub fn injection_files(&self) -> impl Iterator<Item = &String> {
        self.injection.iter().chain(&self.receiving_injection)
    }

    pub(super) fn choose(&mut self, source: Source) -> Result<(), String> {
        set(&mut self.main, "main_scenario", source)
    }
}

/// A scenario may be named once.
fn set(place: &mut Option<Source>, name: &str, source: Source) -> Result<(), String> {
    if place.is_some() {
        return Err(format!("Internal error, {name} already set"));
    }
    *place = Some(source);
    Ok(())
}

fn receive(options: &mut Options, source: Source) -> Result<(), String> {
    set(&mut options.scenario.receiving, "rx_scenario", source)
}

fn answer_outside(options: &mut Options, source: Source) -> Result<(), String> {
    set(&mut options.scenario.out_of_call, "ooc_scenario", source)
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
        help: "Scenario for requests that belong to no call, while the main one opens calls.",
        effect: Effect::Text(|options, file| answer_outside(options, Source::File(file.into()))),
    },
    Row {
        names: &["oocsn"],
        value: "NAME",
        help: "Built-in scenario for requests that belong to no call: ooc_default answers each with 200.",
        effect: Effect::Text(|options, name| answer_outside(options, Source::BuiltIn(name.into()))),
    },
    Row {
        names: &["rxsf"],
        value: "FILE",
        help: "Second scenario, for calls that come in while the first opens calls. Each has its own figures; -m \
               counts the calls of both.",
        effect: Effect::Text(|options, file| receive(options, Source::File(file.into()))),
    },
    Row {
        names: &["rxsn", "rxrn"],
        value: "NAME",
        help: "Built-in second scenario, such as uas, for calls that come in.",
        effect: Effect::Text(|options, name| receive(options, Source::BuiltIn(name.into()))),
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
        help: "Injection file that [fieldN] of the second scenario reads by default; may be given several times.",
        effect: Effect::Text(|options, file| {
            options.scenario.receiving_injection.push(file.into());
            Ok(())
        }),
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
        effect: Effect::Int(WHOLE, |options, field| {
            options.scenario.ip_field = usize::try_from(field).unwrap_or(0)
        }),
    },
];
