//! Variables that are read and that nothing sets.
//!
//! Only `$var`, `$vn` and `$avp` with a fixed name: the rest comes from messages, tables or other programs. What
//! a module parameter or a function may set counts as set.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::codes;
use super::super::findings::Findings;
use super::walk::{Visitor, walk};
use crate::api::{Catalog, Kind};
use crate::cfg::Pos;
use crate::cfg::ast::{Arg, Assign, Call, Config, Constant, Expr, ExprKind, Item, ModParamValue};

/// Warns of each such variable, where it is read first.
pub(super) fn warn(config: &Config, catalog: &Catalog, findings: &mut Findings<'_>) {
    let mut rule = Rule { catalog, set: FxHashSet::default(), read: FxHashMap::default() };
    for item in &config.items {
        let Item::ModParam(line) = item else { continue };
        let ModParamValue::Constant(Constant::Text(text)) = &line.value else { continue };
        rule.set.extend(mentions(&text.bytes));
        // `varset` names its variable without the class.
        if &*line.param.bytes == b"varset" {
            let name = text.bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
            rule.set.insert(Name { class: "var", inner: name.trim_ascii().into() });
        }
    }
    walk(config, &mut rule);
    let Rule { set, read, .. } = rule;
    let mut unset: Vec<_> = read.into_iter().filter(|(name, _)| !set.contains(name)).collect();
    unset.sort_by_key(|(_, pos)| *pos);
    for (name, pos) in unset {
        findings.warning(codes::UNSET, pos, format!("{} is read, but nothing sets it", name.written()));
        let others: Vec<String> = set.iter().filter(|it| it.class == name.class).map(Name::written).collect();
        findings.suggest(&name.written(), others.iter().map(String::as_str));
    }
}

/// A variable with a fixed name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    class: &'static str,
    inner: Box<[u8]>,
}

impl Name {
    fn written(&self) -> String {
        format!("${}({})", self.class, String::from_utf8_lossy(&self.inner))
    }
}

struct Rule<'r> {
    catalog: &'r Catalog,
    set: FxHashSet<Name>,
    read: FxHashMap<Name, Pos>,
}

impl Visitor for Rule<'_> {
    fn expr(&mut self, expr: &Expr) {
        // A text in an expression is taken as it is; those of arguments are looked at with their call.
        if let ExprKind::Pv(raw) = &expr.kind {
            self.reads(raw, expr.pos);
        }
    }

    fn assign(&mut self, assign: &Assign) {
        self.set.extend(mentions(&assign.target.raw).take(1));
        // The name itself may hold variables, as in `$avp($var(x))`.
        for name in mentions(&assign.target.raw).skip(1) {
            self.read.entry(name).or_insert(assign.target.pos);
        }
    }

    fn call(&mut self, call: &Call) {
        let rows = self.catalog.functions(&call.name.text);
        let row = rows.iter().find(|row| row.def.takes(call.args.len()));
        for (at, arg) in call.args.iter().enumerate() {
            let Arg::Expr(expr) = arg else { continue };
            let kind = row.and_then(|row| row.def.params.get(at)).copied();
            match (&expr.kind, kind) {
                (ExprKind::Str(text), Some(Kind::Text | Kind::Value | Kind::Int)) => {
                    self.reads(text, expr.pos)
                }
                // Functions that take a name may set what it names.
                (ExprKind::Str(text) | ExprKind::Pv(text), Some(Kind::Pv | Kind::WritePv | Kind::Word))
                | (ExprKind::Str(text), Some(Kind::Prepared(_) | Kind::PreparedRaw(_))) => {
                    self.set.extend(mentions(text));
                }
                _ => {}
            }
        }
    }
}

impl Rule<'_> {
    fn reads(&mut self, text: &[u8], pos: Pos) {
        for name in mentions(text) {
            self.read.entry(name).or_insert(pos);
        }
    }
}

/// The variables of our classes in a text: `$var(x)`, `$(avp(x)[0]{s.len})`, `$(avp(s:x))`.
fn mentions(text: &[u8]) -> impl Iterator<Item = Name> + '_ {
    memchr::memchr_iter(b'$', text).filter_map(|at| {
        let rest = &text[at + 1..];
        let rest = rest.strip_prefix(b"(").unwrap_or(rest);
        let class = CLASSES.into_iter().find(|class| {
            rest.strip_prefix(class.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'('))
        })?;
        let inner = &rest[class.len() + 1..];
        let inner = &inner[..memchr::memchr(b')', inner)?];
        let inner = inner.strip_prefix(b"s:").unwrap_or(inner);
        let is_fixed = !inner.is_empty() && !inner.contains(&b'$');
        is_fixed.then(|| Name { class: if class == "vz" { "var" } else { class }, inner: inner.into() })
    })
}

const CLASSES: [&str; 4] = ["var", "vz", "vn", "avp"];
