//! Answers to challenges (RFC 3261 22.2, 22.3): those of called sides in a failure route, and of requests made here.

use bytes::Bytes;
use sip::digest::{Challenge, Covered, Ha1, Offers, RequestDigest};
use sip::ident::write_hex;
use sip::msg::{Auth, HeaderName, Message, View};

use super::params::{self, Credential};
use crate::api::{Args, Ctx, Flow, Level, Shard};

/// What the password of a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// Itself.
    Plain,
    /// The hash of user, realm and password.
    Hash,
}

/// `uac_auth([mode])`
pub(super) fn uac_auth(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let secret = if args.int(ctx, 0) == 1 { Secret::Hash } else { Secret::Plain };
    match header_line(ctx, secret) {
        Ok(line) => {
            let end = ctx.work.view().headers_end();
            Flow::from_bool(ctx.work.edits.insert(end, &line).is_some())
        }
        Err(why) => {
            ctx.log(Level::ERR, format!("uac_auth: {why}"));
            Flow::FALSE
        }
    }
}

/// Errors: why there is no answer.
fn header_line(ctx: &mut Ctx<'_>, secret: Secret) -> Result<Vec<u8>, &'static str> {
    let status = ctx.work.relaying.picked_status;
    if !matches!(status, 401 | 407) {
        return Err("the best reply is no challenge");
    }
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    let branch = context.and_then(|context| context.branches().get(context.picked()?));
    let reply = branch.and_then(|branch| branch.reply().cloned()).ok_or("the reply is not there")?;
    let reply = Message::parse_lenient(reply).map_err(|_| "the reply cannot be read")?;
    let challenge = challenge(reply.view(), status).ok_or("the challenge cannot be read")?;
    let credential = credential(ctx, &challenge.realm).ok_or("there is no credential for the realm")?;
    let uri = ctx.work.uri().unwrap_or_default();
    let message = ctx.work.message.clone();
    let view = message.view();
    let covered = Covered { method: view.method_text().unwrap_or_default(), uri: &uri, body: view.body() };
    line(ctx.shard, &challenge, (&credential, secret), covered, status).ok_or("the hash cannot be used")
}

/// The challenge of a 401 or 407.
pub(super) fn challenge(reply: View<'_>, status: u16) -> Option<Challenge<'_>> {
    let name = if status == 401 { HeaderName::WwwAuthenticate } else { HeaderName::ProxyAuthenticate };
    let mut values = reply.fields(name).filter_map(|field| Auth::parse(field.value.of(reply.bytes)).ok());
    values.find_map(|auth| Challenge::parse(&auth).ok())
}

/// The credential of AVPs when their realm fits, else that of a parameter.
fn credential(ctx: &Ctx<'_>, realm: &[u8]) -> Option<Credential> {
    let rules = params::rules(ctx);
    let [realm_avp, user, password] = &rules.avps;
    let value = |avp: &Option<_>| -> Option<Bytes> {
        ctx.work.avps.get(avp.as_ref()?, crate::api::At::None).map(|value| value.to_text())
    };
    if let (Some(of), Some(user), Some(password)) = (value(realm_avp), value(user), value(password))
        && *of == *realm
    {
        return Some(Credential { user, realm: of, password });
    }
    rules.credentials.iter().find(|credential| *credential.realm == *realm).cloned()
}

/// The line that answers, with its end. `None`: the password should be a hash and is none.
pub(super) fn line(
    shard: &mut Shard,
    challenge: &Challenge<'_>,
    (credential, secret): (&Credential, Secret),
    covered: Covered<'_>,
    status: u16,
) -> Option<Vec<u8>> {
    let ha1 = match secret {
        Secret::Plain => {
            Ha1::compute(challenge.algorithm, &credential.user, &challenge.realm, &credential.password)
        }
        Secret::Hash => Ha1::from_hex(challenge.algorithm, &credential.password)?,
    };
    let mut cnonce = Vec::new();
    write_hex(shard.ident.next_u64(), &mut cnonce);
    let qop = Offers::preferred(challenge.offers);
    let digest = RequestDigest {
        algorithm: challenge.algorithm,
        nonce: &challenge.nonce,
        cnonce: &cnonce,
        nc: FIRST_USE,
        qop,
        covered,
    };
    let answer = sip::digest::Answer { response: digest.response(&ha1), nc: *FIRST_USE };
    let proof = sip::digest::Proof { qop, cnonce: &cnonce, nonce_count: 1 };
    let name: &[u8] = if status == 401 { b"Authorization: " } else { b"Proxy-Authorization: " };
    let mut out = name.to_vec();
    challenge.write_credentials((&credential.user, covered.uri), proof, &answer, &mut out);
    out.extend_from_slice(b"\r\n");
    Some(out)
}

/// Each nonce is used once.
const FIRST_USE: &[u8; 8] = b"00000001";
