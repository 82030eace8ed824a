//! `reg_fetch_contacts()`, `reg_free_contacts()` and `$ulc(profile=>attribute)`: contacts for the script to look at.

use bytes::Bytes;

use super::lookup::{Subject, with_contacts, with_rows};
use super::place::Place;
use crate::api::{Args, Catalog, Ctx, Flow, Index, Inner, PvArg, Resumed, Value, core_hash};
use crate::modules::usrloc::{Contact, Facts, Profiles};

/// `reg_fetch_contacts(table, uri, profile)`: 1, -1 none or not a URI.
pub(super) fn fetch(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_contacts(ctx, args, Subject::UriOrTo, fetch_rows, keep)
}

fn fetch_rows(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    with_rows(ctx, args, Subject::UriOrTo, resumed, keep)
}

fn keep(ctx: &mut Ctx<'_>, args: &Args<'_>, place: &Place, contacts: &[Contact]) -> Flow {
    let profile = args.text(ctx, 2);
    let profiles = ctx.work.attached.get_mut::<Profiles>();
    if contacts.is_empty() {
        profiles.remove(&profile);
        return Flow::FALSE;
    }
    profiles.put(&profile, &place.key, contacts.to_vec());
    Flow::TRUE
}

/// `reg_free_contacts(profile)`
pub(super) fn free(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let profile = args.text(ctx, 0);
    ctx.work.attached.get_mut::<Profiles>().remove(&profile);
    Flow::TRUE
}

/// A profile and what is wanted of it.
struct Wanted {
    profile: Bytes,
    attribute: usize,
}

/// Reads `profile=>attribute`. Errors: it has another form, or there is no such attribute.
pub(super) fn wanted(_: &Catalog, text: &[u8]) -> Result<Inner, String> {
    let arrow = memchr::memmem::find(text, b"=>").ok_or("expected profile=>attribute")?;
    let (profile, name) = (&text[..arrow], &text[arrow + 2..]);
    let known = || ATTRIBUTES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    let attribute = ATTRIBUTES.iter().position(|(known, _)| known.as_bytes() == name);
    let attribute = attribute.ok_or_else(|| {
        format!("contacts have no attribute {}, they have {}", String::from_utf8_lossy(name), known())
    })?;
    let profile = Bytes::copy_from_slice(profile);
    Ok(Inner::Prepared(std::sync::Arc::new(Wanted { profile, attribute })))
}

/// `$ulc(profile=>attribute)`, `$(ulc(profile=>attribute)[i])`
pub(super) fn get(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let Inner::Prepared(prepared) = &arg.inner else { return Value::Null };
    let Some(wanted) = prepared.downcast_ref::<Wanted>() else { return Value::Null };
    let index = if matches!(arg.index, Index::None) { crate::api::At::None } else { arg.at(ctx) };
    let Some(profile) = ctx.work.attached.get::<Profiles>().and_then(|all| all.get(&wanted.profile)) else {
        return Value::Null;
    };
    let (name, read) = ATTRIBUTES[wanted.attribute];
    match (name, index.of(profile.contacts.len())) {
        ("count", _) => Value::Int(profile.contacts.len() as i64),
        ("aor", _) => Value::copied(&profile.aor),
        ("aorhash", _) => Value::Int(core_hash(&[&profile.aor]).into()),
        (_, Some(at)) => read(&profile.contacts[at], ctx),
        (_, None) => Value::Null,
    }
}

type Read = fn(&Contact, &Ctx<'_>) -> Value;

/// The attributes; those of the record as a whole are read before.
static ATTRIBUTES: &[(&str, Read)] = &[
    ("aor", |_, _| Value::Null),
    ("domain", |_, _| Value::literal("location")),
    ("aorhash", |_, _| Value::Null),
    ("count", |_, _| Value::Null),
    ("addr", |contact, _| Value::copied(contact.texts().uri)),
    ("path", |contact, _| filled(contact.texts().path)),
    ("received", |contact, _| filled(contact.texts().received)),
    ("expires", |contact, _| Value::Int(contact.facts.expires.into())),
    ("callid", |contact, _| Value::copied(contact.texts().call_id)),
    ("q", |contact, _| Value::Int(contact.facts.q.map_or(-1, i64::from))),
    ("cseq", |contact, _| Value::Int(contact.facts.cseq.into())),
    ("flags", |contact, _| Value::Int(contact.facts.flags.into())),
    ("cflags", |contact, _| Value::Int(contact.facts.cflags.into())),
    ("user_agent", |contact, _| filled(contact.texts().user_agent)),
    ("socket", |contact, ctx| {
        let socket = contact.facts.socket.map(|id| ctx.shard.sockets.get(id));
        let name = socket.map(|socket| format!("{}:{}", socket.transport.param_name(), socket.addr));
        name.map_or(Value::Null, |name| Value::copied(name.as_bytes()))
    }),
    ("modified", |contact, _| Value::Int(contact.facts.last_modified.into())),
    ("methods", |contact, _| match contact.facts.methods {
        Facts::ALL_METHODS => Value::Int(-1),
        methods => Value::Int(methods.into()),
    }),
    ("ruid", |contact, _| filled(contact.texts().ruid)),
    ("regid", |contact, _| Value::Int(contact.facts.reg_id.into())),
    ("instance", |contact, _| filled(contact.texts().instance)),
    ("conid", |contact, _| match contact.facts.conn {
        sip::peer::ConnId::NONE => Value::Int(-1),
        conn => Value::Int(conn.0.into()),
    }),
];

fn filled(text: &[u8]) -> Value {
    if text.is_empty() { Value::Null } else { Value::copied(text) }
}
