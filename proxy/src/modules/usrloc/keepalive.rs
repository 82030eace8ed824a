//! Keep-alive requests to contacts (parameters `ka_*`): one for each of them while the timer walks its slice. Who is
//! silent for `ka_timeout` seconds is forgotten.

use bytes::Bytes;
use sip::ident::write_hex;
use sip::msg::{NameAddr, Uri, Values};
use sip::peer::Transport;

use super::contact::Contact;
use super::params::Rules;
use super::store::{Location, Table};
use super::sync::Desk;
use super::timer;
use super::{NatFlag, SEGMENTS};
use crate::api::{Kept, Loading, LocalRequest, Outcome, Params, Shard};
use crate::relay::Millis;

/// The parameters of keep-alive.
#[derive(Clone, Debug, Default)]
pub(super) struct KeepAlive {
    /// Who gets them, a bit each: all, those behind a NAT, those over UDP. 0: nobody.
    mode: u32,
    /// Seconds; 0: silence means nothing.
    timeout: u32,
    from: Bytes,
    domain: Bytes,
    method: Bytes,
}

const ALL: u32 = 1;
const NATTED: u32 = 2;
const ONLY_UDP: u32 = 4;

impl KeepAlive {
    /// Reads the parameters.
    pub(super) fn read(params: &Params) -> KeepAlive {
        let number = |name: &str| u32::try_from(params.int(name)).unwrap_or(0);
        KeepAlive {
            mode: number("ka_mode"),
            timeout: number("ka_timeout"),
            from: params.text("ka_from"),
            domain: params.text("ka_domain"),
            method: params.text("ka_method"),
        }
    }

    fn means(&self, contact: &Contact, nat_flag: u32) -> bool {
        let is_meant =
            self.mode & ALL != 0 || (self.mode & NATTED != 0 && contact.facts.cflags & nat_flag != 0);
        let is_udp =
            || Uri::parse(contact.texts().uri).is_ok_and(|uri| uri.effective_transport() == Transport::Udp);
        is_meant && (self.mode & ONLY_UDP == 0 || is_udp())
    }
}

/// A contact that was asked whether it is there.
struct Asked {
    table: std::sync::Arc<Table>,
    aor: Box<[u8]>,
    ruid: Box<[u8]>,
}

/// Asks the contacts of a slice.
pub(super) fn walk(shard: &mut Shard, rules: &Rules, location: &Location, segment: usize) {
    let wanted = &rules.keep_alive;
    if wanted.mode & (ALL | NATTED) == 0 {
        return;
    }
    let nat_flag = shard.shared.peek::<NatFlag>().map_or(0, |flag| flag.0);
    let now = u32::try_from(shard.unix_time(shard.now).as_secs()).unwrap_or(u32::MAX);
    for (_, table) in location.tables() {
        let mut due = Vec::new();
        table.each(segment % SEGMENTS, |aor, contact| {
            if contact.is_valid(now) && wanted.means(contact, nat_flag) {
                due.push((Box::<[u8]>::from(aor), contact.clone()));
            }
        });
        for (aor, contact) in due {
            let ruid = contact.texts().ruid.into();
            let request = request(shard, wanted, &aor, &contact);
            shard.send_request(request.then(answered, Asked { table: table.clone(), aor, ruid }));
        }
    }
}

fn request(shard: &mut Shard, wanted: &KeepAlive, aor: &[u8], contact: &Contact) -> LocalRequest {
    let texts = contact.texts();
    let user = aor.split(|byte| *byte == b'@').next().unwrap_or_default();
    let to = [b"sip:", user, b"@", &wanted.domain].concat();
    let uri = Bytes::copy_from_slice(texts.uri);
    let mut request = LocalRequest::new(wanted.method.clone(), uri).from(&wanted.from).to(to);
    let mut call_id = b"ksrulka-".to_vec();
    write_hex(shard.ident.next_u64(), &mut call_id);
    (request.call_id, request.cseq) = (call_id.into(), 80);
    request.socket = contact.facts.socket;
    let first = Values::new(texts.path).next().and_then(|path| NameAddr::parse(path).ok());
    request.next_hop = match first {
        Some(path) => Some(Bytes::copy_from_slice(path.uri_text)),
        None => (!texts.received.is_empty()).then(|| Bytes::copy_from_slice(texts.received)),
    };
    if !texts.path.is_empty() {
        request.headers = [b"Route: ", texts.path, b"\r\n"].concat().into();
    }
    if wanted.timeout > 0 {
        let mut timers = shard.relay.settings().non_invite;
        timers.final_response = Millis(wanted.timeout.saturating_mul(1_000));
        request.timers = Some(timers);
    }
    request
}

fn answered(shard: &mut Shard, outcome: Outcome, kept: Kept) {
    let Ok(asked) = kept.downcast::<Asked>() else { return };
    let shared = shard.shared.clone();
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else { return };
    // Any answer shows that it is there.
    if outcome.reply.is_some() || rules.keep_alive.timeout == 0 {
        return;
    }
    let sockets = shard.sockets.clone();
    let desk = Desk { location, rules, sockets: &sockets };
    let ((), changes) = desk.change(&asked.table, &asked.aor, |contacts| {
        contacts.retain(|contact| *contact.texts().ruid != *asked.ruid);
    });
    timer::write(shard, &desk, changes);
}

/// Checks what the parameters need. Errors: a From that is no URI.
pub(super) fn check(loading: &Loading<'_>) -> Result<(), String> {
    let from = loading.params.text("ka_from");
    Uri::parse(&from).map(drop).map_err(|_| format!("parameter ka_from: {} is no URI", from.escape_ascii()))
}
