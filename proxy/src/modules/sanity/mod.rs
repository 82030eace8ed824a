//! Module sanity: `sanity_check()` refuses messages that are wrong, each check a bit of a mask.

mod checks;

use crate::api::{
    Args, Ctx, Flow, FunctionDef, Kind, Level, Loading, ModuleDef, ParamDef, RouteKind, Routes,
};
use checks::{Failure, Masks};
use sip::msg::Method;

/// The table of module sanity.
pub static MODULE: ModuleDef = ModuleDef {
    name: "sanity",
    params: &[
        ParamDef::int("default_checks", 3047, "checks of a call without argument"),
        ParamDef::int("uri_checks", 7, "URIs that check 1024 reads: 1 request, 2 From, 4 To, 8 Contact"),
        ParamDef::text("proxy_require", "", "option tags that Proxy-Require may name"),
        ParamDef::int("autodrop", 1, "a failed check ends the script"),
        ParamDef::int("noreply", 0, "a failed check sends no reply; sanity_reply() does"),
    ],
    functions: &[
        FunctionDef::new("sanity_check", &[Kind::Int, Kind::Int], WHERE, check, "checks the message")
            .optional(2),
        FunctionDef::new(
            "sanity_reply",
            &[],
            WHERE,
            reply_later,
            "sends the reply of the check that failed, or 500",
        ),
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const WHERE: Routes = Routes::REQUEST.or(Routes::of(RouteKind::TmReply)).or(Routes::of(RouteKind::CoreReply));

/// The parameters.
#[derive(Debug)]
struct Rules {
    masks: Masks,
    extensions: Vec<String>,
    ends_script: bool,
    is_silent: bool,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let extensions = String::from_utf8_lossy(&params.text("proxy_require"))
        .split(',')
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect();
    let rules = Rules {
        masks: Masks { message: params.int("default_checks"), uris: params.int("uri_checks") },
        extensions,
        ends_script: params.int("autodrop") != 0,
        is_silent: params.int("noreply") != 0,
    };
    loading.shared.put(rules);
    Ok(())
}

/// What a check failed with, kept for `sanity_reply()`.
#[derive(Clone, Debug)]
struct Failed(Failure);

/// 1: all is well. -1, or the end of the script: a check failed, and a request was answered where it can be.
fn check(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(rules) = ctx.shard.shared.get::<Rules>() else { return Flow::FALSE };
    let masks = Masks {
        message: if args.is_empty() { rules.masks.message } else { args.int(ctx, 0) },
        uris: if args.len() < 2 { rules.masks.uris } else { args.int(ctx, 1) },
    };
    if !masks.are_valid() {
        ctx.log(Level::ERR, format!("sanity_check: {} and {} are no masks", masks.message, masks.uris));
        return Flow::FALSE;
    }
    let Err(failure) = checks::run(ctx.work.view(), masks, &rules.extensions) else { return Flow::TRUE };
    ctx.log(Level::WARN, format!("sanity_check: {failure}"));
    match rules.is_silent {
        true => ctx.work.attached.put(Failed(failure)),
        false => answer(ctx, &failure),
    }
    if rules.ends_script { Flow::STOP } else { Flow::FALSE }
}

fn reply_later(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    match ctx.work.attached.get::<Failed>().cloned() {
        Some(Failed(failure)) => {
            answer(ctx, &failure);
            Flow::TRUE
        }
        None => {
            ctx.reply(500, b"Server Sanity Failure");
            Flow::TRUE
        }
    }
}

fn answer(ctx: &mut Ctx<'_>, failure: &Failure) {
    let Some((status, reason)) = failure.reply() else { return };
    if matches!(ctx.work.view().method(), None | Some(Method::Ack)) {
        return;
    }
    // It stays for later replies of the script, as with the original.
    ctx.work.reply_headers.extend(failure.line());
    ctx.reply(status, reason.as_bytes());
}
