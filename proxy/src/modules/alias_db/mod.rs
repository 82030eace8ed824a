//! Module alias_db: request URIs that are aliases become those of the users behind them, by a table.

use std::sync::Arc;

use sip::msg::Uri;

use crate::api::{
    Args, Catalog, Ctx, Flow, FunctionDef, IoRequest, Kind, Loading, ModuleDef, ParamDef, Prepared, Resumed,
    Routes, ThenFn, Value, Wait,
};
use crate::modules::db;
use crate::relay::Target;
use crate::store::{Cell, Name, Operator, Query, Row, Url};

/// The table of module alias_db.
pub static MODULE: ModuleDef = ModuleDef {
    name: "alias_db",
    params: &[
        ParamDef::text(
            "db_url",
            "mysql://kamailioro:kamailioro@localhost/kamailio",
            "database of the aliases",
        ),
        ParamDef::int("use_domain", 0, "whether the host of the URI is looked up too"),
        ParamDef::text("user_column", "username", "column of the user"),
        ParamDef::text("domain_column", "domain", "column of the user's domain"),
        ParamDef::text("alias_user_column", "alias_username", "column of the alias"),
        ParamDef::text("alias_domain_column", "alias_domain", "column of the alias' domain"),
        ParamDef::text("domain_prefix", "", "cut off the host before the look-up"),
        ParamDef::int("append_branches", 0, "whether further rows become branches"),
    ],
    functions: &[
        FunctionDef::new(
            "alias_db_lookup",
            &[Kind::Prepared(prepare_table), Kind::Text],
            PLACES,
            alias_db_lookup,
            "replaces an alias in the request URI; flags: r reverse, u with domain, d without",
        )
        .optional(1),
        FunctionDef::new(
            "alias_db_find",
            &[Kind::Prepared(prepare_table), Kind::Text, Kind::WritePv, Kind::Text],
            PLACES,
            alias_db_find,
            "writes the URI behind the alias of another one into a variable; flags as above",
        )
        .optional(1),
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

/// Where aliases may be looked up.
const PLACES: Routes = Routes::REQUEST.or(Routes::FAILURE);

#[derive(Debug)]
struct Rules {
    url: Arc<Url>,
    uses_domain: bool,
    appends_branches: bool,
    user: [Name; 2],
    alias: [Name; 2],
    domain_prefix: bytes::Bytes,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let column = |param: &str| db::name(loading, param);
    let rules = Rules {
        url: db::url(loading)?,
        uses_domain: loading.params.int("use_domain") != 0,
        appends_branches: loading.params.int("append_branches") != 0,
        user: [column("user_column")?, column("domain_column")?],
        alias: [column("alias_user_column")?, column("alias_domain_column")?],
        domain_prefix: loading.params.text("domain_prefix"),
    };
    for table in db::noted(loading, TABLES) {
        db::uses(loading, &rules.url, "dbaliases", &table);
    }
    loading.shared.put(rules);
    Ok(())
}

/// The class of names under which the tables of arguments are noted.
const TABLES: &str = "alias_db table";

fn prepare_table(catalog: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    db::prepare(catalog, TABLES, text)
}

/// `alias_db_lookup(table[, flags])`: one level; aliases of aliases need a second call.
fn alias_db_lookup(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(uri) = ctx.work.uri() else { return Flow::FALSE };
    let flags = args.text(ctx, 1);
    ask(ctx, args, (&uri, &flags), replace)
}

/// `alias_db_find(table, in, out[, flags])`: the same for a URI in a variable.
fn alias_db_find(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (uri, flags) = (args.text(ctx, 1), args.text(ctx, 3));
    ask(ctx, args, (&uri, &flags), put)
}

fn ask(ctx: &mut Ctx<'_>, args: &Args<'_>, (text, flags): (&[u8], &[u8]), then: ThenFn) -> Flow {
    let rules = rules(ctx);
    let Some(table) = db::table_of(ctx, args, 0, "alias_db") else { return Flow::FALSE };
    let Ok(uri) = Uri::parse(text) else { return Flow::FALSE };
    let Some(user) = uri.user.filter(|user| !user.is_empty()) else { return Flow::FALSE };
    let (known, wanted) =
        if flags.contains(&b'r') { (&rules.user, &rules.alias) } else { (&rules.alias, &rules.user) };
    let mut only = vec![(known[0].clone(), Operator::Equal, Cell::text(user))];
    if (rules.uses_domain || flags.contains(&b'u')) && !flags.contains(&b'd') {
        let host = uri.host.strip_prefix(&*rules.domain_prefix).unwrap_or(uri.host);
        only.push((known[1].clone(), Operator::Equal, Cell::text(host)));
    }
    let query = Query::Select { table: Name::clone(&table), columns: wanted.to_vec(), only };
    let request = IoRequest::Query(rules.url.clone(), query);
    Flow::Wait(Wait { request, then, kept: Box::new(()) })
}

/// The URI of each row that makes one.
fn uris(ctx: &mut Ctx<'_>, resumed: Resumed) -> Vec<Vec<u8>> {
    let rows = db::rows(ctx, "alias_db", resumed.answer).unwrap_or_default();
    let uri = |row: &Row| match row.as_slice() {
        [user, domain] => Some([b"sip:", &user.to_text()?[..], b"@", &domain.to_text()?[..]].concat()),
        _ => None,
    };
    rows.iter().filter_map(uri).filter(|uri| Uri::parse(uri).is_ok()).collect()
}

fn replace(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let mut uris = uris(ctx, resumed).into_iter();
    let Some(first) = uris.next() else { return Flow::FALSE };
    ctx.work.targets.set_uri(first);
    if rules(ctx).appends_branches {
        let most = ctx.shard.relay.settings().max_branches;
        for uri in uris {
            let target = Target { uri: Some(uri.into()), ..Target::default() };
            if ctx.work.targets.append(target, most).is_err() {
                break;
            }
        }
    }
    Flow::TRUE
}

fn put(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let Some(first) = uris(ctx, resumed).into_iter().next() else { return Flow::FALSE };
    let Some(pv) = args.pv(2) else { return Flow::FALSE };
    Flow::from_bool(pv.set(ctx, Value::Str(first.into())).is_ok())
}

fn rules(ctx: &Ctx<'_>) -> Arc<Rules> {
    ctx.shard.shared.get().expect("load() puts the rules in")
}

#[cfg(test)]
mod tests {
    use crate::api::{IoAnswer, IoRequest};
    use crate::store::{Cell, Driver, Reply};
    use crate::trial::{OPTIONS, Trial};

    const HEAD: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"db_sqlite.so\"\n\
        loadmodule \"alias_db.so\"\nmodparam(\"alias_db\", \"db_url\", \"sqlite:///aliases\")\n";

    /// The only row that is found has what was asked for in its conditions.
    fn table(request: &IoRequest) -> IoAnswer {
        let IoRequest::Query(_, query) = request else { return IoAnswer::Done };
        let statement = query.statement(Driver::Sqlite);
        let rows = match (&*statement.sql.replace('`', ""), &*statement.parameters) {
            ("SELECT username, domain FROM dbaliases WHERE alias_username = ?", [user])
                if *user == Cell::text(b"bob") =>
            {
                vec![vec![Cell::text(b"robert"), Cell::text(b"r.example")]]
            }
            (
                "SELECT alias_username, alias_domain FROM dbaliases WHERE username = ? AND domain = ?",
                [_, domain],
            ) if *domain == Cell::text(b"example.com") => {
                vec![vec![Cell::text(b"al"), Cell::text(b"a.example")]]
            }
            ("SELECT username, domain FROM evil WHERE alias_username = ?", _) => {
                vec![vec![Cell::text(b"x>\r\nX: y"), Cell::text(b"r.example")]]
            }
            ("SELECT username, domain FROM dbaliases WHERE alias_username = ?", [user])
                if *user == Cell::text(b"team") =>
            {
                let member = |user: &[u8]| vec![Cell::text(user), Cell::text(b"t.example")];
                vec![member(b"one"), member(b"two")]
            }
            _ => Vec::new(),
        };
        IoAnswer::Store(Ok(Reply::Rows(rows)))
    }

    #[test]
    fn an_alias_becomes_its_user() {
        let rows = [
            (r#"alias_db_lookup("dbaliases")"#, "1 sip:robert@r.example"),
            (r#"alias_db_lookup("dbaliases", "ru")"#, "1 sip:al@a.example"),
            (r#"alias_db_lookup("dbaliases", "r")"#, "-1 sip:bob@example.com"),
            (r#"alias_db_find("dbaliases", "sip:bob@x", "$ru")"#, "1 sip:robert@r.example"),
            (r#"alias_db_find("dbaliases", "sip:nobody@x", "$ru")"#, "-1 sip:bob@example.com"),
            (r#"alias_db_find("dbaliases", "sip:team@x", "$ru")"#, "1 sip:one@t.example"),
            (r#"alias_db_lookup("$var(empty)")"#, "-1 sip:bob@example.com"),
            (r#"alias_db_lookup("evil")"#, "-1 sip:bob@example.com"),
        ];
        for (call, expected) in rows {
            let text =
                format!("{HEAD}request_route {{ $var(r) = {call}; xlog(\"L_ERR\", \"$var(r) $ru\"); }}\n");
            let mut trial = Trial::load(&text).expect("the test's configuration is right");
            trial.outside = table;
            // A name that is none is told before.
            assert_eq!(trial.run(OPTIONS).lines.last().map(String::as_str), Some(expected), "{call}");
        }
    }
}
