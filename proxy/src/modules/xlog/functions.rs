//! The functions of xlog: a level, a text, a line.

use std::sync::Arc;

use super::Settings;
use crate::api::{Args, Ctx, Flow, InnerKind, Kind, Level, PvArg, PvDef, Value};

/// A level: `L_` and a letter, or a variable that holds the number.
pub(super) const LEVEL: Kind = Kind::Prepared(|_, text| Ok(Arc::new(level(text)?)));

/// A syslog facility.
pub(super) const FACILITY: Kind = Kind::Prepared(|_, text| Ok(Arc::new(Facility(facility(text)?))));

/// `$C(xy)`: ANSI colours, foreground and background.
pub(super) const COLOUR: PvDef = PvDef::new("C", colour, "terminal colours").inner(InnerKind::Name);

struct Facility(&'static str);

/// Only the third character counts. A number is a level when it comes out of a variable.
fn level(text: &[u8]) -> Result<Level, String> {
    if let Some(number) = crate::api::parse_int(text) {
        return Ok(Level(number.clamp(-128, 127) as i8));
    }
    Level::named(text).ok_or_else(|| {
        "a level is one of L_ALERT L_BUG L_CRIT L_ERR L_WARN L_NOTICE L_INFO L_DBG, or a variable".to_owned()
    })
}

/// A syslog facility by its name. Errors: the names there are.
pub fn facility(text: &[u8]) -> Result<&'static str, String> {
    const KNOWN: [&str; 20] = [
        "LOG_AUTH",
        "LOG_AUTHPRIV",
        "LOG_CRON",
        "LOG_DAEMON",
        "LOG_FTP",
        "LOG_KERN",
        "LOG_LOCAL0",
        "LOG_LOCAL1",
        "LOG_LOCAL2",
        "LOG_LOCAL3",
        "LOG_LOCAL4",
        "LOG_LOCAL5",
        "LOG_LOCAL6",
        "LOG_LOCAL7",
        "LOG_LPR",
        "LOG_MAIL",
        "LOG_NEWS",
        "LOG_SYSLOG",
        "LOG_USER",
        "LOG_UUCP",
    ];
    let found = KNOWN.iter().find(|name| name.as_bytes() == text).copied();
    found.ok_or_else(|| format!("a facility is one of {}", KNOWN.join(" ")))
}

/// What stands before the text of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Shown,
    Hidden,
}

fn write(ctx: &mut Ctx<'_>, args: &Args<'_>, level: Level, position: Position) -> Flow {
    write_to(ctx, args, (None, level), position)
}

fn write_to(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    (facility, level): (Option<&'static str>, Level),
    position: Position,
) -> Flow {
    if !ctx.shard.log.is_on(level) {
        return Flow::TRUE;
    }
    let settings = ctx.shard.shared.get::<Settings>().expect("load() puts it in");
    let mut line = Vec::with_capacity(128);
    settings.prefix.render_into(ctx, &mut line);
    if position == Position::Shown {
        let place = match settings.names_file {
            true => ctx.routes.place(ctx.run.position),
            false => ctx.routes.line(ctx.run.position).to_string(),
        };
        line.extend_from_slice(place.as_bytes());
        line.push(b':');
    }
    let start = line.len();
    args.text_into(ctx, args.len() - 1, &mut line);
    // A text ends at its first NUL, as it would in a C program.
    if let Some(nul) = memchr::memchr(0, &line[start..]) {
        line.truncate(start + nul);
    }
    if line.len() - start > settings.longest {
        let problem =
            format!("xlog: a text of {} bytes, buf_size is {}", line.len() - start, settings.longest);
        ctx.log(Level::ERR, problem);
        return Flow::FALSE;
    }
    ctx.shard.log.write_to(facility.or(settings.facility), level, &line);
    Flow::TRUE
}

/// The level given as argument `at`; a computed one that is no level is logged as an error.
fn level_arg(ctx: &mut Ctx<'_>, args: &Args<'_>, at: usize) -> Level {
    match args.prepared::<Level>(ctx, at) {
        Ok(level) => *level,
        Err(reason) => {
            ctx.log(Level::ERR, format!("xlog: {reason}"));
            Level::ERR
        }
    }
}

pub(super) fn at_level(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let level = level_arg(ctx, args, 0);
    write(ctx, args, level, Position::Hidden)
}

pub(super) fn at_level_with_line(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let level = level_arg(ctx, args, 0);
    write(ctx, args, level, Position::Shown)
}

pub(super) fn to_facility(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let facility = args.prepared::<Facility>(ctx, 0).ok().map(|facility| facility.0);
    let level = level_arg(ctx, args, 1);
    write_to(ctx, args, (facility, level), Position::Hidden)
}

pub(super) fn for_methods(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = ctx.shard.shared.peek::<Settings>().map_or(-1, |settings| settings.methods);
    let method = ctx.catalog.pv("rmid").map_or(0, |row| (row.get)(ctx, &PvArg::NONE).to_int());
    if wanted & method != 0 {
        return Flow::TRUE;
    }
    at_level(ctx, args)
}

pub(super) fn alert(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::ALERT, Position::Hidden)
}

pub(super) fn bug(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::BUG, Position::Hidden)
}

pub(super) fn crit(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::CRIT, Position::Hidden)
}

pub(super) fn err(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::ERR, Position::Hidden)
}

pub(super) fn warn(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::WARN, Position::Hidden)
}

pub(super) fn notice(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::NOTICE, Position::Hidden)
}

pub(super) fn info(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::INFO, Position::Hidden)
}

pub(super) fn dbg(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::DBG, Position::Hidden)
}

pub(super) fn err_with_line(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::ERR, Position::Shown)
}

pub(super) fn dbg_with_line(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    write(ctx, args, Level::DBG, Position::Shown)
}

/// Two letters: foreground and background; `x` is the terminal's own, a capital is bright.
fn colour(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let name = arg.name(ctx);
    let [front, back] = name[..] else { return Value::Null };
    let bright = i32::from(front.is_ascii_uppercase());
    match (colour_number(front), colour_number(back)) {
        (Some(front), Some(back)) => {
            Value::Str(format!("\u{1b}[{bright};{};{}m", 30 + front, 40 + back).into())
        }
        _ => Value::Null,
    }
}

fn colour_number(letter: u8) -> Option<i32> {
    Some(match letter.to_ascii_lowercase() {
        b's' => 0,
        b'r' => 1,
        b'g' => 2,
        b'y' => 3,
        b'b' => 4,
        b'p' => 5,
        b'c' => 6,
        b'w' => 7,
        b'x' => 9,
        _ => return None,
    })
}
