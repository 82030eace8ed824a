//! Flags on the values of AVPs: named by `avpflags`, set, cleared and asked for.
//!
//! The newest value of the AVP carries them; a value assigned later has none.

use std::sync::Arc;

use bytes::Bytes;

use super::NAME;
use super::vars::avp_name;
use crate::api::{AVP_FLAGS, Args, AvpName, Ctx, Flow, FunctionDef, FunctionFn, Kind, ModuleDef, Routes};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, functions: FUNCTIONS, ..ModuleDef::EMPTY };

static FUNCTIONS: &[FunctionDef] = &[
    row("setavpflag", |ctx, args| with_flags(ctx, args, |flags, bit| *flags |= bit), "sets a flag of an AVP"),
    row(
        "resetavpflag",
        |ctx, args| with_flags(ctx, args, |flags, bit| *flags &= !bit),
        "clears a flag of an AVP",
    ),
    row("isavpflagset", is_set, "whether a flag of an AVP is set"),
];

const fn row(name: &'static str, run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, &[AVP, FLAG], Routes::NOT_ONSEND, run, doc)
}

/// `$avp(x)`, or the name of an AVP in quotes, `"x"` or `"$avp(x)"`.
const AVP: Kind = Kind::PreparedRaw(|catalog, text| {
    let name = match text.strip_prefix(b"$") {
        None => AvpName::parse(&Bytes::copy_from_slice(text)),
        Some(_) => {
            let pv = catalog.variable(text).map_err(|error| error.to_string())?;
            let name = text.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")"));
            match name.filter(|_| pv.def.name == "avp") {
                Some(name) => AvpName::parse(&Bytes::copy_from_slice(name)),
                None => return Err("an AVP is expected here".into()),
            }
        }
    };
    Ok(Arc::new(name))
});

/// A declared flag, as its bit.
const FLAG: Kind = Kind::Prepared(|catalog, text| {
    let bit = catalog.slot(AVP_FLAGS, text).and_then(|flag| 1u32.checked_shl(flag));
    let bit = bit.ok_or("there are 32 AVP flags at most, and they are declared with avpflags")?;
    Ok(Arc::new(bit))
});

fn flags<'a>(ctx: &'a mut Ctx<'_>, args: &Args<'_>) -> Option<(&'a mut u32, u32)> {
    let bit = *args.prepared::<u32>(ctx, 1).ok()?;
    let name = match args.pv(0) {
        Some(pv) if pv.def.name == "avp" => avp_name(ctx, &pv.arg),
        Some(_) => return None,
        None => args.prepared::<AvpName>(ctx, 0).ok()?.as_ref().clone(),
    };
    Some((ctx.work.avps.flags_mut(&name)?, bit))
}

/// -1 when there is no such AVP.
fn with_flags(ctx: &mut Ctx<'_>, args: &Args<'_>, change: fn(&mut u32, u32)) -> Flow {
    match flags(ctx, args) {
        Some((flags, bit)) => {
            change(flags, bit);
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

fn is_set(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    Flow::from_bool(flags(ctx, args).is_some_and(|(flags, bit)| *flags & bit != 0))
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn the_newest_value_carries_the_flags() {
        let text = "avpflags red, blue;\nloadmodule \"xlog.so\"\nrequest_route { $avp(f) = 1; \
            $var(a) = isavpflagset(\"f\", red); setavpflag($avp(f), red); $var(b) = isavpflagset(\"f\", red); \
            $var(c) = isavpflagset(\"$avp(f)\", blue); resetavpflag(\"s:f\", red); \
            $var(d) = isavpflagset($avp(f), red); setavpflag(\"f\", blue); $avp(f) = 2; \
            $var(e) = isavpflagset(\"f\", blue); $var(g) = setavpflag(\"none\", blue); \
            xlog(\"$var(a) $var(b) $var(c) $var(d) $var(e) $var(g)\\n\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        assert_eq!(trial.run(OPTIONS).lines, ["-1 1 -1 -1 -1 -1"]);
    }
}
