//! Module domain: the domains that are ours, with their attributes, from two tables.
//!
//! Both tables are read at the start, or with the first question when that failed, and kept until `domain.reload`.

use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::msg::Uri;

use crate::api::{
    Args, AvpName, Ctx, Flow, FunctionDef, Kind, Loading, ModuleDef, ParamDef, Resumed, Routes, RpcDef,
    RpcError, RpcScope, RpcValue, Shard, Value,
};
use crate::modules::db::{self, Cache, Read};
use crate::store::{Cell, Query, Row};

/// The table of module domain.
pub static MODULE: ModuleDef = ModuleDef {
    name: "domain",
    params: &[
        ParamDef::text(
            "db_url",
            "mysql://kamailioro:kamailioro@localhost/kamailio",
            "database of the domains",
        ),
        ParamDef::int(
            "register_myself",
            0,
            "whether the domains are ours for `myself` and loose routing too",
        ),
        ParamDef::text("domain_table", "domain", "table of the domains"),
        ParamDef::text("domain_attrs_table", "domain_attrs", "table of their attributes"),
        ParamDef::text("domain_col", "domain", "column of the domain"),
        ParamDef::text("did_col", "did", "column of the domain's id"),
        ParamDef::text("name_col", "name", "column of an attribute's name"),
        ParamDef::text("type_col", "type", "column of its type: 0 number, 2 text"),
        ParamDef::text("value_col", "value", "column of its value"),
    ],
    functions: FUNCTIONS,
    rpcs: &[
        RpcDef { name: "domain.reload", scope: RpcScope::One, run: reload, doc: "reads the domains anew" },
        RpcDef { name: "domain.dump", scope: RpcScope::One, run: dump, doc: "domains and their ids" },
    ],
    load: Some(load),
    start: Some(start),
    ..ModuleDef::EMPTY
};

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "is_from_local",
        &[],
        Routes::REQUEST,
        is_from_local,
        "whether the sender's domain is ours",
    ),
    FunctionDef::new(
        "is_uri_host_local",
        &[],
        Routes::REQUEST.or(Routes::BRANCH).or(Routes::FAILURE),
        is_uri_host_local,
        "whether the domain of the request URI is ours",
    ),
    FunctionDef::new(
        "is_domain_local",
        &[Kind::Text],
        Routes::REQUEST.or(Routes::BRANCH).or(Routes::FAILURE),
        is_domain_local,
        "whether a domain is ours",
    ),
    FunctionDef::new(
        "lookup_domain",
        &[Kind::Text, Kind::Text],
        Routes::REQUEST.or(Routes::BRANCH).or(Routes::FAILURE),
        lookup_domain,
        "whether a domain is ours; its id and attributes become AVPs, names behind the prefix",
    )
    .optional(1),
];

/// One domain: its id, and names, values of its attributes.
#[derive(Debug)]
struct Domain {
    id: Bytes,
    attributes: Arc<[(Bytes, Value)]>,
}

/// All domains by their names in small letters.
type Domains = FxHashMap<Vec<u8>, Domain>;

#[derive(Debug)]
struct Rules {
    domains: Arc<Cache<Domains>>,
    are_myself: bool,
}

/// A question that waits for the tables.
#[derive(Debug)]
struct Question {
    domain: Bytes,
    /// The prefix of AVP names; `None`: no AVPs.
    avps: Option<Bytes>,
}

/// The URI to take the domain from cannot be read.
const NO_URI: Flow = Flow::Next(-2);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let names = |table: &str, columns: &[&str]| -> Result<Query, String> {
        let table = db::name(loading, table)?;
        let columns = columns.iter().map(|column| db::name(loading, column)).collect::<Result<_, _>>()?;
        Ok(Query::Select { table, columns, only: Vec::new() })
    };
    let queries = vec![
        names("domain_table", &["domain_col", "did_col"])?,
        names("domain_attrs_table", &["did_col", "name_col", "type_col", "value_col"])?,
    ];
    let url = db::url(loading)?;
    for (param, kind) in [("domain_table", "domain"), ("domain_attrs_table", "domain_attrs")] {
        let table = db::name(loading, param)?;
        db::needs(loading, &url, kind, &table);
    }
    let domains = Arc::new(Cache::new(url, queries, of_rows));
    let are_myself = loading.params.int("register_myself") != 0;
    loading.shared.put(Rules { domains, are_myself });
    Ok(())
}

fn start(shard: &mut Shard) {
    if shard.number == 0 {
        rules(shard).domains.refresh(shard, "domain", refreshed);
    }
}

fn refreshed(shard: &mut Shard, domains: &Domains) {
    if rules(shard).are_myself {
        shard.sockets.take_domains(domains.keys().map(|name| String::from_utf8_lossy(name).into()));
    }
}

/// Errors: a number that is none.
fn of_rows(rows: &[Vec<Row>]) -> Result<Domains, String> {
    let mut attributes: FxHashMap<Bytes, Vec<(Bytes, Value)>> = FxHashMap::default();
    let text = |row: &Row, at: usize| row.get(at).and_then(Cell::to_text);
    for row in rows.get(1).into_iter().flatten() {
        let (Some(id), Some(name), Some(value)) = (text(row, 0), text(row, 1), text(row, 3)) else {
            continue;
        };
        let value = match row.get(2).and_then(Cell::to_int) {
            Some(0) => {
                let number = row.get(3).and_then(Cell::to_int);
                Value::Int(number.ok_or_else(|| {
                    let (id, name) = (id.escape_ascii(), name.escape_ascii());
                    format!("attribute {name} of domain {id} is of type 0 and no number")
                })?)
            }
            _ => Value::Str(value),
        };
        attributes.entry(id).or_default().push((name, value));
    }
    let attributes: FxHashMap<Bytes, Arc<[(Bytes, Value)]>> =
        attributes.into_iter().map(|(id, all)| (id, all.into())).collect();
    let mut domains = Domains::default();
    for row in rows.first().into_iter().flatten() {
        let Some(name) = text(row, 0) else { continue };
        let id = text(row, 1).unwrap_or_else(|| name.clone());
        let attributes = attributes.get(&id).cloned().unwrap_or_default();
        domains.insert(name.to_ascii_lowercase(), Domain { id, attributes });
    }
    Ok(domains)
}

/// `is_from_local()`
fn is_from_local(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let host = ctx.work.view().from().ok().and_then(|from| from.uri().ok()).map(|uri| uri.host);
    let Some(domain) = host.map(Bytes::copy_from_slice) else { return NO_URI };
    ask(ctx, Question { domain, avps: None })
}

/// `is_uri_host_local()`
fn is_uri_host_local(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(uri) = ctx.work.uri() else { return NO_URI };
    let Ok(uri) = Uri::parse(&uri) else { return NO_URI };
    let domain = Bytes::copy_from_slice(uri.host);
    ask(ctx, Question { domain, avps: None })
}

/// `is_domain_local(domain)`
fn is_domain_local(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let domain = args.text(ctx, 0);
    ask(ctx, Question { domain, avps: None })
}

/// `lookup_domain(domain[, prefix])`
fn lookup_domain(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let domain = args.text(ctx, 0);
    let avps = Some(args.text(ctx, 1));
    ask(ctx, Question { domain, avps })
}

fn ask(ctx: &mut Ctx<'_>, question: Question) -> Flow {
    let rules = rules(ctx.shard);
    match rules.domains.get() {
        Some(domains) => decide(ctx, &domains, &question),
        None => rules.domains.begin(read, Box::new(question)),
    }
}

fn read(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let rules = rules(ctx.shard);
    match rules.domains.go_on(ctx, "domain", resumed, read) {
        Read::Done(domains, kept) => match kept.downcast::<Question>() {
            Ok(question) => decide(ctx, &domains, &question),
            Err(_) => Flow::FALSE,
        },
        Read::Goes(flow) => flow,
        Read::Failed => Flow::FALSE,
    }
}

fn decide(ctx: &mut Ctx<'_>, domains: &Domains, question: &Question) -> Flow {
    let Some(domain) = domains.get(&question.domain.to_ascii_lowercase()) else { return Flow::FALSE };
    if let Some(prefix) = &question.avps {
        let id = (Bytes::from_static(b"did"), Value::Str(domain.id.clone()));
        for (name, value) in std::iter::once(&id).chain(domain.attributes.iter()) {
            let name = Bytes::from([&prefix[..], name].concat());
            ctx.work.avps.push(AvpName::parse(&name), value.clone());
        }
    }
    Flow::TRUE
}

/// `domain.reload`
fn reload(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    rules(shard).domains.refresh(shard, "domain", refreshed);
    Ok(RpcValue::Plain(Value::literal("")))
}

/// `domain.dump`
fn dump(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    let domains = rules(shard).domains.get().unwrap_or_default();
    let mut names: Vec<_> = domains.iter().collect();
    names.sort_by_key(|(name, _)| *name);
    let row = |(name, domain): (&Vec<u8>, &Domain)| {
        RpcValue::Record(vec![
            ("domain".into(), RpcValue::Plain(Value::copied(name))),
            ("did".into(), RpcValue::Plain(Value::Str(domain.id.clone()))),
        ])
    };
    Ok(RpcValue::List(names.into_iter().map(row).collect()))
}

fn rules(shard: &Shard) -> Arc<Rules> {
    shard.shared.get().expect("load() puts the rules in")
}
