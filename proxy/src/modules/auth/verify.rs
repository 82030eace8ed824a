//! From a request to a verdict: find the credentials of a realm, check their form, nonce and response.

use std::sync::Arc;

use bytes::Bytes;
use sip::digest::{Algorithm, Credentials, Ha1};
use sip::msg::{Auth, HeaderName, Method, View};
use sip::span::Span;

use super::nonce::{self, NonceError, Numbered};
use super::params::{self, Rules};
use super::uses::UseError;
use crate::api::{Authorized, Ctx, Flow};

/// Which header field carries the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// `Authorization`, asked for with 401.
    Www,
    /// `Proxy-Authorization`, asked for with 407.
    Proxy,
}

/// What the check of credentials came to; the numbers are the return codes of the script functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They are right, or the method is one that is never challenged.
    Right = 1,
    /// They cannot be used: parts missing, wrong algorithm, a nonce that is not ours.
    Unusable = -1,
    /// The response is wrong.
    WrongPassword = -2,
    /// There is no such user.
    UnknownUser = -3,
    /// The nonce is too old, or its count did not rise.
    Stale = -4,
    /// There are none for the realm.
    Missing = -5,
    /// The nonce was good for one use and has had it.
    Reused = -6,
    /// They are right, but the user is not the sender.
    OtherUser = -8,
}

impl From<Verdict> for Flow {
    fn from(verdict: Verdict) -> Flow {
        Flow::Next(verdict as i64)
    }
}

/// What [`precheck`] found out.
#[derive(Debug)]
pub enum Precheck {
    /// It is decided without a password.
    Decided(Verdict),
    /// The response must be compared.
    Open(Box<Candidate>),
}

/// Credentials with a good nonce whose response has not been compared yet. Owned: may wait for a database.
#[derive(Clone, Debug)]
pub struct Candidate {
    value: Bytes,
    algorithm: Algorithm,
    username: Bytes,
    realm: Bytes,
    undo: Option<(u32, u8)>,
}

/// The field of the credentials checked last, for `consume_credentials()`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checked(pub(super) Span);

/// Finds the credentials of a realm and checks everything but the response.
pub fn precheck(ctx: &mut Ctx<'_>, header: Header, realm: &[u8]) -> Precheck {
    // They cannot be challenged (RFC 3261 22.1), and PRACK is treated like them (seen on Kamailio 5.6.3).
    if matches!(ctx.work.view().method(), Some(Method::Ack | Method::Cancel | Method::Prack)) {
        return Precheck::Decided(Verdict::Right);
    }
    let rules = params::rules(ctx);
    let realm = realm.strip_prefix(&*rules.realm_prefix).unwrap_or(realm);
    if realm.is_empty() {
        return Precheck::Decided(Verdict::Unusable);
    }
    let Some((line, value)) = find(ctx.work.view(), header.name(), realm) else {
        return Precheck::Decided(Verdict::Missing);
    };
    let value = ctx.work.slice(value);
    ctx.work.attached.put(Checked(line));
    match judge(ctx, &rules, &value) {
        Ok(candidate) => Precheck::Open(Box::new(candidate)),
        Err(verdict) => Precheck::Decided(verdict),
    }
}

/// The first field of that name with digest credentials for the realm: its line and its value.
pub(super) fn find<'a>(view: View<'a>, name: HeaderName, realm: &[u8]) -> Option<(Span, &'a [u8])> {
    view.fields(name).find_map(|field| {
        let value = field.value.of(view.bytes);
        let auth = Auth::parse(value).ok().filter(Auth::is_digest)?;
        (auth.param(b"realm").as_deref() == Some(realm)).then_some((field.line, value))
    })
}

fn judge(ctx: &mut Ctx<'_>, rules: &Arc<Rules>, value: &Bytes) -> Result<Candidate, Verdict> {
    let auth = Auth::parse(value).map_err(|_| Verdict::Unusable)?;
    let credentials = Credentials::parse(&auth).map_err(|_| Verdict::Unusable)?;
    let algorithm = params::named_algorithm(ctx).unwrap_or_default();
    let has_right_length = credentials.response.len() == hex_len(algorithm);
    if credentials.algorithm != algorithm || !has_right_length {
        return Err(Verdict::Unusable);
    }
    let numbered = if rules.uses.are_counted() { Numbered::Yes } else { Numbered::No };
    let binding = nonce::binding(ctx, rules);
    let nonce = params::key(ctx, |key| key.read(&credentials.nonce, numbered, &binding));
    let nonce = nonce.map_err(|error| match error {
        NonceError::Forged => Verdict::Unusable,
        NonceError::OtherRequest => Verdict::Stale,
    })?;
    let unix_now = ctx.shard.unix_time(ctx.shard.now).as_secs() as u32;
    if nonce.expires < unix_now || nonce.since > unix_now.saturating_add(rules.max_drift) {
        return Err(Verdict::Stale);
    }
    let undo = match nonce.id {
        None => None,
        Some(id) => match rules.uses.note(id, credentials.nonce_count()) {
            Ok(before) => Some((id, before)),
            Err(UseError::Stale) => return Err(Verdict::Stale),
            Err(UseError::Reused) => return Err(Verdict::Reused),
        },
    };
    Ok(Candidate {
        value: value.clone(),
        algorithm,
        username: Bytes::copy_from_slice(&credentials.username),
        realm: Bytes::copy_from_slice(&credentials.realm),
        undo,
    })
}

fn hex_len(algorithm: Algorithm) -> usize {
    if algorithm == Algorithm::Md5 { 32 } else { 64 }
}

impl Candidate {
    /// The user name as sent, perhaps with a domain.
    pub fn username(&self) -> &Bytes {
        &self.username
    }

    /// The realm of the credentials.
    pub fn realm(&self) -> &Bytes {
        &self.realm
    }

    /// The algorithm of the response.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash of a plain password.
    pub fn hash(&self, password: &[u8]) -> Ha1 {
        Ha1::compute(self.algorithm, &self.username, &self.realm, password)
    }

    /// Compares the response. `method`: what the client is expected to have hashed.
    pub fn verify(&self, ctx: &mut Ctx<'_>, ha1: &Ha1, method: &[u8]) -> Verdict {
        let credentials = Auth::parse(&self.value).ok().and_then(|auth| Credentials::parse(&auth).ok());
        let is_right =
            credentials.is_some_and(|credentials| credentials.verify(ha1, method, ctx.work.view().body()));
        ctx.work.attached.get_mut::<Authorized>().0 |= is_right;
        if is_right { Verdict::Right } else { Verdict::WrongPassword }
    }

    /// Takes the use of the nonce back, so that another try with the same nc may follow.
    pub fn forgive(&self, ctx: &Ctx<'_>) {
        if let Some((id, before)) = self.undo {
            params::rules(ctx).uses.undo(id, before);
        }
    }
}

impl Header {
    /// `Www` for REGISTER, `Proxy` for all others.
    pub fn of_method(view: View<'_>) -> Header {
        if view.method() == Some(Method::Register) { Header::Www } else { Header::Proxy }
    }

    /// The field that carries the credentials.
    pub fn name(self) -> HeaderName {
        match self {
            Header::Www => HeaderName::Authorization,
            Header::Proxy => HeaderName::ProxyAuthorization,
        }
    }
}
