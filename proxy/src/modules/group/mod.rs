//! Module group: whether a user is a member of a group.

mod patterns;

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{Auth, HeaderName, Uri, View};

use crate::api::{
    Args, Authorized, Catalog, Ctx, Flow, FunctionDef, IoRequest, Kind, Loading, ModuleDef, ParamDef,
    Prepared, Resumed, Routes, Wait,
};
use crate::modules::db;
use crate::store::{Cell, Name, Operator, Query, Url};

/// The table of module group.
pub static MODULE: ModuleDef = ModuleDef {
    name: "group",
    params: &[
        ParamDef::text(
            "db_url",
            "mysql://kamailioro:kamailioro@localhost/kamailio",
            "database of the groups",
        ),
        ParamDef::text("table", "grp", "its table"),
        ParamDef::text("user_column", "username", "column of the user"),
        ParamDef::text("domain_column", "domain", "column of the user's domain"),
        ParamDef::text("group_column", "grp", "column of the group"),
        ParamDef::int("use_domain", 0, "whether the user's domain counts"),
        ParamDef::text("re_table", "", "table of expressions for get_user_group(); none: there are none"),
        ParamDef::text("re_exp_column", "reg_exp", "column of the expression"),
        ParamDef::text("re_gid_column", "group_id", "column of its group"),
        ParamDef::int("multiple_gid", 1, "whether all groups that fit count, or only the last row's"),
    ],
    functions: &[
        FunctionDef::new(
            "is_user_in",
            &[Kind::Prepared(prepare_source), Kind::Text],
            PLACES,
            is_user_in,
            "whether the user of Request-URI, To, From, Credentials or of a URI is in a group",
        ),
        FunctionDef::new(
            "get_user_group",
            &[Kind::Prepared(prepare_source), Kind::WritePv],
            PLACES,
            patterns::get_user_group,
            "puts the groups whose expressions the URI of such a user fits into a variable; how many",
        ),
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

/// Where members are asked for.
const PLACES: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH);

#[derive(Debug)]
struct Rules {
    url: Arc<Url>,
    table: Name,
    user: Name,
    domain: Name,
    group: Name,
    uses_domain: bool,
}

/// Whose membership is asked for.
#[derive(Debug)]
enum Source {
    RequestUri,
    To,
    From,
    Credentials,
    /// A URI, as a rule from a variable.
    Uri(Bytes),
}

/// There is no such row.
const NO_MEMBER: Flow = Flow::Next(-6);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let rules = Rules {
        url: db::url(loading)?,
        table: db::name(loading, "table")?,
        user: db::name(loading, "user_column")?,
        domain: db::name(loading, "domain_column")?,
        group: db::name(loading, "group_column")?,
        uses_domain: loading.params.int("use_domain") != 0,
    };
    db::needs(loading, &rules.url, "grp", &rules.table);
    patterns::load(loading, &rules)?;
    loading.shared.put(rules);
    Ok(())
}

/// `is_user_in(source, group)`
fn is_user_in(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let rules: Arc<Rules> = ctx.shard.shared.get().expect("load() puts the rules in");
    let group = args.text(ctx, 1);
    let Ok(source) = args.prepared::<Source>(ctx, 0) else { return Flow::FALSE };
    let Some((user, domain)) = member(ctx, &source) else { return Flow::FALSE };
    let mut only = vec![
        (rules.user.clone(), Operator::Equal, Cell::Text(user)),
        (rules.group.clone(), Operator::Equal, Cell::Text(group)),
    ];
    if rules.uses_domain {
        only.push((rules.domain.clone(), Operator::Equal, Cell::Text(domain)));
    }
    let query = Query::Select { table: rules.table.clone(), columns: vec![rules.group.clone()], only };
    let request = IoRequest::Query(rules.url.clone(), query);
    Flow::Wait(Wait { request, then: decide, kept: Box::new(()) })
}

fn decide(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    match db::rows(ctx, "group", resumed.answer) {
        None => Flow::FALSE,
        Some(rows) if rows.is_empty() => NO_MEMBER,
        Some(_) => Flow::TRUE,
    }
}

/// Reads the first argument. Errors: it is no source.
fn prepare_source(_: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    Ok(Arc::new(match text {
        b"Request-URI" => Source::RequestUri,
        b"To" => Source::To,
        b"From" => Source::From,
        b"Credentials" => Source::Credentials,
        uri if Uri::parse(uri).is_ok() => Source::Uri(Bytes::copy_from_slice(uri)),
        _ => return Err("expected Request-URI, To, From, Credentials or a variable with a URI".into()),
    }))
}

/// User and domain of the source; `None` when there are none.
fn member(ctx: &Ctx<'_>, source: &Source) -> Option<(Bytes, Bytes)> {
    let view = ctx.work.view();
    let owned = |uri: &[u8]| {
        let uri = Uri::parse(uri).ok()?;
        Some((Bytes::copy_from_slice(uri.user?), Bytes::copy_from_slice(uri.host)))
    };
    match source {
        Source::RequestUri => owned(&ctx.work.uri()?),
        Source::To => owned(view.to().ok()?.uri_text),
        Source::From => owned(view.from().ok()?.uri_text),
        // What nobody checked makes nobody a member.
        Source::Credentials => {
            let is_checked = ctx.work.attached.get::<Authorized>().is_some_and(|mark| mark.0);
            is_checked.then(|| credentials(view)).flatten()
        }
        Source::Uri(uri) => owned(uri),
    }
}

/// User and realm of the credentials a request carries.
fn credentials(view: View<'_>) -> Option<(Bytes, Bytes)> {
    let written =
        view.header(HeaderName::ProxyAuthorization).or_else(|| view.header(HeaderName::Authorization))?;
    let auth = Auth::parse(written).ok()?;
    let (whole, realm) = (auth.param(b"username")?, auth.param(b"realm")?);
    let user = whole.split(|byte| *byte == b'@').next().unwrap_or_default();
    Some((Bytes::copy_from_slice(user), Bytes::copy_from_slice(&realm)))
}
