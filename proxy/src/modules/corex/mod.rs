//! Module corex: sockets chosen by name, extended flags, parts of a socket's text.
//!
//! `append_branch()` and the `send_*()` functions are part of the core here and need no module.

use crate::api::{
    Args, Ctx, Flow, FunctionDef, FunctionFn, Kind, Level, ModuleDef, ParamDef, Routes, TransformDef,
    TransformFn, Value,
};

/// The table of module corex.
pub static MODULE: ModuleDef = ModuleDef {
    name: "corex",
    params: &[
        ParamDef::list("alias_subdomains", "accepted, no effect: domains whose subdomains are ours"),
        ParamDef::list("dns_cache", "accepted, no effect: fixed DNS records"),
        ParamDef::int("nio_intercept", 0, "accepted without effect"),
        ParamDef::int("nio_min_msg_len", 0, "accepted without effect"),
        ParamDef::text("nio_msg_avp", "", "accepted without effect"),
        ParamDef::text("evcb_reply_out", "", "accepted without effect"),
    ],
    functions: &[
        row("set_send_socket", &[Kind::Text], set_send_socket, "forces the socket copies leave by"),
        row("set_send_socket_name", &[Kind::Text], set_send_socket_name, "the same by its name"),
        row("is_socket_name", &[Kind::Text], is_socket_name, "whether a socket has that name"),
        row("setxflag", &[Kind::Int], |ctx, args| change(ctx, args, |flags, bit| flags | bit), "sets a flag"),
        row(
            "resetxflag",
            &[Kind::Int],
            |ctx, args| change(ctx, args, |flags, bit| flags & !bit),
            "clears a flag",
        ),
        row("isxflagset", &[Kind::Int], is_set, "whether a flag is set"),
    ],
    transforms: &[
        part("host", |_, value, _| of_socket(&value, 1)),
        part("port", |_, value, _| of_socket(&value, 2)),
        part("proto", |_, value, _| of_socket(&value, 0)),
    ],
    ..ModuleDef::EMPTY
};

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

const fn part(op: &'static str, run: TransformFn) -> TransformDef {
    TransformDef::new("sock", op, &[], run, "part of proto:host:port")
}

fn set_send_socket(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let written = args.value(ctx, 0).to_display();
    match ctx.force_socket(&written) {
        Ok(()) => Flow::TRUE,
        Err(_) => {
            ctx.log(Level::ERR, format!("set_send_socket: we do not listen on {written}"));
            Flow::FALSE
        }
    }
}

fn set_send_socket_name(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.value(ctx, 0).to_display();
    let found = ctx.shard.sockets.iter().find(|(_, socket)| socket.name.as_deref() == Some(&wanted));
    match found.map(|(id, _)| id) {
        Some(id) => {
            ctx.work.targets.ruri_mut().socket = Some(id);
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

fn is_socket_name(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.value(ctx, 0).to_display();
    let mut sockets = ctx.shard.sockets.iter();
    Flow::from_bool(sockets.any(|(_, socket)| socket.name.as_deref() == Some(&wanted)))
}

/// The extended flags of a message, bit n is flag n.
#[derive(Clone, Copy, Debug, Default)]
struct Extended(u64);

fn bit(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Option<u64> {
    u32::try_from(args.int(ctx, 0)).ok().and_then(|flag| 1u64.checked_shl(flag))
}

fn change(ctx: &mut Ctx<'_>, args: &Args<'_>, change: fn(u64, u64) -> u64) -> Flow {
    let Some(bit) = bit(ctx, args) else { return Flow::FALSE };
    let flags = &mut ctx.work.attached.get_mut::<Extended>().0;
    *flags = change(*flags, bit);
    Flow::TRUE
}

fn is_set(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(bit) = bit(ctx, args) else { return Flow::FALSE };
    Flow::from_bool(ctx.work.attached.get::<Extended>().is_some_and(|flags| flags.0 & bit != 0))
}

/// Part of `proto:host:port`: 0, 1 or 2.
fn of_socket(value: &Value, part: usize) -> Value {
    let text = value.to_text();
    let Some(first) = memchr::memchr(b':', &text) else { return Value::Null };
    let Some(last) = memchr::memrchr(b':', &text).filter(|last| *last > first) else { return Value::Null };
    Value::Str(match part {
        0 => text.slice(..first),
        1 => text.slice(first + 1..last),
        _ => text.slice(last + 1..),
    })
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn flags_and_socket_parts() {
        let text = "loadmodule \"corex.so\"\nloadmodule \"xlog.so\"\nrequest_route { \
            setxflag(40); if (isxflagset(40)) xlog(\"set\\n\"); resetxflag(40); \
            if (!isxflagset(40)) xlog(\"reset\\n\"); $var(s) = \"udp:[::1]:5060\"; \
            xlog(\"$(var(s){sock.proto})|$(var(s){sock.host})|$(var(s){sock.port})\\n\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        assert_eq!(trial.run(OPTIONS).lines, ["set", "reset", "udp|[::1]|5060"]);
    }
}
