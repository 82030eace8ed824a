//! The script functions: ask the table for the user's password or hash, then compare.

use bytes::Bytes;
use sip::digest::Ha1;
use sip::msg::{Method, Uri};

use super::params::{self, Rules};
use crate::api::{Answer, Args, Ctx, Flow, IoRequest, Resumed, Value, Wait};
use crate::modules::auth::{Candidate, Compare, Header, Precheck, Verdict, is_own_identity, precheck};
use crate::modules::db;
use crate::store::{Cell, Name, Operator, Query, Row};

/// A check that waits for its row.
#[derive(Debug)]
struct Open {
    candidate: Box<Candidate>,
    /// What the client is expected to have hashed.
    method: Bytes,
    /// Whether the user must be the sender.
    checks_sender: bool,
}

/// `auth_check()`: the user must be the sender.
const SENDER: i64 = 1;

/// `auth_check()`: but not for requests that are within calls or start them.
const NOT_IN_CALLS: i64 = 2;

/// `is_subscriber()`: the domain counts.
const WITH_DOMAIN: i64 = 1;

/// `is_subscriber()`: no columns are loaded.
const LOADS_NOTHING: i64 = 2;

/// `is_subscriber()`: there is no such user.
const NO_SUBSCRIBER: Flow = Flow::Next(-2);

/// `www_authenticate(realm, table[, method])`
pub(super) fn www_authenticate(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let method = if args.len() > 2 { args.text(ctx, 2) } else { own_method(ctx) };
    start(ctx, args, Header::Www, method, false)
}

/// `proxy_authenticate(realm, table)`
pub(super) fn proxy_authenticate(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let method = own_method(ctx);
    start(ctx, args, Header::Proxy, method, false)
}

/// `auth_check(realm, table, flags)`
pub(super) fn auth_check(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let flags = args.int(ctx, 2);
    let is_in_call = matches!(
        ctx.work.view().method(),
        Some(Method::Invite | Method::Bye | Method::Prack | Method::Update | Method::Message)
    );
    let checks_sender = flags & SENDER != 0 && !(flags & NOT_IN_CALLS != 0 && is_in_call);
    let header = Header::of_method(ctx.work.view());
    let method = own_method(ctx);
    start(ctx, args, header, method, checks_sender)
}

/// `is_subscriber(uri, table, flags)`
pub(super) fn is_subscriber(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let rules = params::rules(ctx);
    let Ok(uri) = Uri::parse(&text) else { return Flow::FALSE };
    let Some(user) = uri.user.filter(|user| !user.is_empty()) else { return NO_SUBSCRIBER };
    let domain = (args.int(ctx, 2) & WITH_DOMAIN != 0).then_some(uri.host);
    let Some(query) = select(ctx, args, &rules, rules.user.clone(), (user, domain)) else {
        return Flow::FALSE;
    };
    let request = IoRequest::Query(rules.url.clone(), query);
    Flow::Wait(Wait { request, then: found_subscriber, kept: Box::new(()) })
}

fn own_method(ctx: &Ctx<'_>) -> Bytes {
    ctx.work.slice(ctx.work.view().method_text().unwrap_or_default())
}

fn start(ctx: &mut Ctx<'_>, args: &Args<'_>, header: Header, method: Bytes, checks_sender: bool) -> Flow {
    let realm = args.text(ctx, 0);
    let candidate = match precheck(ctx, header, &realm) {
        Precheck::Decided(verdict) => return verdict.into(),
        Precheck::Open(candidate) => candidate,
    };
    let rules = params::rules(ctx);
    let (user, domain) = split(candidate.username());
    let password = if domain.is_some() && !rules.has_plain_passwords {
        rules.password_2.clone()
    } else {
        rules.password.clone()
    };
    let wanted = rules.uses_domain.then(|| domain.unwrap_or(candidate.realm()));
    let Some(query) = select(ctx, args, &rules, password, (user, wanted)) else { return Flow::FALSE };
    let request = IoRequest::Query(rules.url.clone(), query);
    Flow::Wait(Wait { request, then: finish, kept: Box::new(Open { candidate, method, checks_sender }) })
}

/// User and, when it is given, domain of a digest user name.
fn split(username: &Bytes) -> (&[u8], Option<&[u8]>) {
    match username.iter().position(|byte| *byte == b'@') {
        Some(at) => (&username[..at], Some(&username[at + 1..])),
        None => (username, None),
    }
}

/// The query for one user: the first column, then those to load. `None` when the table's name is none.
fn select(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    rules: &Rules,
    first: Name,
    (user, domain): (&[u8], Option<&[u8]>),
) -> Option<Query> {
    let table = db::table_of(ctx, args, 1, "auth_db")?;
    let columns =
        std::iter::once(first).chain(rules.loads.iter().map(|(_, column)| column.clone())).collect();
    let mut only = vec![(rules.user.clone(), Operator::Equal, Cell::text(user))];
    only.extend(domain.map(|domain| (rules.domain.clone(), Operator::Equal, Cell::text(domain))));
    Some(Query::Select { table: Name::clone(&table), columns, only })
}

/// The first row of the answer; the outer `None`: the database failed, which has been logged.
fn first_row(ctx: &mut Ctx<'_>, answer: Answer) -> Option<Option<Row>> {
    db::rows(ctx, "auth_db", answer).map(|rows| rows.into_iter().next())
}

fn finish(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(open) = resumed.kept.downcast::<Open>() else { return Flow::FALSE };
    let row = match first_row(ctx, resumed.answer) {
        None => return Verdict::Unusable.into(),
        Some(None) => return Verdict::UnknownUser.into(),
        Some(Some(row)) => row,
    };
    let rules = params::rules(ctx);
    let verdict = judge(ctx, &rules, &open, &row);
    if verdict == Verdict::Right || rules.always_loads {
        load(ctx, &rules, &row);
    }
    if verdict == Verdict::Right && open.checks_sender && !is_sender(ctx, &rules, &open.candidate) {
        return Verdict::OtherUser.into();
    }
    verdict.into()
}

fn judge(ctx: &mut Ctx<'_>, rules: &Rules, open: &Open, row: &Row) -> Verdict {
    let candidate = &open.candidate;
    let Some(stored) = row.first().and_then(Cell::to_text) else { return Verdict::Unusable };
    let ha1 = match rules.has_plain_passwords {
        true => Some(candidate.hash(&stored)),
        false => Ha1::from_hex(candidate.algorithm(), &stored),
    };
    ha1.map_or(Verdict::Unusable, |ha1| candidate.verify(ctx, &ha1, &open.method))
}

fn is_sender(ctx: &Ctx<'_>, rules: &Rules, candidate: &Candidate) -> bool {
    let compare = if rules.uses_domain { Compare::UserAndHost } else { Compare::User };
    is_own_identity(ctx.work.view(), candidate.username(), candidate.realm(), compare)
}

fn found_subscriber(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let row = match first_row(ctx, resumed.answer) {
        None => return Flow::FALSE,
        Some(None) => return NO_SUBSCRIBER,
        Some(Some(row)) => row,
    };
    if args.int(ctx, 2) & LOADS_NOTHING == 0 {
        let rules = params::rules(ctx);
        load(ctx, &rules, &row);
    }
    Flow::TRUE
}

/// Puts the loaded columns, which follow the first, into their AVPs; null ones are left out.
fn load(ctx: &mut Ctx<'_>, rules: &Rules, row: &Row) {
    for ((name, _), cell) in rules.loads.iter().zip(row.iter().skip(1)) {
        let value = match cell {
            Cell::Int(int) => Value::Int(*int),
            other => Value::optional(other.to_text()),
        };
        if !value.is_null() {
            ctx.work.avps.push(name.clone(), value);
        }
    }
}
