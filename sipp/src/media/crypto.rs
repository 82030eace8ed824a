//! `a=crypto` lines: what they say, and which keys an offer and its answer agree on (RFC 4568 9.1, 5.1.2).
//!
//! Text in, [`Keying`]s out. Only keys written in the line (`inline:`), of several the first one.

use super::srtp::{Keying, Suite};

/// One `a=crypto` line that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CryptoLine {
    /// Its tag.
    pub tag: u32,
    /// Suite, key and session parameters.
    pub keying: Keying,
}

/// The keys of both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What we protect with.
    pub sending: Keying,
    /// What we open with.
    pub receiving: Keying,
}

/// What one side's description says about the protection of a media line.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    /// Values of its `a=crypto` lines in order.
    pub crypto: &'a [Box<[u8]>],
    /// Its profile is RTP/SAVP or RTP/SAVPF.
    pub is_secure: bool,
}

/// The keys on which our and the peer's description agree. `Ok(None)`: plain RTP, or nothing agreed yet.
/// Errors: one line why the call cannot go on.
pub fn agree(ours: Offered<'_>, theirs: Offered<'_>, latest: Latest) -> Result<Option<Agreement>, String> {
    if ours.crypto.is_empty() && theirs.crypto.is_empty() {
        return Ok(None);
    }
    let (offer, answer) = match latest {
        Latest::Ours => (theirs, ours),
        Latest::Theirs => (ours, theirs),
    };
    if answer.crypto.is_empty() {
        // RFC 4568 5.1.2: a secure line that is accepted has a crypto line.
        let refused = answer.is_secure || offer.is_secure;
        return if refused { Err("the answer has no a=crypto line".into()) } else { Ok(None) };
    }
    let offered = usable(offer.crypto)?;
    let answered = usable(answer.crypto)?;
    let pair = answered.iter().find_map(|chosen| {
        let fits = |line: &&CryptoLine| line.tag == chosen.tag && line.keying.suite == chosen.keying.suite;
        Some((offered.iter().find(fits)?, chosen))
    });
    let Some((offered, chosen)) = pair else {
        return Err("no a=crypto line of the answer has tag and suite of one in the offer".into());
    };
    let (ours, theirs) = match latest {
        Latest::Ours => (chosen, offered),
        Latest::Theirs => (offered, chosen),
    };
    Ok(Some(Agreement { sending: ours.keying.clone(), receiving: theirs.keying.clone() }))
}

/// Whose description came last: that one is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latest {
    /// Ours.
    Ours,
    /// The peer's.
    Theirs,
}

/// The lines whose suite we know. Error: why the first is of no use, when none is.
fn usable(lines: &[Box<[u8]>]) -> Result<Vec<CryptoLine>, String> {
    let mut first_error = None;
    let mut found = Vec::new();
    for line in lines {
        match CryptoLine::parse(line) {
            Ok(line) => found.push(line),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    match first_error {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

impl CryptoLine {
    /// Reads the value of an `a=crypto` attribute (RFC 4568 9.1). Errors: one line that says what is wrong; the
    /// key is never part of it.
    pub fn parse(value: &[u8]) -> Result<CryptoLine, String> {
        let text = std::str::from_utf8(value).map_err(|_| "an a=crypto line is not ASCII".to_owned())?;
        let mut words = text.split_ascii_whitespace();
        let tag = words.next().and_then(|tag| tag.parse().ok());
        let tag = tag.ok_or("an a=crypto line has no tag")?;
        let name = words.next().unwrap_or_default();
        let suite =
            Suite::find(name).ok_or_else(|| format!("the suite '{name}' of a=crypto is not known"))?;
        let keys = words.next().unwrap_or_default();
        let first = keys.split(';').next().unwrap_or_default();
        let inline = first
            .strip_prefix("inline:")
            .ok_or_else(|| format!("a=crypto:{tag} has no inline: key behind its suite"))?;
        let mut keying = read_key(suite, inline).map_err(|error| format!("a=crypto:{tag} {error}"))?;
        for parameter in words {
            match parameter {
                "UNENCRYPTED_SRTP" => keying.encrypts_rtp = false,
                "UNENCRYPTED_SRTCP" => keying.encrypts_rtcp = false,
                "UNAUTHENTICATED_SRTP" => keying.authenticates_rtp = false,
                // RFC 4568 6.3.7: a parameter with a hyphen may be passed over; WSH and the like change nothing here.
                _ => {}
            }
        }
        Ok(CryptoLine { tag, keying })
    }
}

/// `base64[|lifetime][|mki:length]` (RFC 4568 6.1).
fn read_key(suite: Suite, inline: &str) -> Result<Keying, String> {
    let mut parts = inline.split('|');
    let key = decode_base64(parts.next().unwrap_or_default()).ok_or("has a key that is not base64")?;
    if key.len() != suite.key_bytes() {
        let wanted = suite.key_bytes();
        return Err(format!("has {} bytes of key and salt, its suite takes {wanted}", key.len()));
    }
    let mut keying = Keying::new(suite, key);
    for part in parts {
        match part.split_once(':') {
            Some((mki, len)) => {
                let len = len.parse().ok().filter(|len| (1..=MOST_MKI_BYTES).contains(len));
                let wrong = || "has a master key identifier of unknown length".to_owned();
                let mki: u128 = mki.parse().map_err(|_| wrong())?;
                keying.mki = mki.to_be_bytes()[16 - len.ok_or_else(wrong)?..].into();
            }
            None => {
                let lifetime = match part.strip_prefix("2^") {
                    Some(power) => power.parse().ok().and_then(|power| 1u64.checked_shl(power)),
                    None => part.parse().ok(),
                };
                let lifetime = lifetime.filter(|packets| *packets > 0);
                keying.lifetime = Some(lifetime.ok_or("has a key lifetime that is no number of packets")?);
            }
        }
    }
    Ok(keying)
}

/// Longest master key identifier that is written and read; RFC 4568 allows up to 128.
const MOST_MKI_BYTES: usize = 16;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends `bytes` in base64 with padding (RFC 4648 4).
pub fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let word =
            group.iter().chain([&0; 2]).take(3).fold(0usize, |word, byte| word << 8 | usize::from(*byte));
        for place in 0..4 {
            let digit = BASE64[word >> (18 - 6 * place) & 63];
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
}

/// Reads base64 (RFC 4648 4), with or without padding; `None` for any other character or length.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut word = 0usize;
        for digit in group {
            word = word << 6 | BASE64.iter().position(|known| known == digit)?;
        }
        word <<= 6 * (4 - group.len());
        let whole = [(word >> 16) as u8, (word >> 8) as u8, word as u8];
        bytes.extend_from_slice(&whole[..group.len() - 1]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    fn line(text: &str) -> Box<[u8]> {
        text.as_bytes().into()
    }

    fn offered(crypto: &[Box<[u8]>]) -> Offered<'_> {
        Offered { crypto, is_secure: true }
    }

    /// RFC 4568 9.1 and the examples of 6.1.
    #[test]
    fn reads_suite_key_lifetime_and_index() {
        let text = format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4 UNENCRYPTED_SRTCP");
        let read = CryptoLine::parse(text.as_bytes()).expect("valid");
        assert_eq!((read.tag, read.keying.suite), (1, Suite::AesCm128Sha80));
        assert_eq!((read.keying.lifetime, &*read.keying.mki), (Some(1 << 20), &[0, 0, 0, 1][..]));
        assert_eq!((read.keying.encrypts_rtp, read.keying.encrypts_rtcp), (true, false));
        let mut out = Vec::new();
        write_base64(&read.keying.inline, &mut out);
        assert_eq!(out, KEY.as_bytes());
    }

    #[test]
    fn says_what_is_wrong_and_never_the_key() {
        let rows = [
            ("", "no tag"),
            ("1", "suite ''"),
            ("1 AEAD_AES_128_GCM inline:x", "'AEAD_AES_128_GCM'"),
            ("1 AES_CM_128_HMAC_SHA1_80 uri:x", "no inline:"),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:!!!!", "not base64"),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA", "3 bytes"),
            (&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^99"), "lifetime"),
            (&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:99"), "identifier"),
        ];
        for (text, part) in rows {
            let error = CryptoLine::parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(part) && !error.contains(KEY), "{text}: {error}");
        }
    }

    #[test]
    fn base64_of_every_length() {
        for len in 0..50u8 {
            let bytes: Vec<u8> = (0..len).map(|at| at.wrapping_mul(37)).collect();
            let mut out = Vec::new();
            write_base64(&bytes, &mut out);
            assert_eq!(out.len() % 4, 0);
            assert_eq!(decode_base64(std::str::from_utf8(&out).expect("ASCII")), Some(bytes));
        }
    }

    /// RFC 4568 5.1.2: the answer picks one offered line by tag and suite.
    #[test]
    fn the_answer_chooses_among_the_offered_lines() {
        let (a, b) = ("A".repeat(40), "B".repeat(40));
        let offer = [
            line(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{a}")),
            line(&format!("2 AES_CM_128_HMAC_SHA1_32 inline:{b}")),
        ];
        let answer = [line(&format!("2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"))];
        let agreed = agree(offered(&offer), offered(&answer), Latest::Theirs).expect("fits").expect("keys");
        assert_eq!(agreed.sending, CryptoLine::parse(&offer[1]).expect("valid").keying);
        assert_eq!(agreed.receiving, CryptoLine::parse(&answer[0]).expect("valid").keying);
        let mirrored = agree(offered(&answer), offered(&offer), Latest::Ours).expect("fits").expect("keys");
        assert_eq!((mirrored.sending, mirrored.receiving), (agreed.receiving, agreed.sending));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_plain_stays_plain() {
        let offer = [line(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"))];
        let other = [line(&format!("1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}"))];
        let plain = Offered { crypto: &[], is_secure: false };
        assert!(agree(offered(&offer), offered(&other), Latest::Theirs).is_err());
        assert!(agree(offered(&offer), plain, Latest::Theirs).is_err());
        assert_eq!(agree(plain, plain, Latest::Ours), Ok(None));
        let tried = Offered { crypto: &offer, is_secure: false };
        assert_eq!(agree(tried, plain, Latest::Theirs), Ok(None), "best effort");
    }
}
