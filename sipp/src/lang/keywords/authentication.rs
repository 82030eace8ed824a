//! `[authentication]`: the header that answers the stored challenge.
//!
//! It only marks its place; the header is inserted when the rest of the message is written, since with
//! `auth-int` it covers the body. RFC 3261 22, RFC 7616, RFC 8760, RFC 3310; the order of parameters is SIPp's.

use std::sync::Arc;

use memchr::memmem;
use sip::digest::aka::{self, AkaError, Subscriber};
use sip::digest::{Algorithm, Challenge, Covered, DigestError, Login, Proof, Qop};
use sip::msg::Auth;

use super::super::{
    Argument, Keyword, KeywordDef, KeywordForm, KeywordText, Mistake, Names, Scope, Template,
};

pub(in crate::lang) const AUTHENTICATION: KeywordDef = KeywordDef {
    name: "authentication",
    args: "username=text password=text aka_K=key aka_OP=constant aka_AMF=field",
    vanishes: false,
    form: KeywordForm::Args(parse),
    doc: "The Authorization or Proxy-Authorization header for the challenge received last.",
};

/// The parameters, in the order of [`Authentication`]'s fields.
const PARAMETERS: [&str; 5] = ["username", "password", "aka_K", "aka_OP", "aka_AMF"];

/// Who answers: `-au` and `-ap` where nothing is written.
#[derive(Debug, Default)]
pub struct Authentication {
    username: Option<Template>,
    password: Option<Template>,
    aka_key: Option<Template>,
    aka_operator: Option<Template>,
    aka_management: Option<Template>,
}

#[derive(Debug)]
struct Marker(Arc<Authentication>);

fn parse(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake> {
    let at = names.offset;
    for (name, _) in &text.args {
        if !PARAMETERS.contains(name) {
            let message = format!("[authentication] has no parameter {name}");
            return Err(Mistake::new("S012", at, message).suggest(name, PARAMETERS));
        }
    }
    let [username, password, key, operator, management] = PARAMETERS.map(|name| text.template(name, names));
    let authentication = Authentication {
        username: username?,
        password: password?,
        aka_key: key?,
        aka_operator: operator?,
        aka_management: management?,
    };
    Ok(Box::new(Marker(Arc::new(authentication))))
}

impl Keyword for Marker {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        scope.authentication_mark = Some((out.len(), self.0.clone()));
    }
}

/// Marks the place of an `[authentication ...]` that came out of an injected field; `args` as written there.
pub(super) fn mark_injected(args: &[(&str, Argument)], scope: &mut Scope<'_>, out: &[u8]) {
    let literal = |name| {
        args.iter().find(|(known, _)| *known == name).map(|(_, value)| Template::literal(value.bytes()))
    };
    let [username, password, aka_key, aka_operator, aka_management] = PARAMETERS.map(literal);
    let authentication = Authentication { username, password, aka_key, aka_operator, aka_management };
    scope.authentication_mark = Some((out.len(), Arc::new(authentication)));
}

impl Authentication {
    /// Inserts the header at `at` into the message that begins at `base`; returns how many bytes it took.
    pub(in crate::lang) fn insert(
        &self,
        scope: &mut Scope<'_>,
        base: usize,
        at: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        let mut header = Vec::new();
        // The keyword's own line is still empty, so the body is looked for behind it.
        let (head, tail) = out[base..].split_at(at - base);
        match self.write_header(scope, (method_of(head), body_of(tail)), &mut header) {
            Ok(()) => {}
            Err(text) => {
                scope.fail(text);
                return 0;
            }
        }
        let grown = header.len();
        out.splice(at..at, header);
        grown
    }

    /// The secrets for a challenge that asks for a one-time password; K is the password where it is not given.
    fn subscriber(&self, scope: &mut Scope<'_>, password: &[u8]) -> Subscriber {
        let bytes =
            |text: &Option<Template>, scope: &mut Scope<'_>| text.as_ref().map(|text| text.to_vec(scope));
        let key = bytes(&self.aka_key, scope);
        let operator = bytes(&self.aka_operator, scope).unwrap_or_default();
        let management = bytes(&self.aka_management, scope);
        Subscriber {
            key: padded(key.as_deref().unwrap_or(password)),
            operator: padded(&operator),
            management: management.map(|bytes| padded(&bytes)),
        }
    }

    /// Writes the whole header line. Errors: why no answer is possible.
    fn write_header(
        &self,
        scope: &mut Scope<'_>,
        (method, body): (&[u8], &[u8]),
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let settings = scope.settings;
        let default_user = settings.auth_user.as_ref().unwrap_or(&settings.service);
        let user =
            self.username.as_ref().map_or_else(|| default_user.clone().into(), |text| text.to_vec(scope));
        let password = self
            .password
            .as_ref()
            .map_or_else(|| settings.auth_password.clone().into_bytes(), |text| text.to_vec(scope));
        let cnonce = format!("{:08x}", scope.world.ident.next_u64() >> 32);
        let uri = digest_uri(scope);
        let subscriber = self.subscriber(scope, &password);
        let Some(stored) = &mut scope.call.challenge else {
            return Err("Authentication keyword without dialog_authentication!".into());
        };
        stored.nonce_count += 1;
        let (challenge, aka) = strongest(&stored.values)?;
        let password = match aka {
            None => password,
            Some(version) => one_time_password(&challenge, version, &subscriber)?,
        };
        let qop = match challenge.offers {
            offers if offers.auth_int => Some(Qop::AuthInt),
            offers if offers.auth => Some(Qop::Auth),
            _ => None,
        };
        let proof = Proof { qop, cnonce: cnonce.as_bytes(), nonce_count: stored.nonce_count };
        let covered = Covered { method, uri: &uri, body };
        let login = Login { user: &user, password: &password };
        let answer = challenge.answer(login, proof, covered);
        let name = if stored.status == 407 { "Proxy-Authorization" } else { "Authorization" };
        let mut put = |text: &[u8]| out.extend_from_slice(text);
        put(name.as_bytes());
        put(b": Digest username=\"");
        put(&user);
        put(b"\",realm=\"");
        put(&challenge.realm);
        put(b"\"");
        if let Some(qop) = qop {
            put(b",cnonce=\"");
            put(cnonce.as_bytes());
            put(b"\",nc=");
            put(&answer.nc);
            put(b",qop=");
            put(qop.name().as_bytes());
        } else if challenge.algorithm.is_session() {
            put(b",cnonce=\"");
            put(cnonce.as_bytes());
            put(b"\"");
        }
        put(b",uri=\"");
        put(&uri);
        put(b"\",nonce=\"");
        put(&challenge.nonce);
        put(b"\",response=\"");
        put(answer.response.as_bytes());
        put(b"\",algorithm=");
        put(challenge.algorithm_text.as_deref().unwrap_or(b"MD5"));
        if let Some(opaque) = &challenge.opaque {
            put(b",opaque=\"");
            put(opaque);
            put(b"\"");
        }
        Ok(())
    }
}

/// The password of this challenge (RFC 3310 3.3). Errors: a nonce of another form, or a network without the key.
fn one_time_password(
    challenge: &Challenge<'_>,
    version: aka::Version,
    subscriber: &Subscriber,
) -> Result<Vec<u8>, String> {
    let answer = subscriber.answer(&challenge.nonce).map_err(|error| match error {
        AkaError::Nonce => "createAuthHeader: the AKA nonce does not hold RAND and AUTN".to_owned(),
        AkaError::Mac => {
            "createAuthHeader: MAC of the AKA challenge differs, wrong aka_K or aka_OP".to_owned()
        }
    })?;
    Ok(answer.password(version, challenge.algorithm))
}

/// The strongest challenge we can answer, the first of equals (RFC 8760 2.4).
fn strongest(values: &[Box<[u8]>]) -> Result<(Challenge<'_>, Option<aka::Version>), String> {
    let mut best: Option<(Challenge<'_>, Option<aka::Version>)> = None;
    let mut refused = DigestError::Scheme;
    for value in values {
        match Auth::parse(value).map_err(|_| DigestError::Scheme).and_then(|auth| Challenge::parse_aka(&auth))
        {
            Ok((challenge, version)) => {
                let better = best
                    .as_ref()
                    .is_none_or(|(best, _)| strength(challenge.algorithm) > strength(best.algorithm));
                if better {
                    best = Some((challenge, version));
                }
            }
            Err(error) => refused = error,
        }
    }
    best.ok_or_else(|| match refused {
        DigestError::Algorithm => "createAuthHeader: authentication uses an unknown algorithm".into(),
        DigestError::Missing(name) => format!("createAuthHeader: the challenge has no {name}"),
        DigestError::Scheme => "createAuthHeader: the challenge is no Digest challenge".into(),
        DigestError::Qop => "createAuthHeader: the challenge offers no known qop".into(),
    })
}

/// The first bytes; what is missing is 0.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = *byte);
    out
}

fn strength(algorithm: Algorithm) -> u8 {
    match algorithm {
        Algorithm::Md5 | Algorithm::Md5Sess => 0,
        Algorithm::Sha256 | Algorithm::Sha256Sess => 1,
        Algorithm::Sha512Trunc256 | Algorithm::Sha512Trunc256Sess => 2,
    }
}

/// `sip:` and `-auth_uri`, else the remote address: not the request URI (SIPp's choice).
fn digest_uri(scope: &Scope<'_>) -> Vec<u8> {
    let settings = scope.settings;
    let mut uri = b"sip:".to_vec();
    match &settings.auth_uri {
        Some(own) => uri.extend_from_slice(own.as_bytes()),
        None => {
            if let Some(ip) = settings.remote_ip {
                super::address::write_host(ip, &mut uri);
            }
            uri.push(b':');
            super::write_decimal(settings.remote_port, &mut uri);
        }
    }
    uri
}

fn method_of(message: &[u8]) -> &[u8] {
    message.split(|byte| *byte == b' ').next().unwrap_or_default()
}

fn body_of(message: &[u8]) -> &[u8] {
    memmem::find(message, b"\r\n\r\n").map_or(&[], |at| &message[at + 4..])
}
