//! Registrations of ours elsewhere (table `uacreg`): what is registered where, and how each of them stands.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::api::{Loading, StartRead};
use crate::modules::db;
use crate::store::{Cell, Name, Query, Row, Url};

/// One registration. Its password and hash show in no debug output.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) uuid: Bytes,
    pub(super) local_user: Bytes,
    pub(super) local_domain: Bytes,
    pub(super) remote_user: Bytes,
    pub(super) remote_domain: Bytes,
    /// The realm that may ask for credentials; empty for any.
    pub(super) realm: Bytes,
    pub(super) auth_user: Bytes,
    pub(super) password: Bytes,
    /// The hash in place of the password; empty for none.
    pub(super) ha1: Bytes,
    /// The URI the REGISTER is sent to; empty for that of the remote domain.
    pub(super) proxy: Bytes,
    /// Seconds asked for.
    pub(super) expires: u32,
    /// Seconds before the first REGISTER.
    pub(super) delay: u32,
    /// Host, port and parameters of the Contact.
    pub(super) contact_addr: Bytes,
    /// The socket REGISTER leaves by; empty for one that fits.
    pub(super) socket: Bytes,
    pub(super) standing: Standing,
}

/// How a registration stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The operator, or a failure without retry, has switched it off.
    pub(super) is_off: bool,
    /// A REGISTER waits for its answer.
    pub(super) is_asking: bool,
    /// The last one was accepted.
    pub(super) is_online: bool,
    /// A REGISTER was sent.
    pub(super) has_begun: bool,
    /// When it is over, or tried again; Unix seconds.
    pub(super) until: u64,
    /// When it was read; Unix seconds.
    pub(super) since: u64,
    /// REGISTERs of the present Call-ID.
    pub(super) count: u32,
}

impl Standing {
    /// The flags in the numbers of Kamailio.
    pub(super) fn flags(self) -> i64 {
        let bits = [(self.is_off, 1), (self.is_asking, 2), (self.is_online, 4), (self.has_begun, 16)];
        bits.iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum()
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({}, {:?})", self.uuid.escape_ascii(), self.standing)
    }
}

/// All of them by their uuid, shared by all shards.
#[derive(Debug, Default)]
pub(super) struct Registrations(Mutex<BTreeMap<Bytes, Registration>>);

impl Registrations {
    /// Looks at or changes them all.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<Bytes, Registration>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what was read; those that are as before go on as they stand.
    pub(super) fn replace(&self, rows: &[Row], rules: &Rules, unix_now: u64) {
        self.with(|all| {
            let before = std::mem::take(all);
            for mut new in rows.iter().filter_map(|row| Registration::of_row(row, rules)) {
                match before.get(&new.uuid) {
                    Some(old) if old.has_same_words(&new) => new.standing = old.standing,
                    _ => new.standing.since = unix_now,
                }
                all.insert(new.uuid.clone(), new);
            }
        });
    }
}

impl Registration {
    /// Reads a row. `None`: what must be there is empty.
    fn of_row(row: &Row, rules: &Rules) -> Option<Registration> {
        let text = |at: usize| row.get(at).and_then(Cell::to_text).unwrap_or_default();
        let number = |at: usize| row.get(at).and_then(Cell::to_int).and_then(|n| u32::try_from(n).ok());
        let or = |text: Bytes, default: &Bytes| if text.is_empty() { default.clone() } else { text };
        let is_off = number(11).is_some_and(|flags| flags & 1 != 0);
        let registration = Registration {
            uuid: text(0),
            local_user: text(1),
            local_domain: text(2),
            remote_user: text(3),
            remote_domain: text(4),
            realm: text(5),
            auth_user: text(6),
            password: text(7),
            ha1: text(8),
            proxy: text(9),
            expires: number(10).unwrap_or(0),
            delay: number(12).unwrap_or(0),
            contact_addr: or(text(13), &rules.contact_addr),
            socket: or(text(14), &rules.socket),
            standing: Standing { is_off, ..Standing::default() },
        };
        registration.is_whole().then_some(registration)
    }

    /// Whether all that a REGISTER needs is there.
    pub(super) fn is_whole(&self) -> bool {
        let needed = [&self.uuid, &self.local_user, &self.remote_user, &self.remote_domain, &self.auth_user];
        needed.iter().all(|text| !text.is_empty()) && !(self.password.is_empty() && self.ha1.is_empty())
    }

    fn has_same_words(&self, other: &Registration) -> bool {
        *self == Registration { standing: self.standing, ..other.clone() }
    }

    /// The URI of our user that it stands for.
    pub(super) fn local_uri(&self) -> Vec<u8> {
        [b"sip:", &self.local_user[..], b"@", &self.local_domain].concat()
    }

    /// The URI that is registered.
    pub(super) fn remote_uri(&self) -> Vec<u8> {
        [b"sip:", &self.remote_user[..], b"@", &self.remote_domain].concat()
    }
}

/// The parameters of registrations.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) url: Arc<Url>,
    pub(super) query: Query,
    pub(super) contact_addr: Bytes,
    pub(super) socket: Bytes,
    /// Seconds between two looks at all registrations.
    pub(super) interval: u64,
    /// Seconds until a failed one is tried again; 0: it is switched off.
    pub(super) retry: u64,
    pub(super) keeps_call_id: bool,
    /// Most seconds that are added to each delay at random.
    pub(super) random_delay: u64,
    /// Local users are told apart by their domain too.
    pub(super) with_domain: bool,
}

/// Whether registrations are kept up (`reg_active`, `uac.reg_active`).
#[derive(Debug)]
pub(super) struct Active(pub(super) std::sync::atomic::AtomicBool);

/// Reads the parameters; without `reg_db_url` there are no registrations. Errors: no `reg_contact_addr`, a name that
/// is none.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    if params.text("reg_db_url").is_empty() {
        return Ok(());
    }
    let url = db::url_of(loading, "reg_db_url")?;
    let table = db::name(loading, "reg_db_table")?;
    if params.text("reg_contact_addr").is_empty() {
        return Err(
            "parameter reg_db_url needs reg_contact_addr: host, port and parameters of Contacts".into()
        );
    }
    db::needs(loading, &url, "uacreg", &table);
    let columns = COLUMNS.map(|name| Name::parse(name.as_bytes()).expect("the names of this file are names"));
    let seconds = |name: &str| u64::try_from(params.int(name)).unwrap_or(0);
    let rules = Rules {
        url: url.clone(),
        query: Query::Select { table, columns: columns.into(), only: Vec::new() },
        contact_addr: params.text("reg_contact_addr"),
        socket: params.text("default_socket"),
        interval: seconds("reg_timer_interval").max(1),
        retry: seconds("reg_retry_interval"),
        keeps_call_id: params.int("reg_keep_callid") != 0,
        random_delay: seconds("reg_random_delay"),
        with_domain: params.int("reg_use_domain") != 0,
    };
    // What is registered stays so over a reload.
    if loading.shared.peek::<Registrations>().is_none() {
        loading.shared.put(Registrations::default());
        let query = rules.query.clone();
        loading.lifecycle.reads.push(StartRead {
            module: "uac",
            url,
            query,
            take: Arc::new(move |shared, rows| {
                if let (Some(all), Some(rules)) = (shared.peek::<Registrations>(), shared.peek::<Rules>()) {
                    all.replace(&rows, rules, 0);
                }
                Ok(())
            }),
        });
        loading.shared.put(Active((params.int("reg_active") != 0).into()));
    }
    loading.shared.put(rules);
    Ok(())
}

const COLUMNS: [&str; 15] = [
    "l_uuid",
    "l_username",
    "l_domain",
    "r_username",
    "r_domain",
    "realm",
    "auth_username",
    "auth_password",
    "auth_ha1",
    "auth_proxy",
    "expires",
    "flags",
    "reg_delay",
    "contact_addr",
    "socket",
];
