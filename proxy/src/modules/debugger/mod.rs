//! Module debugger: a log line for each action of the script (`cfgtrace`), log thresholds of modules (`mod_level`).
//!
//! The lines carry kind and name of the block, file, line and name of the action; the action numbers of the
//! original are its internals and left out. Stepping through a script is not here: `--trace-call` shows it all.

mod dump;

use bytes::Bytes;

use crate::api::{
    Args, CfgTrace, Ctx, Flow, FunctionDef, Kind, Level, Loading, ModuleDef, ParamDef, Routes, Shard, Trace,
};

/// The table of module debugger.
pub static MODULE: ModuleDef = ModuleDef {
    name: "debugger",
    params: &[
        ParamDef::int("cfgtrace", 0, "1: logs every action of the script"),
        ParamDef::int("log_level", -1, "log level of the trace lines"),
        ParamDef::text("log_level_name", "", "word in front of the trace lines"),
        ParamDef::text("log_prefix", "*** cfgtrace:", "text at the start of the trace lines"),
        ParamDef::list("mod_level", "module=level: log threshold of one module"),
        ParamDef::int("mod_level_mode", 0, "1: the thresholds of modules count"),
        ParamDef::int("mod_hash_size", 0, "above 0: the same"),
        ParamDef::int("mod_facility_mode", 0, "accepted without effect"),
        ParamDef::list("mod_facility", "accepted without effect"),
        ParamDef::text("log_facility", "", "accepted without effect: trace lines go where all lines go"),
        ParamDef::int("log_assign", 0, "accepted without effect: trace lines show assignments"),
        ParamDef::int("cfgtrace_format", 0, "accepted without effect"),
        ParamDef::int("breakpoint", 0, "accepted without effect: nothing stops a script"),
        ParamDef::int("step_usleep", 100_000, "accepted without effect"),
        ParamDef::int("step_loops", 200, "accepted without effect"),
        ParamDef::int("reset_msgid", 0, "accepted without effect"),
        ParamDef::int("cfgpkgcheck", 0, "accepted without effect"),
        ParamDef::int("cfgtest", 0, "accepted without effect"),
    ],
    functions: &[
        FunctionDef::new(
            "dbg_sip_msg",
            &[],
            Routes::ANY,
            log_message,
            "logs the message as it would be sent",
        ),
        FunctionDef::new(
            "dbg_pv_dump",
            &[Kind::Int, Kind::Text],
            Routes::ANY,
            dump::dump,
            "logs AVPs (2), $var (4), XAVPs (8) and $shv (16) as JSON at a level",
        )
        .optional(2),
    ],
    load: Some(load),
    start: Some(start),
    ..ModuleDef::EMPTY
};

/// What the parameters ask for; shared by all shards.
#[derive(Debug)]
struct Wanted(Option<CfgTrace>);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let word = params.text("log_level_name");
    let prefix = [&word[..], if word.is_empty() { b"" } else { b": " }, &params.text("log_prefix")];
    let level = Level(params.int("log_level").clamp(-5, 3) as i8);
    let trace = CfgTrace { level, prefix: Bytes::from(prefix.concat()) };
    let is_on = params.int("cfgtrace") != 0;
    loading.shared.put(Wanted(is_on.then_some(trace)));
    loading.shared.put(Levels(module_levels(loading)?));
    Ok(())
}

/// Thresholds of modules; shared by all shards.
#[derive(Debug)]
struct Levels(Vec<(String, Level)>);

/// `core=3`; they count when both switches are on. Errors: one that is written otherwise.
fn module_levels(loading: &Loading<'_>) -> Result<Vec<(String, Level)>, String> {
    let params = loading.params;
    let mut levels = Vec::new();
    for row in params.list("mod_level") {
        let row = row.to_display();
        let wrong = || format!("mod_level \"{row}\": expected module=level");
        let (module, level) = row.split_once('=').ok_or_else(wrong)?;
        let level: i8 = level.trim().parse().map_err(|_| wrong())?;
        levels.push((module.trim().to_owned(), Level(level)));
    }
    let is_on = params.int("mod_level_mode") == 1 && params.int("mod_hash_size") > 0;
    Ok(if is_on { levels } else { Vec::new() })
}

fn start(shard: &mut Shard) {
    shard.log.levels = shard.shared.peek::<Levels>().map(|levels| levels.0.clone()).unwrap_or_default();
    let wanted = shard.shared.get::<Wanted>().and_then(|wanted| wanted.0.clone());
    if wanted.is_some() {
        shard.trace.get_or_insert_with(|| Box::new(Trace::default())).cfgtrace = wanted;
    } else if let Some(trace) = &mut shard.trace {
        trace.cfgtrace = None;
    }
}

fn log_message(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let text = ctx.work.view().bytes.to_vec();
    ctx.log(
        Level::ERR,
        [b"CONFIG LINE: ", ctx.routes.place(ctx.run.position).as_bytes(), b"\n", &text].concat(),
    );
    Flow::TRUE
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn each_action_has_a_line() {
        let mut trial = Trial::load(
            "loadmodule \"debugger.so\"\nmodparam(\"debugger\", \"cfgtrace\", 1)\n\
             modparam(\"debugger\", \"log_level_name\", \"exec\")\nrequest_route {\n\
             \x20 if (1) route(A);\n  dbg_sip_msg();\n}\nroute[A] { $var(x) = 1; }",
        )
        .expect("a good configuration");
        let lines = trial.run(OPTIONS).lines;
        let traced: Vec<&str> =
            lines.iter().filter_map(|line| line.strip_prefix("exec: *** cfgtrace: ")).collect();
        assert_eq!(
            traced,
            [
                "request_route=[DEFAULT_ROUTE] c=[test.cfg] l=5 n=if",
                "request_route=[DEFAULT_ROUTE] c=[test.cfg] l=5 n=route",
                "route=[A] c=[test.cfg] l=8 n=assign",
                "request_route=[DEFAULT_ROUTE] c=[test.cfg] l=6 n=dbg_sip_msg",
            ]
        );
        assert!(lines.last().expect("dbg_sip_msg()").contains("OPTIONS sip:bob@example.com"));
    }

    #[test]
    fn a_module_may_log_more_than_the_others() {
        let text = |levels: &str| {
            format!(
                "loadmodule \"debugger.so\"\nloadmodule \"xlog.so\"\nmodparam(\"debugger\", \"mod_hash_size\", 5)\n\
                 modparam(\"debugger\", \"mod_level_mode\", 1)\nmodparam(\"debugger\", \"mod_level\", \"{levels}\")\n\
                 request_route {{ xlog(\"L_DBG\", \"told\\n\"); }}"
            )
        };
        let lines = |levels| Trial::load(&text(levels)).expect("a good configuration").run(OPTIONS).lines;
        assert_eq!(lines("xlog=3"), ["told"]);
        assert!(lines("core=3").is_empty());
        assert!(Trial::load(&text("xlog")).is_err());
    }
}
