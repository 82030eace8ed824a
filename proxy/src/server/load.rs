//! From a configuration text to a server plan: parser, script compiler and socket list, all findings together.

use std::sync::Arc;

use bytes::Bytes;
use sip::diag::{Diagnostic, in_order};

use super::{LogSink, Plan, listens, tuning, ways};
use crate::api::Level;
use crate::cfg::ast::{Setting, SettingValue};
use crate::cfg::params::ParamClass;
use crate::cfg::{Config, Loader, Parsed, Preset, SourceMap, parse_text};
use crate::script::{self, Script, Tables};

/// A configuration to load.
#[derive(Debug)]
pub struct Source<'a> {
    /// What messages call it: a file name.
    pub name: &'a str,
    /// Its text.
    pub text: Bytes,
    /// What the command line defines.
    pub preset: &'a Preset,
    /// The script that runs now, when this one is to take its place.
    pub before: Option<&'a Script>,
}

/// What loading gave.
#[derive(Debug)]
pub struct Outcome {
    /// The plan; `None` when there was an error.
    pub plan: Option<Plan>,
    /// Errors and warnings, in the order of the text.
    pub findings: Vec<Diagnostic>,
    /// The texts, for excerpts.
    pub sources: SourceMap,
    /// What becomes of each global parameter that is set, one line each with its place.
    pub parameters: Vec<String>,
}

/// Loads a configuration. Nothing is opened or started.
pub fn load(source: &Source<'_>, loader: &dyn Loader, log: LogSink) -> Outcome {
    let parsed = parse_text(source.name, source.text.clone(), source.preset, loader);
    let has_errors = parsed.has_errors();
    let tables = Tables { core: crate::core::PARTS, modules: crate::modules::MODULES };
    let loaded = script::load(&parsed, tables, source.before);
    let parameters = told_parameters(&parsed);
    let mut findings = parsed.diagnostics;
    findings.extend(loaded.findings);
    let untunable = tuning::findings(&parsed.config, &parsed.sources);
    let has_errors = has_errors || !untunable.is_empty();
    findings.extend(untunable);
    let (sockets, script) = match (listens(&parsed.config, &parsed.sources), loaded.script) {
        (Ok(sockets), Some(script)) if !has_errors => (sockets, script),
        (sockets, _) => {
            findings.extend(sockets.err().unwrap_or_default());
            let findings = in_order(findings);
            return Outcome { plan: None, findings, sources: parsed.sources, parameters };
        }
    };
    let (mut listens, mut aliases) = sockets;
    let dns = ways::dns_options(&parsed.config);
    aliases.extend(ways::auto_aliases(&parsed.config, &dns.hosts, &listens));
    ways::advertise(&parsed.config, &mut listens);
    let names_sockets = parsed.config.settings().any(|setting| setting.def.name == "listen");
    let plan = Plan {
        listens,
        names_sockets,
        aliases,
        script: Arc::new(script),
        debug: Level(number(&parsed.config, "debug").unwrap_or(0).clamp(-5, 3) as i8),
        shards: shards(number(&parsed.config, "children")),
        max_transactions: MAX_TRANSACTIONS,
        dns,
        sending: ways::send_rules(&parsed.config),
        udp: tuning::udp_options(&parsed.config),
        connections: tuning::connection_limits(&parsed.config),
        server_line: signature(&parsed.config, "server_header", "Server"),
        user_agent_line: signature(&parsed.config, "user_agent_header", "User-Agent"),
        log,
        trace: None,
    };
    let findings = in_order(findings);
    Outcome { plan: Some(plan), findings, sources: parsed.sources, parameters }
}

fn told_parameters(parsed: &Parsed) -> Vec<String> {
    let line = |setting: &Setting| {
        let what = match setting.def.class {
            ParamClass::Works => "works as in Kamailio",
            ParamClass::Mapped => "means something of our own here",
            ParamClass::NoEffect => "is accepted and has no effect",
            ParamClass::Old | ParamClass::Removed => "is gone since Kamailio 3 and has no effect",
        };
        let place = parsed.sources.place(setting.pos);
        format!("{place}: note: {} {what} ({})\n", setting.def.name, setting.def.doc)
    };
    parsed.config.settings().map(line).collect()
}

/// Bound of the transactions of a server: at about 3 KB each they take 3 GB.
const MAX_TRANSACTIONS: usize = 1_000_000;

/// Threads for `children` workers. Kamailio's workers wait for answers of others, ours never do, and the kernel
/// works for each message too: one for every two cores is enough, and more would only pass messages around.
fn shards(children: Option<i64>) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = children.and_then(|children| usize::try_from(children).ok()).unwrap_or(usize::MAX);
    wanted.clamp(1, cores.div_ceil(2))
}

/// The last value of a number parameter.
pub(super) fn number(config: &Config, name: &str) -> Option<i64> {
    config.settings().filter(|setting| setting.def.name == name).last().and_then(|it| match it.value {
        SettingValue::Int(int) => Some(int),
        _ => None,
    })
}

/// The last value of a text parameter.
pub(super) fn text(config: &Config, name: &str) -> Option<String> {
    config.settings().filter(|setting| setting.def.name == name).last().and_then(|it| match &it.value {
        SettingValue::Text(text) => Some(String::from_utf8_lossy(&text.bytes).into_owned()),
        _ => None,
    })
}

/// The whole line that names us in messages made here, as `setting` has it; empty when `server_signature` is off.
fn signature(config: &Config, setting: &str, field: &str) -> String {
    if number(config, "server_signature") == Some(0) {
        return String::new();
    }
    let ours = || {
        format!(
            "{field}: sip-proxy ({} ({}/{}))",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::ARCH,
            std::env::consts::OS
        )
    };
    text(config, setting).unwrap_or_else(ours)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Source, load};
    use crate::cfg::{DiskLoader, Preset};

    #[test]
    fn what_parser_and_compiler_find_is_told_in_the_order_of_the_text() {
        let text = "loadmodule \"nosuch.so\"\nrequest_route {\n    exit;\n    setflag(1);\n}\nroute[A] { nosuch(); }\n";
        let (text, preset) = (Bytes::from_static(text.as_bytes()), Preset::default());
        let source = Source { name: "a.cfg", text, preset: &preset, before: None };
        let outcome = load(&source, &DiskLoader, |_| {});
        let lines: Vec<u32> = outcome.findings.iter().map(|finding| finding.place.line).collect();
        assert_eq!(lines, [1, 4, 6], "{:?}", outcome.findings);
    }
}
