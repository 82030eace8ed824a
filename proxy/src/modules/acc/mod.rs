//! Module acc: a record of each transaction that the script marks, in the log and in a table; and of whole calls,
//! where module dialog follows them.
//!
//! Hooks see transactions that are made while a flag of the module is set, or that are to be watched anyway; whether a
//! record is written is decided by the flags at the time of the reply.

mod calls;
mod params;
mod record;
mod watch;

use bytes::Bytes;

use crate::api::{Args, Ctx, Flow, FunctionDef, Hooks, Kind, ModuleDef, Routes};
use crate::modules::db;
use params::Rules;
use record::Record;

/// The table of module acc.
pub static MODULE: ModuleDef = ModuleDef {
    name: "acc",
    params: params::PARAMS,
    functions: &[
        FunctionDef::new(
            "acc_log_request",
            &[Kind::Text],
            PLACES,
            acc_log_request,
            "logs a record with a comment",
        ),
        FunctionDef::new(
            "acc_db_request",
            &[Kind::Text, Kind::Text],
            PLACES,
            acc_db_request,
            "stores a record with a comment in a table",
        ),
        FunctionDef::new(
            "acc_request",
            &[Kind::Text, Kind::Text],
            PLACES,
            acc_request,
            "logs a record with a comment, and stores it when there is a database",
        ),
    ],
    load: Some(params::load),
    hooks: Hooks {
        opened: Some(watch::opened),
        failed: Some(watch::failed),
        answered: Some(watch::answered),
        acknowledged: Some(watch::acknowledged),
        ..Hooks::NONE
    },
    ..ModuleDef::EMPTY
};

/// Where records may be asked for.
const PLACES: Routes = Routes::REQUEST.or(Routes::FAILURE);

/// `acc_log_request(comment)`
fn acc_log_request(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (rules, comment) = (params::rules(ctx), args.text(ctx, 0));
    Record::of_comment(ctx, &comment).log(ctx, &rules, record::Kind::Asked.text());
    Flow::TRUE
}

/// `acc_db_request(comment, table)`
fn acc_db_request(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (rules, comment, table) = (params::rules(ctx), args.text(ctx, 0), args.text(ctx, 1));
    store(ctx, &rules, &comment, &table)
}

/// `acc_request(comment, table)`
fn acc_request(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (rules, comment, table) = (params::rules(ctx), args.text(ctx, 0), args.text(ctx, 1));
    Record::of_comment(ctx, &comment).log(ctx, &rules, record::Kind::Asked.text());
    if rules.store.is_none() { Flow::TRUE } else { store(ctx, &rules, &comment, &table) }
}

fn store(ctx: &mut Ctx<'_>, rules: &Rules, comment: &Bytes, table: &[u8]) -> Flow {
    let Some(store) = &rules.store else { return Flow::FALSE };
    let Some(table) = db::table(ctx, "acc", table) else { return Flow::FALSE };
    Record::of_comment(ctx, comment).store(ctx, rules, store, table);
    Flow::TRUE
}
