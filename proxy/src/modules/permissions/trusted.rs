//! Trusted peers: rows of source address, protocol, and patterns of the URIs they may use.

use std::sync::Arc;

use bytes::Bytes;

use super::params::{self, Rules};
use crate::api::{
    Args, Case, Ctx, Flow, IoRequest, Pattern, Resumed, RpcError, RpcValue, Shard, Value, Wait,
};
use crate::modules::db::{self, Cache, Read};
use crate::store::{Cell, Name, Operator, Query, Row, Url};

/// Where the rows are and how they are read.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) url: Arc<Url>,
    pub(super) table: Name,
    /// Source, protocol, From pattern, request URI pattern, tag, priority.
    pub(super) columns: [Name; 6],
    /// All rows, kept; `None`: asked for with each check.
    pub(super) kept: Option<Arc<Cache<Vec<Peer>>>>,
}

/// A peer.
#[derive(Debug)]
pub(super) struct Peer {
    source: Bytes,
    protocol: Bytes,
    from: Option<Pattern>,
    ruri: Option<Pattern>,
    tag: Option<Bytes>,
    priority: i64,
}

/// Who is asked about.
#[derive(Debug)]
struct Question {
    source: Bytes,
    protocol: Bytes,
    from: Bytes,
}

/// `allow_trusted([ip, proto[, from]])`
pub(super) fn allow_trusted(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let rules = params::rules(ctx);
    let Some(store) = &rules.trusted else { return Flow::FALSE };
    let peer = ctx.work.received.peer;
    let from = match args.len() {
        3 => args.text(ctx, 2),
        _ => ctx.work.view().from().map(|from| ctx.work.slice(from.uri_text)).unwrap_or_default(),
    };
    let question = if args.is_empty() {
        let protocol = Bytes::from_static(peer.transport.param_name().as_bytes());
        Question { source: peer.addr.ip().to_string().into(), protocol, from }
    } else {
        Question { source: args.text(ctx, 0), protocol: args.text(ctx, 1), from }
    };
    match &store.kept {
        Some(cache) => match cache.get() {
            Some(peers) => decide(ctx, &rules, &peers, &question),
            None => cache.begin(all_read, Box::new(question)),
        },
        None => {
            let only = vec![(store.columns[0].clone(), Operator::Equal, Cell::Text(question.source.clone()))];
            let columns = store.columns.to_vec();
            let query = Query::Select { table: store.table.clone(), columns, only };
            let request = IoRequest::Query(store.url.clone(), query);
            Flow::Wait(Wait { request, then: some_read, kept: Box::new(question) })
        }
    }
}

fn all_read(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let rules = params::rules(ctx);
    let cache = rules.trusted.as_ref().and_then(|store| store.kept.as_ref());
    match cache.map(|cache| cache.go_on(ctx, "permissions", resumed, all_read)) {
        Some(Read::Goes(flow)) => flow,
        Some(Read::Done(peers, kept)) => match kept.downcast::<Question>() {
            Ok(question) => decide(ctx, &rules, &peers, &question),
            Err(_) => Flow::FALSE,
        },
        Some(Read::Failed) | None => Flow::FALSE,
    }
}

fn some_read(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let rules = params::rules(ctx);
    let Ok(question) = resumed.kept.downcast::<Question>() else { return Flow::FALSE };
    let Some(rows) = db::rows(ctx, "permissions", resumed.answer) else { return Flow::FALSE };
    match of_rows(&[rows]) {
        Ok(peers) => decide(ctx, &rules, &peers, &question),
        Err(why) => {
            ctx.log(crate::api::Level::ERR, format!("permissions: {why}"));
            Flow::FALSE
        }
    }
}

/// 1 for a peer, and its tag; with `peer_tag_mode` 1 the number of all that fit, and all their tags.
fn decide(ctx: &mut Ctx<'_>, rules: &Rules, peers: &[Peer], question: &Question) -> Flow {
    let ruri = ctx.work.view().request_uri().unwrap_or_default().to_vec();
    let fitting: Vec<&Peer> = peers.iter().filter(|peer| peer.fits(question, &ruri)).collect();
    let wanted = if rules.tags_all { &fitting[..] } else { &fitting[..fitting.len().min(1)] };
    for tag in wanted.iter().filter_map(|peer| peer.tag.as_ref()) {
        if let Some(avp) = &rules.tag_avp {
            ctx.work.avps.push(avp.clone(), Value::Str(tag.clone()));
        }
    }
    match wanted.len() {
        0 => Flow::FALSE,
        count => Flow::Next(count as i64),
    }
}

impl Peer {
    fn fits(&self, question: &Question, ruri: &[u8]) -> bool {
        let is_any =
            self.protocol.eq_ignore_ascii_case(b"any") || question.protocol.eq_ignore_ascii_case(b"any");
        let is_protocol = is_any || self.protocol.eq_ignore_ascii_case(&question.protocol);
        let fits = |pattern: &Option<Pattern>, text: &[u8]| {
            pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
        };
        self.source == question.source
            && !self.protocol.eq_ignore_ascii_case(b"none")
            && is_protocol
            && fits(&self.from, &question.from)
            && fits(&self.ruri, ruri)
    }
}

/// Peers by falling priority. Errors: a pattern that is none.
pub(super) fn of_rows(rows: &[Vec<Row>]) -> Result<Vec<Peer>, String> {
    let mut peers = rows.iter().flatten().map(peer).collect::<Result<Vec<_>, _>>()?;
    peers.sort_by_key(|peer| std::cmp::Reverse(peer.priority));
    Ok(peers)
}

fn peer(row: &Row) -> Result<Peer, String> {
    let text = |at: usize| row.get(at).and_then(Cell::to_text);
    let pattern = |at: usize| {
        let source = text(at).filter(|text| !text.is_empty());
        let compiled = source.map(|text| Pattern::compile(&extended(&text), Case::Match));
        compiled.transpose().map_err(|error| error.0)
    };
    Ok(Peer {
        source: text(0).unwrap_or_default(),
        protocol: text(1).unwrap_or_default(),
        from: pattern(2)?,
        ruri: pattern(3)?,
        tag: text(4),
        priority: row.get(5).and_then(Cell::to_int).unwrap_or(0),
    })
}

/// A POSIX basic expression as an extended one: what stands for something with a backslash in one does so without in
/// the other.
fn extended(basic: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(basic.len() + 4);
    let mut bytes = basic.iter().copied().peekable();
    let mut in_brackets = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' if !in_brackets => {
                in_brackets = true;
                out.push(byte);
                // A bracket right behind the opening one is a letter.
                out.extend(bytes.next_if_eq(&b'^'));
                out.extend(bytes.next_if_eq(&b']'));
            }
            b']' if in_brackets => {
                in_brackets = false;
                out.push(byte);
            }
            _ if in_brackets => out.push(byte),
            b'\\' => match bytes.next() {
                Some(special @ (b'(' | b')' | b'{' | b'}' | b'|' | b'+' | b'?')) => out.push(special),
                Some(other) => out.extend_from_slice(&[b'\\', other]),
                None => out.push(b'\\'),
            },
            b'(' | b')' | b'{' | b'}' | b'|' | b'+' | b'?' => out.extend_from_slice(&[b'\\', byte]),
            b'*' if out.is_empty() || out == b"^" => out.extend_from_slice(b"\\*"),
            _ => out.push(byte),
        }
    }
    out
}

/// `permissions.trustedReload`
pub(super) fn reload(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    let rules = params::of_shard(shard);
    let Some(cache) = rules.trusted.as_ref().and_then(|store| store.kept.clone()) else {
        return Err(RpcError { code: 500, reason: "trusted peers are not kept, db_mode is 0".into() });
    };
    cache.refresh(shard, "permissions", |_, _| {});
    Ok(RpcValue::Plain(Value::literal("Reload OK")))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Question, extended, of_rows};
    use crate::store::Cell;

    #[test]
    fn basic_expressions_become_extended_ones() {
        for (basic, expected) in [
            ("^sip:a.*@b$", "^sip:a.*@b$"),
            ("a\\(b\\|c\\)", "a(b|c)"),
            ("a+b?", "a\\+b\\?"),
            ("*a", "\\*a"),
            ("a\\{2\\}\\.", "a{2}\\."),
            ("[^]+(]x(", "[^]+(]x\\("),
        ] {
            assert_eq!(extended(basic.as_bytes()), expected.as_bytes(), "{basic}");
        }
    }

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn peers_fit_by_source_protocol_and_patterns() {
        let row = |source: &str, protocol: &str, from: Option<&str>, priority| {
            let text = |text: &str| Cell::text(text.as_bytes());
            vec![
                text(source),
                text(protocol),
                from.map_or(Cell::Null, text),
                Cell::Null,
                Cell::Null,
                Cell::Int(priority),
            ]
        };
        let rows = vec![
            row("127.0.0.1", "any", Some("^sip:alice"), 0),
            row("9.9.9.9", "tcp", None, 5),
            row("8.8.8.8", "none", None, 0),
        ];
        let peers = of_rows(&[rows]).expect("right");
        assert_eq!(&peers[0].source[..], b"9.9.9.9");
        for (source, protocol, from, expected) in [
            ("127.0.0.1", "udp", "sip:alice@x", true),
            ("127.0.0.1", "udp", "sip:bob@x", false),
            ("9.9.9.9", "TCP", "", true),
            ("9.9.9.9", "udp", "", false),
            ("8.8.8.8", "udp", "", false),
            ("127.0.0.2", "udp", "sip:alice@x", false),
        ] {
            let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
            let question = Question { source: text(source), protocol: text(protocol), from: text(from) };
            assert_eq!(peers.iter().any(|peer| peer.fits(&question, b"sip:x@y")), expected, "{question:?}");
        }
    }
}
