//! Reading the list: when a table is needed that has not been read yet, and again by command.

use std::sync::Arc;

use super::list;
use super::params::{Rules, Source};
use super::sets::{Sets, Table};
use crate::api::{
    Answer, Args, Ctx, Flow, FunctionFn, IoAnswer, IoRequest, Kept, Level, Resumed, Shard, Wait,
};
use crate::store::{Reply, Row};

/// The parameters. `load` has put them in before any function runs.
pub(super) fn rules(shard: &Shard) -> Arc<Rules> {
    shard.shared.get().expect("load() puts the rules in")
}

/// The sets. `load` has put them in before any function runs.
pub(super) fn sets(shard: &Shard) -> Arc<Sets> {
    shard.shared.get().expect("load() puts the sets in")
}

/// Runs `act` once the sets have been read; it is false when they cannot be.
pub(super) fn when_read(ctx: &mut Ctx<'_>, args: &Args<'_>, act: FunctionFn) -> Flow {
    match sets(ctx.shard).table() {
        Some(_) => act(ctx, args),
        None => read_first(ctx, act),
    }
}

/// The sets for a function that runs behind [`when_read`].
pub(super) fn table(ctx: &Ctx<'_>) -> Arc<Table> {
    sets(ctx.shard).table().unwrap_or_default()
}

/// `ds_reload()`
pub(super) fn ds_reload(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let (rules, sets) = (rules(ctx.shard), sets(ctx.shard));
    match &rules.source {
        Source::File(_) => match sets.read_file(&rules) {
            Ok(()) => Flow::TRUE,
            Err(why) => {
                ctx.log(Level::ERR, format!("dispatcher: {why}"));
                Flow::FALSE
            }
        },
        Source::Table(..) => read_first(ctx, |_, _| Flow::TRUE),
    }
}

/// Reads a table without a run that waits: at the start and by command.
pub(super) fn ask_table(shard: &mut Shard) {
    if let Source::Table(url, query) = &rules(shard).source {
        let request = IoRequest::Query(url.clone(), query.clone());
        shard.ask(request, answered, Box::new(()));
    }
}

fn answered(shard: &mut Shard, answer: IoAnswer, _: Kept) {
    if let Err(why) = keep(shard, answer) {
        shard.log.write(Level::ERR, format!("dispatcher: {why}").as_bytes());
    }
}

fn read_first(ctx: &mut Ctx<'_>, act: FunctionFn) -> Flow {
    match &rules(ctx.shard).source {
        Source::File(_) => Flow::FALSE,
        Source::Table(url, query) => {
            let request = IoRequest::Query(url.clone(), query.clone());
            Flow::Wait(Wait { request, then: read, kept: Box::new(act) })
        }
    }
}

fn read(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let (Ok(act), Answer::Io(answer)) = (resumed.kept.downcast::<FunctionFn>(), resumed.answer) else {
        return Flow::FALSE;
    };
    match keep(ctx.shard, answer) {
        Ok(()) => act(ctx, args),
        Err(why) => {
            ctx.log(Level::ERR, format!("dispatcher: {why}"));
            Flow::FALSE
        }
    }
}

/// Puts sets of the rows in place. Errors: why that cannot be done; the sets are then as before.
fn keep(shard: &mut Shard, answer: IoAnswer) -> Result<(), String> {
    let rows: Vec<Row> = match answer {
        IoAnswer::Store(Ok(Reply::Rows(rows))) => rows,
        IoAnswer::Store(Err(error)) => return Err(error.to_string()),
        IoAnswer::Failed(why) => return Err(why),
        _ => return Err("the database gave no rows".into()),
    };
    let rules = rules(shard);
    let lines = list::of_rows(&rows, &rules.extra_attrs).map_err(|error| format!("row {error}"))?;
    sets(shard).put_lines(&lines, &rules)?;
    super::lookup::of_list(shard);
    Ok(())
}
