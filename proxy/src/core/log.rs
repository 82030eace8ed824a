//! `log()`, the plain logging function: texts without variables, and a default level nobody sees.

use super::NAME;
use crate::api::{Args, Ctx, Flow, FunctionDef, Kind, Level, ModuleDef, Routes};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, functions: FUNCTIONS, ..ModuleDef::EMPTY };

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new("log", &[Kind::Word], Routes::ANY, log, "logs a text at level 4, above all others"),
    FunctionDef::new("log", &[Kind::Int, Kind::Word], Routes::ANY, log_at, "logs a text at a level"),
    FunctionDef::new("error", &[Kind::Word, Kind::Word], Routes::ANY, error, "logs that it does nothing"),
    FunctionDef::new("exec", &[Kind::Word], Routes::ANY, exec, "refused: runs no shell command"),
];

/// Above debug: not even printed with `debug=3`.
const DEFAULT: Level = Level(4);

fn log(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    write(ctx, DEFAULT, &text)
}

fn log_at(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let level = i8::try_from(args.int(ctx, 0)).map_or(DEFAULT, Level);
    let text = args.text(ctx, 1);
    write(ctx, level, &text)
}

fn write(ctx: &mut Ctx<'_>, level: Level, text: &[u8]) -> Flow {
    ctx.log(level, [b"<script>: ", text].concat());
    Flow::TRUE
}

fn error(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    ctx.log(Level::NOTICE, "error(): not implemented");
    Flow::TRUE
}

fn exec(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    ctx.log(Level::ERR, "exec() runs no shell commands: use the functions of module exec");
    Flow::FALSE
}
