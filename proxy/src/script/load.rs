//! Loads a configuration: modules and their parameters in file order, then the blocks.

use std::sync::Arc;

use sip::diag::Diagnostic;

use super::codes;
use super::compile::{Compiler, Parts};
use super::findings::Findings;
use super::lint;
use super::program::{Limits, LogPrefix, Script};
use crate::api::{
    AVP_FLAGS, Case, Catalog, Lifecycle, Loading, ModuleDef, ParamDefault, Params, Pattern, RouteNames,
    RouteTable, Shared, Value, parse_int,
};
use crate::cfg::Parsed;
use crate::cfg::ast::{self, Config, Constant, Item, ModParamValue, RouteKind, SettingValue};

/// The tables a script is made from.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// The parts of "module zero": always loaded.
    pub core: &'static [&'static ModuleDef],
    /// What `loadmodule` finds.
    pub modules: &'static [&'static ModuleDef],
}

/// What a load came to.
#[derive(Debug)]
pub struct Loaded {
    /// The script; `None` when there was an error.
    pub script: Option<Script>,
    /// Errors and warnings, in the order of the text.
    pub findings: Vec<Diagnostic>,
}

/// Makes a script of a configuration and runs the modules' load functions. Findings of the parser are not
/// repeated.
///
/// `before`: the script that this one will take the place of: what its modules share stays, and its names keep
/// their numbers. All mistakes are reported, not only the first; load functions run only when there are none.
pub fn load(parsed: &Parsed, tables: Tables, before: Option<&Script>) -> Loaded {
    let config = &parsed.config;
    let mut findings = Findings::new(&parsed.sources);
    let mut loader = Loader::new(tables);
    let mut shared = Shared::default();
    let mut lifecycle = Lifecycle::default();
    if let Some(before) = before {
        loader.catalog.keep_slots_of(&before.catalog);
        shared = (*before.shared).clone();
    }
    for (name, value) in &parsed.defines {
        loader.catalog.define(name.clone(), value.clone());
    }
    config.items.iter().for_each(|item| loader.item(item, &mut findings));
    loader.check_needs(&mut findings);
    let Loader { catalog, params, loads, missing, .. } = loader;
    let mut names = RouteNames::default();
    config.routes().for_each(|route| {
        names.add(table(route.kind), name(route));
    });
    let mut parts = Parts::default();
    let mut compiler = Compiler::new(&catalog, &names, &mut findings, &mut parts, tables.modules);
    config.routes().for_each(|route| compiler.route(route, table(route.kind), name(route)));
    parts.statements.drain(..).for_each(|statement| names.mark(statement));
    warn_unused_events(config, &catalog, &missing, &mut findings);
    if !parsed.has_errors() && !findings.has_errors() {
        lint::warn(config, &catalog, &mut findings);
    }
    if !findings.has_errors() {
        for (params, (_, pos)) in params.iter().zip(loads) {
            let loading =
                Loading { params, catalog: &catalog, shared: &mut shared, lifecycle: &mut lifecycle };
            run_load(loading, pos, &mut findings);
        }
    }
    let log_prefix = log_prefix(config, &catalog, &mut findings);
    if findings.has_errors() {
        return Loaded { script: None, findings: findings.into_list() };
    }
    let limits = Limits {
        loops: catalog.setting_int("max_while_loops", 100),
        depth: usize::try_from(catalog.setting_int("max_recursive_level", 256)).unwrap_or(256),
    };
    catalog.settle();
    let mut script = parts.into_script(names, limits, catalog, Arc::new(shared));
    script.log_prefix = log_prefix;
    script.lifecycle = lifecycle;
    Loaded { script: Some(script), findings: findings.into_list() }
}

struct Loader {
    tables: Tables,
    catalog: Catalog,
    params: Vec<Params>,
    loads: Vec<(&'static ModuleDef, crate::cfg::Pos)>,
    /// Modules asked for that are not here: reported once, their parameters are passed over.
    missing: Vec<String>,
}

/// Modules of Kamailio 3 that have another name since.
const OLD_NAMES: [(&str, &str); 4] =
    [("mysql", "db_mysql"), ("postgres", "db_postgres"), ("dbtext", "db_text"), ("uri", "siputils")];

impl Loader {
    fn new(tables: Tables) -> Loader {
        Loader {
            tables,
            catalog: Catalog::new(tables.core.iter().copied()),
            params: Vec::new(),
            loads: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn item(&mut self, item: &Item, findings: &mut Findings<'_>) {
        match item {
            Item::LoadModule(line) => self.load_module(line, findings),
            Item::ModParam(line) => self.modparam(line, findings),
            Item::Flag(flag) => self.catalog.declare_flag(&flag.name.text, flag.number),
            Item::Setting(setting) => match &setting.value {
                SettingValue::Int(int) => self.catalog.set_setting(setting.def.name, Value::Int(*int)),
                SettingValue::Text(text) => {
                    self.catalog.set_setting(setting.def.name, Value::copied(&text.bytes));
                }
                SettingValue::Proto(proto) => {
                    self.catalog.set_setting(setting.def.name, Value::literal(proto.word()));
                }
                SettingValue::Sockets(_) => {}
            },
            Item::Custom(param) => {
                let value = match &param.value {
                    Constant::Int(_, int) => Value::Int(*int),
                    Constant::Text(text) => Value::copied(&text.bytes),
                };
                let index = param.index.map_or(String::new(), |index| format!("[{index}]"));
                let name = format!("{}{index}.{}", param.group.text, param.name.text);
                self.catalog.set_custom(name, value);
            }
            Item::AvpFlag(name) => {
                self.catalog.slot(AVP_FLAGS, name.text.as_bytes());
            }
            Item::LoadPath(_) | Item::Engine(_) | Item::Route(_) => {}
        }
    }

    fn load_module(&mut self, line: &ast::LoadModule, findings: &mut Findings<'_>) {
        let mut name = line.module();
        if let Some((_, now)) = OLD_NAMES.iter().find(|(old, _)| *old == name) {
            findings.warning(
                codes::OLD_MODULE,
                line.path.pos,
                format!("module {name} is called {now} today"),
            );
            name = (*now).to_owned();
        }
        if self.catalog.is_loaded(&name) {
            findings.warning(codes::LOADED_TWICE, line.pos, format!("module {name} is loaded already"));
            return;
        }
        let Some(module) = self.tables.modules.iter().find(|module| module.name == name) else {
            findings.error(codes::UNKNOWN_MODULE, line.path.pos, format!("there is no module {name} here"));
            let known = self.tables.modules.iter().map(|module| module.name);
            match sip::diag::nearest(&name, known.clone()) {
                Some(near) => findings.hint(format!("did you mean {near}?")),
                // The whole list once is enough.
                None if !self.missing.is_empty() => {}
                None => findings.hint(format!("there are {}", known.collect::<Vec<_>>().join(" "))),
            }
            self.missing.push(name);
            return;
        };
        if let Some(awaited) = &module.awaited {
            let message = format!("module {name} does nothing yet: {} is not built in", awaited.what);
            findings.warning(codes::AWAITED, line.path.pos, message);
        }
        self.catalog.add(module);
        self.params.push(Params::new(module));
        self.loads.push((module, line.pos));
    }

    fn check_needs(&self, findings: &mut Findings<'_>) {
        for (module, pos) in &self.loads {
            for need in module.needs.iter().filter(|need| !self.catalog.is_loaded(need)) {
                findings.error(
                    codes::MODULE_NEEDED,
                    *pos,
                    format!("module {} needs module {need}", module.name),
                );
                findings.hint(format!("add loadmodule \"{need}.so\""));
            }
        }
    }

    fn modparam(&mut self, line: &ast::ModParam, findings: &mut Findings<'_>) {
        // The selector is a pattern over whole names: "acc|auth_db".
        let source = [b"^(", &line.module.bytes[..], b")$"].concat();
        let pattern = match Pattern::compile(&source, Case::Ignore) {
            Ok(pattern) => pattern,
            Err(error) => {
                findings.error(
                    codes::REGEX,
                    line.module.pos,
                    format!("not a pattern of module names: {error}"),
                );
                return;
            }
        };
        let selector = String::from_utf8_lossy(&line.module.bytes).into_owned();
        let loaded: Vec<usize> = (0..self.params.len())
            .filter(|at| pattern.is_match(self.params[*at].module().name.as_bytes()))
            .collect();
        let is_reported = self.missing.iter().any(|name| pattern.is_match(name.as_bytes()));
        if loaded.is_empty() && !is_reported {
            let message = format!("modparam for {selector}, which is not loaded above this line");
            findings.error(codes::MODPARAM_MODULE, line.module.pos, message);
            let is_known = self.tables.modules.iter().any(|module| module.name == selector);
            match is_known {
                true => findings.hint(format!("put loadmodule \"{selector}.so\" above it")),
                false => findings.suggest(&selector, self.tables.modules.iter().map(|module| module.name)),
            }
        }
        for at in loaded {
            self.set_param(at, line, findings);
        }
    }

    fn set_param(&mut self, at: usize, line: &ast::ModParam, findings: &mut Findings<'_>) {
        let name = String::from_utf8_lossy(&line.param.bytes).into_owned();
        let module = self.params[at].module();
        let Some(row) = module.params.iter().find(|row| row.name == name) else {
            let message = format!("module {} has no parameter {name}", module.name);
            findings.error(codes::MODPARAM_NAME, line.param.pos, message);
            findings.suggest(&name, module.params.iter().map(|row| row.name));
            return;
        };
        let value = match (&line.value, row.default) {
            (ModParamValue::Constant(Constant::Int(_, int)), ParamDefault::Int(_)) => Value::Int(*int),
            (ModParamValue::Constant(Constant::Text(text)), ParamDefault::Text(_) | ParamDefault::List) => {
                Value::copied(&text.bytes)
            }
            (ModParamValue::Constant(Constant::Text(text)), ParamDefault::Int(_)) => {
                match parse_int(&text.bytes) {
                    Some(int) => {
                        let message =
                            format!("{name} of module {} is a number; the text is read as one", module.name);
                        findings.warning(codes::MODPARAM_TYPE, text.pos, message);
                        Value::Int(int)
                    }
                    None => {
                        let message = format!("{name} of module {} is a number", module.name);
                        findings.error(codes::MODPARAM_TYPE, text.pos, message);
                        return;
                    }
                }
            }
            (ModParamValue::Constant(Constant::Int(pos, _)), _) => {
                let message = format!("{name} of module {} is a text", module.name);
                findings.error(codes::MODPARAM_TYPE, *pos, message);
                findings.hint("put it into quotes");
                return;
            }
            (ModParamValue::Pv(pv), _) => {
                findings.error(codes::MODPARAM_TYPE, pv.pos, "a variable has no value while loading");
                return;
            }
        };
        self.params[at].set(&name, value);
    }
}

/// `pos`: where the module is loaded.
/// `log_prefix` and `log_prefix_mode`.
fn log_prefix(config: &Config, catalog: &Catalog, findings: &mut Findings<'_>) -> Option<LogPrefix> {
    let setting = config.settings().filter(|setting| setting.def.name == "log_prefix").last()?;
    let SettingValue::Text(written) = &setting.value else { return None };
    match catalog.text(&written.bytes) {
        Ok(text) => Some(LogPrefix { text, is_renewed: catalog.setting_int("log_prefix_mode", 0) != 0 }),
        Err(error) => {
            findings.error(codes::VARIABLE, written.pos, format!("log_prefix: {error}"));
            None
        }
    }
}

fn run_load(mut loading: Loading<'_>, pos: crate::cfg::Pos, findings: &mut Findings<'_>) {
    let module = loading.params.module();
    let Some(load) = module.load else { return };
    if let Err(reason) = load(&mut loading) {
        findings.error(codes::MODULE_REFUSED, pos, format!("module {}: {reason}", module.name));
    }
}

/// Events of a missing module have been reported with it.
fn warn_unused_events(config: &Config, catalog: &Catalog, missing: &[String], findings: &mut Findings<'_>) {
    let events: Vec<&str> =
        catalog.modules().iter().flat_map(|module| module.events).map(|event| event.name).collect();
    for route in config.routes().filter(|route| route.kind == RouteKind::Event) {
        let written = name(route);
        let is_run =
            |event: &&str| *event == written || (event.ends_with(':') && written.starts_with(*event));
        let of_missing = written.split(':').next().is_some_and(|of| missing.iter().any(|name| name == of));
        if !events.iter().any(is_run) && !of_missing {
            let message = format!("event_route[{written}] is never run: no loaded module raises it");
            findings.warning(codes::UNUSED_ROUTE, route.pos, message);
            findings.suggest(written, events.iter().copied());
        }
    }
}

fn table(kind: RouteKind) -> RouteTable {
    match kind {
        RouteKind::Request => RouteTable::Request,
        RouteKind::Reply => RouteTable::Reply,
        RouteKind::Failure => RouteTable::Failure,
        RouteKind::Branch => RouteTable::Branch,
        RouteKind::Onsend => RouteTable::Onsend,
        RouteKind::Event => RouteTable::Event,
    }
}

fn name(route: &ast::Route) -> &str {
    route.name.as_ref().map_or("", |name| &name.text)
}
