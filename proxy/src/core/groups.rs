//! Groups of custom parameters: `group[n].name` stands in for `group.name` until the message is done with.

use super::NAME;
use crate::api::{Args, Ctx, Flow, FunctionDef, Kind, Level, ModuleDef, Routes, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, functions: FUNCTIONS, ..ModuleDef::EMPTY };

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "cfg_select",
        &[Kind::Word, Kind::Int],
        Routes::NOT_ONSEND,
        select,
        "lets an instance of a group of custom parameters count",
    ),
    FunctionDef::new(
        "cfg_reset",
        &[Kind::Word],
        Routes::NOT_ONSEND,
        reset,
        "lets the group itself count again",
    ),
];

/// The instances selected while a message is worked on.
#[derive(Clone, Debug, Default)]
struct Selected(Vec<(String, i64)>);

/// -1 when there is no such instance.
fn select(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (group, number) = (args.value(ctx, 0).to_display(), args.int(ctx, 1));
    let start = format!("{group}[{number}].");
    if !ctx.catalog.custom_names().any(|name| name.starts_with(&start)) {
        ctx.log(Level::ERR, format!("cfg_select: there is no {group}[{number}]"));
        return Flow::FALSE;
    }
    let selected = &mut ctx.work.attached.get_mut::<Selected>().0;
    selected.retain(|(known, _)| *known != group);
    selected.push((group, number));
    Flow::TRUE
}

fn reset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let group = args.value(ctx, 0).to_display();
    ctx.work.attached.get_mut::<Selected>().0.retain(|(known, _)| *known != group);
    Flow::TRUE
}

/// The value of `group.name`: of the selected instance when it has one, else of the group.
pub(super) fn custom(ctx: &Ctx<'_>, full: &str) -> Option<Value> {
    let (group, name) = full.split_once('.')?;
    let selected = ctx.work.attached.get::<Selected>();
    let number = selected.and_then(|selected| selected.0.iter().find(|(known, _)| known == group));
    let instance = number.and_then(|(_, number)| ctx.catalog.custom(&format!("{group}[{number}].{name}")));
    instance.or_else(|| ctx.catalog.custom(full)).cloned()
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    /// Kamailio 5.6.3 (measured).
    #[test]
    fn an_instance_counts_until_it_is_reset() {
        let text = "g.n = 5\ng.m = \"def\"\ng[1].n = 6\nloadmodule \"xlog.so\"\nrequest_route { \
            cfg_select(\"g\", 1); xlog(\"$sel(cfg_get.g.n) $sel(cfg_get.g.m)\\n\"); \
            $var(r) = cfg_select(\"g\", 7); xlog(\"$var(r) $sel(cfg_get.g.n)\\n\"); \
            $var(r) = cfg_reset(\"g\"); xlog(\"$var(r) $sel(cfg_get.g.n)\\n\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        let lines = trial.run(OPTIONS).lines;
        assert_eq!(
            lines.iter().filter(|line| !line.contains("cfg_select")).collect::<Vec<_>>(),
            ["6 def", "-1 6", "1 5"]
        );
    }
}
