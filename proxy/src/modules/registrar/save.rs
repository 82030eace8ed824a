//! `save()`: a REGISTER into the location table, and its reply.

use bytes::Bytes;
use sip::msg::{HeaderName, NameAddr, Uri};

use super::finish::{Outcome, finish};
use super::gruu;
use super::params::Rules;
use super::place::{NoUri, Place, is_written};
use super::request::{self, Override, Refusal, Wanted, Wish};
use super::{answer, aor, socket, xavps};
use crate::api::{Args, At, Ctx, Flow, Resumed, Wait};
use crate::modules::usrloc::{self, Changes, Contact, Facts, Order, State, Texts};

/// `save(table[, flags[, uri]])`: 1 added, 2 updated, 3 removed, 4 listed, -1 refused, -2 too many contacts.
pub(super) fn save(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let place = match place(ctx, args) {
        Ok(place) => place,
        Err(flow) => return flow,
    };
    place.ask(save_rows).unwrap_or_else(|| serve(ctx, args, &place, None))
}

/// Goes on with the contacts of the database.
fn save_rows(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let place = match place(ctx, args) {
        Ok(place) => place,
        Err(flow) => return flow,
    };
    match place.rows(ctx, resumed) {
        Some(rows) => serve(ctx, args, &place, Some(rows)),
        None => {
            let flags = args.int(ctx, 1);
            finish(ctx, flags, (Err(UNAVAILABLE), Vec::new()))
        }
    }
}

/// Where the contacts of the request are. Errors: it was refused.
fn place(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Result<Place, Flow> {
    let uri = args.text(ctx, 2);
    let message = ctx.work.message.clone();
    let to = message.view().to().map_or(&b""[..], |to| to.uri_text);
    Place::of(ctx, args, if uri.is_empty() { to } else { &uri }).map_err(|NoUri| {
        let refusal = Refusal { status: 400, text: "No username in To URI", with_list: false };
        let flags = args.int(ctx, 1);
        finish(ctx, flags, (Err(refusal), Vec::new()))
    })
}

fn serve(ctx: &mut Ctx<'_>, args: &Args<'_>, place: &Place, rows: Option<Vec<Contact>>) -> Flow {
    let flags = args.int(ctx, 1);
    let message = ctx.work.message.clone();
    let now = u32::try_from(ctx.shard.unix_time(ctx.shard.now).as_secs()).unwrap_or(u32::MAX);
    let rules = place.rules();
    let own = Override::of(ctx, rules);
    let wish = request::read(message.view(), rules, own).map(|wish| {
        if flags & NO_VARIATION != 0 { wish } else { wish.shorten(rules, || ctx.shard.ident.next_u64()) }
    });
    let desk = Desk::of(ctx, rules, place.desk().rules, now);
    let gruus = if rules.gives_gruus { gruu::Names::of(message.view(), &place.key) } else { None };
    let (outcome, changes) = place.change(rows, |contacts| {
        let result = wish.and_then(|wish| desk.serve(contacts, wish, flags));
        let with_list = result.as_ref().err().is_none_or(|refusal| refusal.with_list);
        let line =
            if with_list { answer::contact_line(contacts, now, rules, gruus.as_ref()) } else { Vec::new() };
        let shown = if with_list && !rules.record_xavp.is_empty() { contacts.clone() } else { Vec::new() };
        ((result, line), shown)
    });
    let (outcome, shown) = outcome;
    xavps::tell(ctx, rules, &shown, now);
    if place.desk().rules.follows_connections {
        place.desk().location.note_connection(desk.conn, &place.table, &place.key);
    }
    match place.desk().request(&changes).filter(|_| flags & MEMORY_ONLY == 0) {
        Some(request) => {
            let kept = Box::new(Saved { outcome, changes });
            Flow::Wait(Wait { request, then: save_written, kept })
        }
        None => finish(ctx, flags, outcome),
    }
}

/// A save whose rows are being written.
struct Saved {
    outcome: Outcome,
    changes: Changes,
}

fn save_written(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(saved) = resumed.kept.downcast::<Saved>() else { return Flow::FALSE };
    let Saved { outcome, changes } = *saved;
    let flags = args.int(ctx, 1);
    let is_written = is_written(ctx, &resumed.answer, changes);
    finish(ctx, flags, if is_written { outcome } else { (Err(UNAVAILABLE), Vec::new()) })
}

/// The database, which alone has the contacts, gave no answer.
const UNAVAILABLE: Refusal = Refusal { status: 500, text: "Contacts cannot be stored", with_list: false };

/// Flag of `save()`: the database is left as it is.
const MEMORY_ONLY: i64 = 1;
/// Flag of `save()`: lifetimes are not shortened at random.
const NO_VARIATION: i64 = 8;
/// Flag of `save()`: only the contacts of this request stay.
const ONLY_THIS: i64 = 4;

/// What a registration comes with besides its contacts.
struct Desk<'a> {
    places: &'a usrloc::Rules,
    now: u32,
    texts: Common,
    cseq: u32,
    flags: u32,
    cflags: u32,
    socket: crate::relay::SocketId,
    max_contacts: usize,
    conn: sip::peer::ConnId,
    /// First part of the ruids, and how many there were.
    ruid: String,
}

/// Texts all contacts of a request share.
struct Common {
    call_id: Bytes,
    user_agent: Bytes,
    path: Vec<u8>,
    received: Bytes,
    /// The same as the first proxy of the path saw it; empty when that does not count.
    path_received: Vec<u8>,
    /// Packed.
    attributes: Vec<u8>,
}

impl<'a> Desk<'a> {
    fn of(ctx: &mut Ctx<'_>, rules: &'a Rules, places: &'a usrloc::Rules, now: u32) -> Desk<'a> {
        let socket = socket::of(ctx, rules);
        let own_limit = xavps::int(ctx, rules, b"max_contacts").and_then(|limit| usize::try_from(limit).ok());
        let max_contacts = own_limit.unwrap_or(rules.max_contacts);
        let view = ctx.work.view();
        let path: Vec<&[u8]> =
            if rules.uses_path { view.values(HeaderName::Path).collect() } else { Vec::new() };
        let received = rules.received_avp.as_ref().and_then(|name| ctx.work.avps.get(name, At::None));
        let first = path.first().filter(|_| rules.path_uses_received);
        let path_received = first.map(|value| received_of(value)).unwrap_or_default();
        let texts = Common {
            path_received,
            attributes: xavps::attributes(ctx, places),
            call_id: ctx.work.slice(view.call_id().unwrap_or_default()),
            user_agent: ctx.work.slice(view.header(HeaderName::UserAgent).unwrap_or(b"")),
            path: path.join(&b","[..]),
            received: received.map(|value| value.to_text()).unwrap_or_default(),
        };
        Desk {
            places,
            now,
            texts,
            cseq: view.cseq().map_or(0, |cseq| cseq.number),
            flags: ctx.work.flags,
            cflags: ctx.work.targets.ruri().flags,
            socket,
            max_contacts,
            conn: ctx.work.received.peer.conn,
            ruid: format!("uloc-{:x}-{:x}", now, ctx.shard.ident.next_u64()),
        }
    }

    /// Does what the request asks for; gives the code of `save()`. Nothing is changed when it is refused.
    fn serve(&self, contacts: &mut Vec<Contact>, wish: Wish<'_>, flags: i64) -> Result<i64, Refusal> {
        match wish {
            Wish::List => Ok(4),
            Wish::RemoveAll => {
                contacts.clear();
                Ok(3)
            }
            Wish::Change(wanted) => self.change(contacts, &wanted, flags),
        }
    }

    fn change(&self, contacts: &mut Vec<Contact>, wanted: &[Wanted<'_>], flags: i64) -> Result<i64, Refusal> {
        contacts.retain(|contact| contact.is_valid(self.now));
        for want in wanted {
            match self.matching(contacts, want) {
                Some((_, Order::Repeated)) => return Ok(1),
                Some((_, Order::Stale)) => {
                    return Err(Refusal { status: 400, text: "Invalid CSeq number", with_list: true });
                }
                Some((_, Order::Newer)) | None => {}
            }
        }
        if flags & ONLY_THIS != 0 {
            contacts.retain(|contact| wanted.iter().any(|want| contact.texts().uri == want.uri));
        }
        self.check_count(contacts, wanted)?;
        let mut code = 1;
        for (number, want) in wanted.iter().enumerate() {
            let place = self.matching(contacts, want).map(|(place, _)| place);
            match (place, want.expires) {
                (Some(place), 0) => {
                    contacts.remove(place);
                    code = 3;
                }
                (None, 0) => {}
                (Some(place), _) => {
                    let contact = self.contact(want, contacts[place].texts().ruid)?;
                    if !want.instance.is_empty() && contacts[place].texts().call_id != self.texts.call_id {
                        self.drop_other_flows(contacts, place, want);
                    }
                    let place = self.matching(contacts, want).map_or(0, |(place, _)| place);
                    contacts[place] = contact;
                    code = 2;
                }
                (None, _) => {
                    contacts.push(self.contact(want, format!("{}-{number:x}", self.ruid).as_bytes())?)
                }
            }
        }
        usrloc::sort(contacts, self.places.preference);
        Ok(code)
    }

    /// The stored contact that a wanted one means, and which of the two is newer.
    fn matching(&self, contacts: &[Contact], want: &Wanted<'_>) -> Option<(usize, Order)> {
        let texts = self.wanted_texts(want, b"");
        let place = usrloc::find(contacts, &texts, want.reg_id, self.places.matching)?;
        let order = usrloc::order(&contacts[place], &texts, self.cseq, self.now, self.places.cseq_delay);
        Some((place, order))
    }

    fn check_count(&self, contacts: &[Contact], wanted: &[Wanted<'_>]) -> Result<(), Refusal> {
        let is_known = |want: &&Wanted<'_>| self.matching(contacts, want).is_some();
        let removed = wanted.iter().filter(|want| want.expires == 0).filter(is_known).count();
        let added = wanted.iter().filter(|want| want.expires > 0).filter(|want| !is_known(want)).count();
        let limit = self.max_contacts;
        if limit > 0 && contacts.len() + added - removed > limit {
            return Err(Refusal { status: 503, text: "Too many registered contacts", with_list: true });
        }
        Ok(())
    }

    /// A restarted client keeps its instance but not its Call-ID: its other contacts are gone.
    fn drop_other_flows(&self, contacts: &mut Vec<Contact>, kept: usize, want: &Wanted<'_>) {
        let mut place = 0;
        contacts.retain(|contact| {
            place += 1;
            place - 1 == kept
                || contact.texts().instance != want.instance
                || contact.facts.reg_id != want.reg_id
        });
    }

    fn wanted_texts<'t>(&'t self, want: &Wanted<'t>, ruid: &'t [u8]) -> Texts<'t> {
        let agent = &self.texts.user_agent[..];
        Texts {
            uri: want.uri,
            call_id: &self.texts.call_id,
            received: [&self.texts.path_received[..], want.received]
                .into_iter()
                .find(|received| !received.is_empty())
                .unwrap_or(&self.texts.received),
            path: &self.texts.path,
            user_agent: if agent.is_empty() { b"n/a" } else { agent },
            instance: want.instance,
            ruid,
            attributes: &self.texts.attributes,
        }
    }

    fn contact(&self, want: &Wanted<'_>, ruid: &[u8]) -> Result<Contact, Refusal> {
        let facts = Facts {
            expires: self.now.saturating_add(want.expires),
            last_modified: self.now,
            cseq: self.cseq,
            q: want.q,
            flags: self.flags,
            cflags: self.cflags,
            methods: want.methods,
            reg_id: want.reg_id,
            socket: Some(self.socket),
            conn: self.conn,
            state: State::New,
        };
        let too_long = Refusal { status: 400, text: "Contact/received too long", with_list: true };
        Contact::new(self.wanted_texts(want, ruid), facts).map_err(|_| too_long)
    }
}

/// The `received` parameter of a Path value's URI.
fn received_of(path: &[u8]) -> Vec<u8> {
    let address = NameAddr::parse(path).ok();
    let uri = address.and_then(|address| Uri::parse(address.uri_text).ok());
    uri.and_then(|uri| uri.params.value(b"received")).map(aor::unescape).unwrap_or_default()
}
