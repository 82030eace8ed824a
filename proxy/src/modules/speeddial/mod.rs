//! Module speeddial: short numbers of a user become the URIs the user stored for them.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::Uri;

use crate::api::{
    Args, Catalog, Ctx, Flow, FunctionDef, IoRequest, Kind, Loading, ModuleDef, ParamDef, Prepared, Resumed,
    Routes, Wait,
};
use crate::modules::db;
use crate::store::{Cell, Name, Operator, Query, Url};

/// The table of module speeddial.
pub static MODULE: ModuleDef = ModuleDef {
    name: "speeddial",
    params: &[
        ParamDef::text(
            "db_url",
            "mysql://kamailioro:kamailioro@localhost/kamailio",
            "database of the short numbers",
        ),
        ParamDef::int("use_domain", 0, "1: the user's domain counts, 2: the dialled domain too"),
        ParamDef::text("user_column", "username", "column of the user"),
        ParamDef::text("domain_column", "domain", "column of the user's domain"),
        ParamDef::text("sd_user_column", "sd_username", "column of the short number"),
        ParamDef::text("sd_domain_column", "sd_domain", "column of the dialled domain"),
        ParamDef::text("new_uri_column", "new_uri", "column of the URI behind it"),
        ParamDef::text("domain_prefix", "", "cut off the domains before the look-up"),
    ],
    functions: &[FunctionDef::new(
        "sd_lookup",
        &[Kind::Prepared(prepare_table), Kind::Text],
        Routes::REQUEST,
        sd_lookup,
        "replaces a short number in the request URI; of the sender, or of the user of the second argument",
    )
    .optional(1)],
    load: Some(load),
    ..ModuleDef::EMPTY
};

#[derive(Debug)]
struct Rules {
    url: Arc<Url>,
    use_domain: i64,
    user: Name,
    domain: Name,
    dialled_user: Name,
    dialled_domain: Name,
    new_uri: Name,
    domain_prefix: Bytes,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let rules = Rules {
        url: db::url(loading)?,
        use_domain: loading.params.int("use_domain"),
        user: db::name(loading, "user_column")?,
        domain: db::name(loading, "domain_column")?,
        dialled_user: db::name(loading, "sd_user_column")?,
        dialled_domain: db::name(loading, "sd_domain_column")?,
        new_uri: db::name(loading, "new_uri_column")?,
        domain_prefix: loading.params.text("domain_prefix"),
    };
    for table in db::noted(loading, TABLES) {
        db::uses(loading, &rules.url, "speed_dial", &table);
    }
    loading.shared.put(rules);
    Ok(())
}

/// The class of names under which the tables of arguments are noted.
const TABLES: &str = "speeddial table";

fn prepare_table(catalog: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    db::prepare(catalog, TABLES, text)
}

/// `sd_lookup(table[, owner])`
fn sd_lookup(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let rules: Arc<Rules> = ctx.shard.shared.get().expect("load() puts the rules in");
    let Some(table) = db::table_of(ctx, args, 0, "speeddial") else { return Flow::FALSE };
    let owner = if args.len() > 1 { Some(args.text(ctx, 1)) } else { sender(ctx) };
    let dialled = ctx.work.uri();
    let only = owner.zip(dialled).and_then(|(owner, dialled)| conditions(&rules, &owner, &dialled));
    let Some(only) = only else { return Flow::FALSE };
    let query = Query::Select { table: Name::clone(&table), columns: vec![rules.new_uri.clone()], only };
    let request = IoRequest::Query(rules.url.clone(), query);
    Flow::Wait(Wait { request, then: replace, kept: Box::new(()) })
}

fn sender(ctx: &Ctx<'_>) -> Option<Bytes> {
    let from = ctx.work.view().from().ok()?;
    Some(Bytes::copy_from_slice(from.uri_text))
}

/// Whose entry and which; `None` when one of the URIs is none.
fn conditions(rules: &Rules, owner: &[u8], dialled: &[u8]) -> Option<Vec<(Name, Operator, Cell)>> {
    let (owner, dialled) = (Uri::parse(owner).ok()?, Uri::parse(dialled).ok()?);
    let host = |uri: &Uri<'_>| Cell::text(uri.host.strip_prefix(&*rules.domain_prefix).unwrap_or(uri.host));
    let equal = |name: &Name, cell: Cell| (name.clone(), Operator::Equal, cell);
    let mut only = vec![
        equal(&rules.user, Cell::text(owner.user?)),
        equal(&rules.dialled_user, Cell::text(dialled.user?)),
    ];
    if rules.use_domain >= 1 {
        only.push(equal(&rules.domain, host(&owner)));
    }
    if rules.use_domain >= 2 {
        only.push(equal(&rules.dialled_domain, host(&dialled)));
    }
    Some(only)
}

fn replace(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Some(rows) = db::rows(ctx, "speeddial", resumed.answer) else { return Flow::FALSE };
    let Some(new_uri) = rows.first().and_then(|row| row.first()?.to_text()) else { return Flow::FALSE };
    let uri = if Uri::parse(&new_uri).is_ok() { new_uri.to_vec() } else { [b"sip:", &new_uri[..]].concat() };
    if Uri::parse(&uri).is_err() {
        return Flow::FALSE;
    }
    ctx.work.targets.set_uri(uri);
    Flow::TRUE
}
