//! Module debugger: a log line for each action of the script (`cfgtrace`).
//!
//! The lines carry kind and name of the block, file, line and name of the action; the action numbers of the
//! original are its internals and left out. Stepping through a script is not here: `--trace-call` shows it all.

use bytes::Bytes;

use crate::api::{
    Args, CfgTrace, Ctx, Flow, FunctionDef, Level, Loading, ModuleDef, ParamDef, Routes, Shard, Trace,
};

/// The table of module debugger.
pub static MODULE: ModuleDef = ModuleDef {
    name: "debugger",
    params: &[
        ParamDef::int("cfgtrace", 0, "1: logs every action of the script"),
        ParamDef::int("log_level", -1, "log level of the trace lines"),
        ParamDef::text("log_level_name", "", "word in front of the trace lines"),
        ParamDef::text("log_prefix", "*** cfgtrace:", "text at the start of the trace lines"),
    ],
    functions: &[FunctionDef::new(
        "dbg_sip_msg",
        &[],
        Routes::ANY,
        log_message,
        "logs the message as it would be sent",
    )],
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
    Ok(())
}

fn start(shard: &mut Shard) {
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
}
