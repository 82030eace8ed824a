//! Registrations elsewhere are kept up: a REGISTER for each whose time is near (RFC 3261 10.2), its challenge answered
//! once, and what came of it noted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use sip::digest::Covered;
use sip::lex;
use sip::msg::{HeaderName, Uri, View};

use super::answer::{self, Secret};
use super::params::Credential;
use super::registration::{Active, Registration, Registrations, Rules};
use crate::api::{Kept, Level, LocalRequest, Outcome, Shard};

/// Looks after the registrations from now on; the first shard does.
pub(super) fn start(shard: &mut Shard) {
    let Some(rules) = shard.shared.get::<Rules>().filter(|_| shard.number == 0) else { return };
    let (now, most) = (unix_now(shard), rules.random_delay);
    let Some(registrations) = shard.shared.get::<Registrations>() else { return };
    registrations.with(|all| {
        for registration in all.values_mut() {
            registration.standing.since = now;
            let more = if most == 0 { 0 } else { shard.ident.next_u64() % (most + 1) };
            registration.delay = registration.delay.saturating_add(u32::try_from(more).unwrap_or(0));
        }
    });
    shard.every(Duration::from_secs(rules.interval), tick);
}

fn tick(shard: &mut Shard) {
    let (Some(rules), Some(all)) = (shard.shared.get::<Rules>(), shard.shared.get::<Registrations>()) else {
        return;
    };
    if !shard.shared.peek::<Active>().is_some_and(|active| active.0.load(Ordering::Relaxed)) {
        return;
    }
    let now = unix_now(shard);
    let due: Vec<Registration> = all.with(|all| {
        let due = all.values_mut().filter(|registration| is_due(registration, &rules, now));
        due.map(|registration| begin(registration, &rules)).collect()
    });
    for registration in due {
        let expires = registration.expires;
        send(shard, Asked { registration, expires, has_answered: false }, None);
    }
}

/// Soon enough that the one after next would be too late.
fn is_due(registration: &Registration, rules: &Rules, now: u64) -> bool {
    let standing = &registration.standing;
    let has_waited = standing.has_begun || standing.since + u64::from(registration.delay) <= now;
    !standing.is_off && !standing.is_asking && has_waited && standing.until <= now + rules.interval + MARGIN
}

/// Seconds that an answer may take.
const MARGIN: u64 = 3;

fn begin(registration: &mut Registration, rules: &Rules) -> Registration {
    let standing = &mut registration.standing;
    standing.is_asking = true;
    standing.has_begun = true;
    standing.count = if rules.keeps_call_id { standing.count + 1 } else { 0 };
    registration.clone()
}

/// Sends a REGISTER that ends a registration; what came of it is not waited for.
pub(super) fn unregister(shard: &mut Shard, registration: Registration) {
    send(shard, Asked { registration, expires: 0, has_answered: false }, None);
}

/// A REGISTER under way.
struct Asked {
    registration: Registration,
    expires: u32,
    /// Its challenge was answered.
    has_answered: bool,
}

/// What goes on from a reply: its Call-ID, From and number, and the line that answers its challenge.
struct Answer {
    call_id: Bytes,
    from: Bytes,
    cseq: u32,
    line: Vec<u8>,
}

fn send(shard: &mut Shard, asked: Asked, answer: Option<Answer>) {
    let registration = &asked.registration;
    let remote = registration.remote_uri();
    let mut request = LocalRequest::new("REGISTER", request_uri(registration)).from(&remote).to(&remote);
    let contact = [&registration.uuid[..], b"@", &registration.contact_addr].concat();
    let expires = asked.expires.to_string();
    let lines = [b"Contact: <sip:", &contact[..], b">\r\nExpires: ", expires.as_bytes(), b"\r\n"].concat();
    request.headers = lines.into();
    let proxy = &registration.proxy;
    request.next_hop = (!matches!(&proxy[..], b"" | b".")).then(|| proxy.clone());
    if !matches!(&registration.socket[..], b"" | b".") {
        match shard.find_socket(&String::from_utf8_lossy(&registration.socket)) {
            Ok(socket) => request.socket = Some(socket),
            Err(_) => return failed(shard, &asked, "its socket is none of ours"),
        }
    }
    let rules = shard.shared.get::<Rules>();
    if rules.is_some_and(|rules| rules.keeps_call_id) {
        request.call_id = [b"uacreg-", &registration.uuid[..]].concat().into();
        // Two numbers for each: the second one carries the credentials.
        request.cseq += registration.standing.count.saturating_mul(2);
    }
    if let Some(answer) = answer {
        (request.call_id, request.from, request.cseq) = (answer.call_id, answer.from, answer.cseq);
        request.headers = [&request.headers[..], &answer.line].concat().into();
    }
    shard.send_request(request.then(answered, asked));
}

fn request_uri(registration: &Registration) -> Vec<u8> {
    [b"sip:", &registration.remote_domain[..]].concat()
}

fn answered(shard: &mut Shard, outcome: Outcome, kept: Kept) {
    let Ok(asked) = kept.downcast::<Asked>() else { return };
    let mut asked = *asked;
    let Some(reply) = outcome.reply.clone() else {
        return failed(shard, &asked, "there is no answer");
    };
    let view = reply.view();
    match outcome.status {
        200..=299 => accepted(shard, &asked, view),
        401 | 407 if asked.has_answered => failed(shard, &asked, "the credentials are not accepted"),
        401 | 407 => match with_credentials(shard, &asked, view, outcome.status) {
            Ok(answer) => {
                asked.has_answered = true;
                send(shard, asked, Some(answer));
            }
            Err(why) => failed(shard, &asked, why),
        },
        423 => match view.header_named(b"Min-Expires").and_then(lex::parse_u32) {
            // RFC 3261 10.2.8: again with what is asked for.
            Some(least) if least > asked.expires && asked.expires > 0 => {
                asked.expires = least;
                send(shard, asked, None);
            }
            _ => failed(shard, &asked, "the lifetime is too short"),
        },
        _ => failed(shard, &asked, "it was refused"),
    }
}

fn accepted(shard: &mut Shard, asked: &Asked, reply: View<'_>) {
    let uuid = &asked.registration.uuid;
    if asked.expires == 0 {
        return note(shard, uuid, |registration, _| registration.standing.is_online = false);
    }
    let mut contacts = reply.contacts().flatten();
    let own = contacts
        .find(|contact| Uri::parse(contact.uri_text).is_ok_and(|uri| uri.user == Some(uuid.as_ref())));
    let Some(own) = own else { return failed(shard, asked, "the answer has no Contact of ours") };
    let told = own.params.value(b"expires").or_else(|| reply.header(HeaderName::Expires));
    let expires = told.and_then(lex::parse_u32).unwrap_or(asked.expires);
    note(shard, uuid, |registration, now| {
        registration.standing.is_asking = false;
        registration.standing.is_online = true;
        registration.standing.until = now + u64::from(expires);
    });
}

fn failed(shard: &mut Shard, asked: &Asked, why: &str) {
    let uuid = &asked.registration.uuid;
    let line = format!("uac: registration {} failed: {why}", uuid.escape_ascii());
    shard.log.write(Level::ERR, line.as_bytes());
    let retry = shard.shared.get::<Rules>().map_or(0, |rules| rules.retry);
    note(shard, uuid, |registration, now| {
        registration.standing.is_asking = false;
        registration.standing.is_online = false;
        registration.standing.is_off |= retry == 0;
        registration.standing.until = now + retry;
    });
}

/// Changes a registration, if it is still there.
fn note(shard: &Shard, uuid: &Bytes, change: impl FnOnce(&mut Registration, u64)) {
    let now = unix_now(shard);
    let Some(all) = shard.shared.get::<Registrations>() else { return };
    all.with(|all| {
        if let Some(registration) = all.get_mut(uuid) {
            change(registration, now);
        }
    });
}

/// Errors: why the challenge cannot be answered.
fn with_credentials(
    shard: &mut Shard,
    asked: &Asked,
    reply: View<'_>,
    status: u16,
) -> Result<Answer, &'static str> {
    let registration = &asked.registration;
    let challenge = answer::challenge(reply, status).ok_or("the challenge cannot be read")?;
    if !registration.realm.is_empty() && *registration.realm != *challenge.realm {
        return Err("the challenge is for another realm");
    }
    let (secret, password) = match registration.ha1.is_empty() {
        true => (Secret::Plain, registration.password.clone()),
        false => (Secret::Hash, registration.ha1.clone()),
    };
    let credential = Credential { user: registration.auth_user.clone(), realm: Bytes::new(), password };
    let uri = request_uri(registration);
    let covered = Covered { method: b"REGISTER", uri: &uri, body: b"" };
    let line = answer::line(shard, &challenge, (&credential, secret), covered, status);
    let copied = |name| reply.header(name).map(Bytes::copy_from_slice);
    Ok(Answer {
        line: line.ok_or("the hash cannot be used")?,
        call_id: copied(HeaderName::CallId).ok_or("the answer has no Call-ID")?,
        from: copied(HeaderName::From).ok_or("the answer has no From")?,
        cseq: reply.cseq().map_err(|_| "the answer has no CSeq")?.number + 1,
    })
}

/// Unix seconds.
pub(super) fn unix_now(shard: &Shard) -> u64 {
    shard.unix_time(shard.now).as_secs()
}
