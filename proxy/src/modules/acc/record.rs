//! A record: what is known of a transaction, as a log line and as a row.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::{HeaderName, Message, View, reason_phrase};

use super::params::{Backend, FurtherTime, Rules, Store};
use crate::api::{Ctx, IoAnswer, IoRequest, Kept, Level, Shard, Value};
use crate::store::{Cell, Name, Query, Url};

/// Which way a record goes besides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The transaction was answered.
    Answered,
    /// The call failed.
    Missed,
    /// An ACK to a 2xx passed.
    Acknowledged,
    /// The script asked for it.
    Asked,
}

impl Kind {
    /// What log lines of it begin with.
    pub(super) fn text(self) -> &'static str {
        match self {
            Kind::Answered => "transaction answered",
            Kind::Missed => "call missed",
            Kind::Acknowledged => "request acknowledged",
            Kind::Asked => "request accounted",
        }
    }
}

/// The part every record has.
#[derive(Clone, Debug)]
pub(super) struct Record {
    method: Bytes,
    from_tag: Bytes,
    to_tag: Bytes,
    call_id: Bytes,
    code: Bytes,
    reason: Bytes,
    /// Since 1970.
    at: Duration,
}

/// What a transaction was answered with.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) status: u16,
    /// The reply of the other side; `None` when it was made here.
    pub(super) reply: Option<Arc<Message>>,
    /// The To tag of replies made here.
    pub(super) own_tag: Bytes,
}

impl Record {
    /// The record of the request in work and what it was answered with.
    pub(super) fn of_outcome(ctx: &Ctx<'_>, outcome: &Outcome) -> Record {
        let reply = outcome.reply.as_ref().map(|reply| reply.view());
        let to_tag = match reply {
            Some(reply) => to_tag(reply),
            None => outcome.own_tag.clone(),
        };
        let reason = reply.and_then(|reply| reply.reason()).map(Bytes::copy_from_slice);
        let reason = reason.unwrap_or_else(|| Bytes::from_static(phrase(outcome.status).as_bytes()));
        Record { to_tag, code: outcome.status.to_string().into(), reason, ..Record::of_request(ctx) }
    }

    /// The record of an ACK: what it acknowledges was a success.
    pub(super) fn of_ack(ctx: &Ctx<'_>) -> Record {
        let (code, reason) = (Bytes::from_static(b"200"), Bytes::from_static(b"OK"));
        Record { to_tag: to_tag(ctx.work.view()), code, reason, ..Record::of_request(ctx) }
    }

    /// The record of the request in work with a comment, which may begin with a status.
    pub(super) fn of_comment(ctx: &Ctx<'_>, comment: &Bytes) -> Record {
        let has_status = comment.len() >= 3 && comment[..3].iter().all(u8::is_ascii_digit);
        let (code, reason) = if has_status {
            (comment.slice(..3), comment.slice_ref(comment[3..].trim_ascii_start()))
        } else {
            (Bytes::new(), comment.clone())
        };
        Record { to_tag: to_tag(ctx.work.view()), code, reason, ..Record::of_request(ctx) }
    }

    fn of_request(ctx: &Ctx<'_>) -> Record {
        let view = ctx.work.view();
        let copied = |part: &[u8]| Bytes::copy_from_slice(part);
        Record {
            method: copied(view.method_text().unwrap_or_default()),
            from_tag: copied(view.from().ok().and_then(|from| from.tag()).unwrap_or_default()),
            to_tag: Bytes::new(),
            call_id: copied(view.header(HeaderName::CallId).unwrap_or_default()),
            code: Bytes::new(),
            reason: Bytes::new(),
            at: ctx.shard.unix_time(ctx.shard.now),
        }
    }

    /// The record seen from the caller, for a request of the called side.
    pub(super) fn exchanged(mut self) -> Record {
        std::mem::swap(&mut self.from_tag, &mut self.to_tag);
        self
    }

    /// Writes the log line.
    pub(super) fn log(&self, ctx: &mut Ctx<'_>, rules: &Rules, text: &str) {
        let mut line = format!("ACC: {text}: timestamp={}", self.at.as_secs()).into_bytes();
        let mut further = self.further_time(ctx, &rules.time);
        if let FurtherTime::Two(..) = rules.time {
            // The seconds are there already.
            further.remove(0);
        }
        for (name, value) in further {
            add(&mut line, name.as_str(), &value);
        }
        for (name, value) in [
            ("method", &self.method),
            ("from_tag", &self.from_tag),
            ("to_tag", &self.to_tag),
            ("call_id", &self.call_id),
            ("code", &self.code),
            ("reason", &self.reason),
        ] {
            add(&mut line, name, value);
        }
        for (name, value) in extra(ctx, &rules.log) {
            add(&mut line, name.as_str(), &value.unwrap_or_default());
        }
        for (name, value) in legs(ctx, rules).into_iter().flatten() {
            add(&mut line, name.as_str(), &value.unwrap_or_default());
        }
        ctx.shard.log.write_to(rules.facility, rules.level, &line);
    }

    /// Stores the row. What becomes of it is told in the log only when it fails.
    pub(super) fn store(&self, ctx: &mut Ctx<'_>, rules: &Rules, store: &Store, table: Name) {
        let cells = [
            Cell::Text(self.method.clone()),
            Cell::Text(self.from_tag.clone()),
            Cell::Text(self.to_tag.clone()),
            Cell::Text(self.call_id.clone()),
            Cell::Text(self.code.clone()),
            Cell::Text(self.reason.clone()),
            Cell::Time(self.at.as_secs() as i64),
        ];
        let mut values: Vec<(Name, Cell)> = store.columns.iter().cloned().zip(cells).collect();
        let cell = |value: Option<Bytes>| match value {
            None if rules.is_nullable => Cell::Null,
            value => Cell::Text(value.unwrap_or_default()),
        };
        let cells = |pairs: Vec<Attribute>| pairs.into_iter().map(|(name, value)| (name, cell(value)));
        values.extend(cells(extra(ctx, &rules.db)));
        let further = self.further_time(ctx, &rules.time);
        values.extend(further.into_iter().map(|(name, value)| (name, Cell::Text(value))));
        for leg in legs(ctx, rules) {
            let values = values.iter().cloned().chain(cells(leg)).collect();
            insert(ctx.shard, store.url.clone(), Query::Insert { table: table.clone(), values });
        }
    }

    fn further_time(&self, ctx: &mut Ctx<'_>, rule: &FurtherTime) -> Vec<(Name, Bytes)> {
        let (seconds, micros) = (self.at.as_secs(), self.at.subsec_micros());
        match rule {
            FurtherTime::None => Vec::new(),
            FurtherTime::Two(name, further) => {
                vec![(name.clone(), seconds.to_string().into()), (further.clone(), micros.to_string().into())]
            }
            FurtherTime::Fraction(name) => {
                vec![(name.clone(), format!("{seconds}.{:03}", micros / 1000).into())]
            }
            FurtherTime::Formatted(name, text) => vec![(name.clone(), text.render(ctx))],
        }
    }
}

/// A name and what it has, if it has something.
type Attribute = (Name, Option<Bytes>);

/// Stores a row; only a failure is told.
pub(super) fn insert(shard: &mut Shard, url: Arc<Url>, query: Query) {
    shard.ask(IoRequest::Query(url, query), stored, Box::new(()));
}

/// The legs, newest values first; values that are fewer leave their names empty. There is one at least.
fn legs(ctx: &Ctx<'_>, rules: &Rules) -> Vec<Vec<Attribute>> {
    let avps = &ctx.work.avps;
    let count = rules.legs.iter().map(|(_, avp)| avps.count(avp)).max().unwrap_or(0).max(1);
    let value = |avp, at| avps.all(avp).nth(at).filter(|value| !value.is_null()).map(Value::to_text);
    let leg = |at| rules.legs.iter().map(|(name, avp)| (name.clone(), value(avp, at))).collect();
    (0..count).map(leg).collect()
}

fn stored(shard: &mut Shard, answer: IoAnswer, _: Kept) {
    let why = match answer {
        IoAnswer::Store(Err(error)) => error.to_string(),
        IoAnswer::Failed(why) => why,
        _ => return,
    };
    shard.log.write(Level::ERR, format!("acc: the record is lost: {why}").as_bytes());
}

/// The attributes of a backend, now.
fn extra(ctx: &mut Ctx<'_>, backend: &Backend) -> Vec<Attribute> {
    let value = |value: Value| (!value.is_null()).then(|| value.to_text());
    backend.extra.iter().map(|(name, text)| (name.clone(), value(text.value(ctx)))).collect()
}

fn add(line: &mut Vec<u8>, name: &str, value: &[u8]) {
    line.extend_from_slice(b";");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"=");
    line.extend_from_slice(value);
}

fn to_tag(view: View<'_>) -> Bytes {
    view.to().ok().and_then(|to| to.tag()).map(Bytes::copy_from_slice).unwrap_or_default()
}

/// What a reply made here is called in records, whatever the script called it (Kamailio 5.6.3): codes it does not know
/// have the name of their class.
fn phrase(status: u16) -> &'static str {
    let class = status / 100;
    let is_known = status.is_multiple_of(100) || reason_phrase(status) != reason_phrase(class * 100);
    match (status, class) {
        (504, _) => "Server Time-Out",
        (202 | 420 | 489 | 493 | 494 | 580 | 607, _) => class_name(class),
        _ if is_known => reason_phrase(status),
        _ => class_name(class),
    }
}

fn class_name(class: u16) -> &'static str {
    match class {
        2 => "Successful",
        3 => "Redirection",
        4 => "Request Failure",
        5 => "Server Failure",
        6 => "Global Failure",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::phrase;

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn replies_made_here_have_standard_names() {
        for (status, name) in [
            (200, "OK"),
            (202, "Successful"),
            (299, "Successful"),
            (399, "Redirection"),
            (420, "Request Failure"),
            (478, "Request Failure"),
            (480, "Temporarily Unavailable"),
            (504, "Server Time-Out"),
            (600, "Busy Everywhere"),
            (607, "Global Failure"),
        ] {
            assert_eq!(phrase(status), name, "{status}");
        }
    }
}
