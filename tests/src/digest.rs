//! Credentials in the messages of a suite: `{digest USER PASSWORD [NAME=VALUE...]}` becomes what a client answers
//! to the last challenge (RFC 7616 3.4). `method` and `uri` change what is covered, `nc` the count.

use sip::digest::{Challenge, Covered, Login, Proof};
use sip::msg::Auth;

/// Puts credentials for `challenge`, a header value, in the place of `{digest ...}`. Errors: no such challenge.
pub(crate) fn fill(message: &str, challenge: &str) -> Result<String, String> {
    let Some((before, rest)) = message.split_once("{digest ") else { return Ok(message.to_string()) };
    let (wish, after) = rest.split_once('}').ok_or("{digest without its brace")?;
    let mut words = wish.split_whitespace();
    let user = words.next().ok_or("{digest without a user")?;
    let password = words.next().ok_or("{digest without a password")?;
    let mut method = message.split(' ').next().unwrap_or_default();
    let mut uri = message.split(' ').nth(1).unwrap_or_default();
    let mut nonce_count = 1;
    for word in words {
        match word.split_once('=') {
            Some(("method", value)) => method = value,
            Some(("uri", value)) => uri = value,
            Some(("nc", value)) => nonce_count = value.parse().map_err(|_| "nc is a number")?,
            _ => return Err(format!("unknown wish {word}")),
        }
    }
    let auth = Auth::parse(challenge.as_bytes()).map_err(|_| format!("no challenge: {challenge:?}"))?;
    let challenge = Challenge::parse(&auth).map_err(|error| format!("{error:?} in {challenge:?}"))?;
    let login = Login { user: user.as_bytes(), password: password.as_bytes() };
    let proof = Proof { qop: challenge.offers.preferred(), cnonce: b"c0ffee", nonce_count };
    let covered = Covered { method: method.as_bytes(), uri: uri.as_bytes(), body: b"" };
    let answer = challenge.answer(login, proof, covered);
    let mut out = Vec::new();
    challenge.write_credentials((login.user, covered.uri), proof, &answer, &mut out);
    let credentials = String::from_utf8(out).map_err(|error| error.to_string())?;
    fill(&format!("{before}{credentials}{after}"), "")
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn credentials_take_the_place_of_the_wish() {
        let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
        let message = "BYE sip:h SIP/2.0\nAuthorization: {digest bob secret nc=2}\n\n";
        let filled = fill(message, challenge).expect("a challenge");
        assert!(filled.starts_with("BYE sip:h SIP/2.0\nAuthorization: Digest username=\"bob\""), "{filled}");
        assert!(filled.contains("nc=00000002") && filled.contains("uri=\"sip:h\""), "{filled}");
        assert_eq!(fill("none", "").as_deref(), Ok("none"));
        assert!(fill(message, "").is_err());
    }
}
