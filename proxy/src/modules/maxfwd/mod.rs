//! Module maxfwd: the Max-Forwards of requests (RFC 3261 16.3, 16.6 step 3).

use sip::msg::{EditId, HeaderName};

use crate::api::{
    Args, Ctx, Flow, FunctionDef, FunctionFn, Kind, Level, Loading, ModuleDef, ParamDef, Routes,
};

/// The table of module maxfwd.
pub static MODULE: ModuleDef = ModuleDef {
    name: "maxfwd",
    params: &[ParamDef::int("max_limit", 70, "largest value that is passed on, 1 to 256")],
    functions: &[
        row("mf_process_maxfwd_header", process, "adds or lowers Max-Forwards; -1 when it is 0"),
        row("maxfwd_process", process, "adds or lowers Max-Forwards; -1 when it is 0"),
        row("process_maxfwd", process, "adds or lowers Max-Forwards; -1 when it is 0"),
        row("is_maxfwd_lt", is_below, "whether Max-Forwards is below a number"),
        row("maxfwd_at_least", is_below, "whether Max-Forwards is below a number, whatever its name says"),
        row("mf_lowlimit", is_below, "whether Max-Forwards is below a number"),
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const fn row(name: &'static str, run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, &[Kind::Int], Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH), run, doc)
}

#[derive(Debug)]
struct Limit(u32);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    match loading.params.int("max_limit") {
        limit @ 1..=256 => {
            loading.shared.put(Limit(limit as u32));
            Ok(())
        }
        other => Err(format!("max_limit is {other}, expected 1 to 256")),
    }
}

/// What has been done to the field of this message: the number as it will be sent, and the edit.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    value: Option<u32>,
    edit: Option<EditId>,
}

/// 1: lowered; 2: added; -1: it is 0; -2: it is not a number. A second call lowers a second time.
fn process(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let initial = args.int(ctx, 0);
    let view = ctx.work.view();
    let Some(written) = view.header(HeaderName::MaxForwards) else {
        let line = format!("Max-Forwards: {initial}\r\n");
        ctx.work.edits.insert(ctx.work.view().headers_start(), line.as_bytes());
        return Flow::Next(2);
    };
    let done = ctx.work.attached.get::<Done>().copied().unwrap_or_default();
    let Some(value) = done.value.or_else(|| sip::lex::parse_u32(written)) else {
        ctx.log(Level::ERR, "Max-Forwards is not a number");
        return Flow::Next(-2);
    };
    if value == 0 {
        return Flow::FALSE;
    }
    let limit = ctx.shard.shared.peek::<Limit>().map_or(70, |limit| limit.0);
    let lowered = if value > limit { limit } else { value - 1 };
    // The field keeps its width, as a number written over the old one would.
    let width = written.len();
    let span = view.locate(written).expect("the value lies in the message");
    if let Some(edit) = done.edit {
        ctx.work.edits.cancel(edit);
    }
    let edit = ctx.work.edits.replace(span, format!("{lowered:>width$}").as_bytes());
    ctx.work.attached.put(Done { value: Some(lowered), edit });
    Flow::TRUE
}

/// 1: below; -1: not below; -2: absent; -3: not a number.
fn is_below(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(written) = ctx.work.view().header(HeaderName::MaxForwards) else { return Flow::Next(-2) };
    let Some(value) = sip::lex::parse_u32(written) else { return Flow::Next(-3) };
    Flow::from_bool(i64::from(value) < args.int(ctx, 0))
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    fn run(value: Option<&str>, calls: usize) -> (i64, String) {
        let body = "mf_process_maxfwd_header(\"10\");".repeat(calls);
        let text = format!("loadmodule \"maxfwd.so\"\nrequest_route {{ {body} return $rc; }}");
        let mut trial = Trial::load(&text).expect("the test's configuration is right");
        let line = value.map_or(String::new(), |value| format!("Max-Forwards: {value}\r\n"));
        let message = String::from_utf8_lossy(OPTIONS).replace("Max-Forwards: 70\r\n", &line);
        let outcome = trial.run(message.as_bytes());
        let mut out = Vec::new();
        outcome.work.edits.write(outcome.work.view(), &mut out);
        let out = String::from_utf8_lossy(&out).into_owned();
        let fields: Vec<&str> = out.lines().filter(|line| line.starts_with("Max-Forwards")).collect();
        (outcome.end.code, fields.join("|"))
    }

    #[test]
    fn the_field_is_added_or_lowered_or_refused() {
        // Measured on Kamailio 5.6.3; RFC 3261 16.3 (3), 16.6 (3).
        let rows = [
            (Some("70"), 1, 1, "Max-Forwards: 69"),
            (Some("70"), 2, 1, "Max-Forwards: 68"),
            (Some("10"), 1, 1, "Max-Forwards:  9"),
            (Some("300"), 1, 1, "Max-Forwards:  70"),
            (Some("0"), 1, -1, "Max-Forwards: 0"),
            (Some("1"), 2, -1, "Max-Forwards: 0"),
            (Some("abc"), 1, -2, "Max-Forwards: abc"),
            (None, 1, 2, "Max-Forwards: 10"),
            (None, 2, 2, "Max-Forwards: 10|Max-Forwards: 10"),
        ];
        for (value, calls, code, expected) in rows {
            assert_eq!(run(value, calls), (code, expected.to_owned()), "{value:?}");
        }
    }
}
