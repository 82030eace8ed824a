//! `[authentication]`: the header that answers the stored challenge.
//!
//! It only marks its place; the header is inserted when the rest of the message is written, since with
//! `auth-int` it covers the body. RFC 3261 22, RFC 7616, RFC 8760; the order of parameters is SIPp's.

use std::sync::Arc;

use memchr::memmem;
use sip::digest::{Algorithm, Challenge, Covered, DigestError, Login, Proof, Qop};
use sip::msg::Auth;

use super::super::{
    Keyword, KeywordDef, KeywordForm, KeywordText, Mistake, Names, Scope, Template, TextKind,
};

pub(in crate::lang) const AUTHENTICATION: KeywordDef = KeywordDef {
    name: "authentication",
    args: "username=text password=text",
    vanishes: false,
    form: KeywordForm::Args(parse),
    doc: "The Authorization or Proxy-Authorization header for the challenge received last.",
};

/// Who answers: `-au` and `-ap` where nothing is written.
#[derive(Debug, Default)]
pub struct Authentication {
    username: Option<Template>,
    password: Option<Template>,
}

#[derive(Debug)]
struct Marker(Arc<Authentication>);

fn parse(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake> {
    let at = names.offset;
    for (name, _) in &text.args {
        if !["username", "password"].contains(name) {
            let message = format!("[authentication] has no parameter {name}");
            return Err(Mistake::new("S012", at, message).suggest(name, ["username", "password"]));
        }
    }
    let mut template = |name| match text.arg(name) {
        None => Ok(None),
        Some(value) => Template::parse(value, at, TextKind::Inline, names)
            .map(Some)
            .map_err(|mut errors| errors.swap_remove(0)),
    };
    let authentication = Authentication { username: template("username")?, password: template("password")? };
    Ok(Box::new(Marker(Arc::new(authentication))))
}

impl Keyword for Marker {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        scope.authentication_mark = Some((out.len(), self.0.clone()));
    }
}

/// Marks the place of an `[authentication ...]` that came out of an injected field; `args` as written there.
pub(super) fn mark_injected(args: &[(&str, Vec<u8>)], scope: &mut Scope<'_>, out: &[u8]) {
    let literal =
        |name| args.iter().find(|(known, _)| *known == name).map(|(_, value)| Template::literal(value));
    let authentication = Authentication { username: literal("username"), password: literal("password") };
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
        let Some(stored) = &mut scope.call.challenge else {
            return Err("Authentication keyword without dialog_authentication!".into());
        };
        stored.nonce_count += 1;
        let challenge = strongest(&stored.values)?;
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

/// The strongest challenge we can answer, the first of equals (RFC 8760 2.4).
fn strongest(values: &[Box<[u8]>]) -> Result<Challenge<'_>, String> {
    let mut best: Option<Challenge<'_>> = None;
    let mut refused = DigestError::Scheme;
    for value in values {
        match Auth::parse(value).map_err(|_| DigestError::Scheme).and_then(|auth| Challenge::parse(&auth)) {
            Ok(challenge) => {
                let better =
                    best.as_ref().is_none_or(|best| strength(challenge.algorithm) > strength(best.algorithm));
                if better {
                    best = Some(challenge);
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
