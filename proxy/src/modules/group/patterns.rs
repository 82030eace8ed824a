//! `get_user_group()`: groups of users by regular expressions, read once from the table of parameter `re_table`.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Rules, Source, member};
use crate::api::{Args, Case, Ctx, Flow, Loading, Pattern, StartRead, Value};
use crate::modules::db;
use crate::store::{Cell, Query, Row};

/// The patterns with their groups, the last row first.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    list: RwLock<Arc<Vec<(Pattern, i64)>>>,
    takes_all: bool,
}

/// Reads the parameters; without `re_table` there are no patterns. Errors: a name that is none.
pub(super) fn load(loading: &mut Loading<'_>, rules: &Rules) -> Result<(), String> {
    let takes_all = loading.params.int("multiple_gid") != 0;
    loading.shared.put(Patterns { takes_all, ..Patterns::default() });
    if loading.params.text("re_table").is_empty() {
        return Ok(());
    }
    let table = db::name(loading, "re_table")?;
    let columns = vec![db::name(loading, "re_exp_column")?, db::name(loading, "re_gid_column")?];
    db::needs(loading, &rules.url, "re_grp", &table);
    loading.lifecycle.reads.push(StartRead {
        module: "group",
        url: rules.url.clone(),
        query: Query::Select { table, columns, only: Vec::new() },
        take: Arc::new(|shared, rows| {
            let list = rows.iter().rev().map(pattern).collect::<Result<Vec<_>, _>>()?;
            if let Some(patterns) = shared.peek::<Patterns>() {
                *patterns.list.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
            }
            Ok(())
        }),
    });
    Ok(())
}

fn pattern(row: &Row) -> Result<(Pattern, i64), String> {
    let [text, group] = &row[..] else { return Err("a row has two columns".into()) };
    let text = text.to_text().unwrap_or_default();
    let pattern = Pattern::compile(&text, Case::Ignore)
        .map_err(|error| format!("the expression {}: {}", text.escape_ascii(), error.0))?;
    Ok((pattern, Cell::to_int(group).unwrap_or(0)))
}

/// `get_user_group(source, avp)`: how many groups fit, -1 none; their numbers go into the variable.
pub(super) fn get_user_group(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Ok(source) = args.prepared::<Source>(ctx, 0) else { return Flow::FALSE };
    let Some((user, domain)) = member(ctx, &source) else { return Flow::FALSE };
    let uri = [b"sip:", &user[..], b"@", &domain].concat();
    let patterns: Arc<Patterns> = ctx.shard.shared.get().expect("load() puts the patterns in");
    let list = patterns.list.read().unwrap_or_else(PoisonError::into_inner).clone();
    let most = if patterns.takes_all { usize::MAX } else { 1 };
    let fitting = list.iter().filter(|(pattern, _)| pattern.occurs_in(&uri)).take(most);
    let Some(pv) = args.pv(1) else { return Flow::FALSE };
    let mut count = 0;
    for (_, group) in fitting {
        if pv.set(ctx, Value::Int(*group)).is_err() {
            return Flow::FALSE;
        }
        count += 1;
    }
    if count == 0 { Flow::FALSE } else { Flow::Next(count) }
}
