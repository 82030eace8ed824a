//! Digest AKA: one-time passwords from a SIM's secrets (RFC 3310, RFC 4169; MILENAGE of 3GPP TS 35.206).
//!
//! The nonce of such a challenge holds RAND and AUTN. The client checks that the network knows the key and
//! answers with RES. The sequence number is not checked and a synchronisation failure is never answered: that
//! needs a counter that outlives a call.

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use md5::Md5;
use sha2::{Digest, Sha256};

use super::Algorithm;

/// The two versions of the scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RES is the password (RFC 3310).
    V1,
    /// The password also depends on the session keys (RFC 4169).
    V2,
}

impl Version {
    /// Splits `AKAv1-MD5` into the version and the name of the algorithm; `None` for other names.
    pub fn split(name: &[u8]) -> Option<(Version, &[u8])> {
        let (prefix, rest) = name.split_at_checked(6)?;
        match prefix.to_ascii_lowercase().as_slice() {
            b"akav1-" => Some((Version::V1, rest)),
            b"akav2-" => Some((Version::V2, rest)),
            _ => None,
        }
    }
}

/// The secrets of a subscriber. They show in no debug output.
#[derive(Clone, Copy)]
pub struct Subscriber {
    /// K.
    pub key: [u8; 16],
    /// OP, the operator's constant; not yet OPc.
    pub operator: [u8; 16],
    /// AMF; `None` believes the one in the challenge.
    pub management: Option<[u8; 2]>,
}

/// Why a challenge cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AkaError {
    /// The nonce is not the base64 form of RAND and AUTN.
    Nonce,
    /// The network does not know the key: MAC differs (RFC 3310 3.5).
    Mac,
}

/// What a SIM answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Response {
    res: [u8; 8],
    cipher_key: [u8; 16],
    integrity_key: [u8; 16],
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscriber(..)")
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Response(..)")
    }
}

impl Subscriber {
    /// Answers the nonce of a challenge. Errors: [`AkaError`].
    pub fn answer(&self, nonce: &[u8]) -> Result<Response, AkaError> {
        let nonce = read_base64(nonce).filter(|nonce| nonce.len() >= 32).ok_or(AkaError::Nonce)?;
        let (random, token) = (block(&nonce[..16]), &nonce[16..32]);
        let functions = Milenage::new(self, random);
        // OUT2: its first six bytes are AK (f5), its second half RES (f2).
        let [anonymity, res] = split(functions.output(0, 1));
        let mut sequence = [0; 6];
        for (at, byte) in sequence.iter_mut().enumerate() {
            *byte = token[at] ^ anonymity[at];
        }
        let management = self.management.unwrap_or([token[6], token[7]]);
        if functions.mac(sequence, management)[..] != token[8..16] {
            return Err(AkaError::Mac);
        }
        Ok(Response { res, cipher_key: functions.output(4, 2), integrity_key: functions.output(8, 4) })
    }
}

impl Response {
    /// The digest password; arbitrary bytes in version 1.
    pub fn password(&self, version: Version, algorithm: Algorithm) -> Vec<u8> {
        if version == Version::V1 {
            return self.res.to_vec();
        }
        let keys = [&self.res[..], &self.integrity_key, &self.cipher_key].concat();
        let text = b"http-digest-akav2-password";
        write_base64(&match algorithm {
            Algorithm::Md5 | Algorithm::Md5Sess => keyed_hash::<Md5>(&keys, text),
            _ => keyed_hash::<Sha256>(&keys, text),
        })
    }
}

/// The functions f1 to f5 for one RAND (TS 35.206 4.1).
struct Milenage {
    cipher: Aes128,
    operator: [u8; 16],
    temp: [u8; 16],
}

impl Milenage {
    fn new(subscriber: &Subscriber, random: [u8; 16]) -> Milenage {
        let cipher = Aes128::new(&subscriber.key.into());
        let operator = xor(encrypt(&cipher, subscriber.operator), subscriber.operator);
        let temp = encrypt(&cipher, xor(random, operator));
        Milenage { cipher, operator, temp }
    }

    /// OUT2 to OUT5: rotation in bytes and the constant's last byte.
    fn output(&self, rotation: usize, constant: u8) -> [u8; 16] {
        let mut input = xor(self.temp, self.operator);
        input.rotate_left(rotation);
        input[15] ^= constant;
        xor(encrypt(&self.cipher, input), self.operator)
    }

    /// f1: MAC-A.
    fn mac(&self, sequence: [u8; 6], management: [u8; 2]) -> [u8; 8] {
        let half = [&sequence[..], &management].concat();
        let mut input = xor(block(&[&half[..], &half].concat()), self.operator);
        input.rotate_left(8);
        let [mac, _] = split(xor(encrypt(&self.cipher, xor(input, self.temp)), self.operator));
        mac
    }
}

fn encrypt(cipher: &Aes128, input: [u8; 16]) -> [u8; 16] {
    let mut output = input.into();
    cipher.encrypt_block(&mut output);
    output.into()
}

fn xor(mut a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    a
}

fn split(block: [u8; 16]) -> [[u8; 8]; 2] {
    let mut halves = [[0; 8]; 2];
    halves[0].copy_from_slice(&block[..8]);
    halves[1].copy_from_slice(&block[8..]);
    halves
}

/// The first 16 bytes.
fn block(bytes: &[u8]) -> [u8; 16] {
    let mut block = [0; 16];
    block.copy_from_slice(&bytes[..16]);
    block
}

/// HMAC (RFC 2104) of a hash with blocks of 64 bytes; the keys here are shorter than a block.
fn keyed_hash<D: Digest>(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |pad: u8| {
        let mut bytes = [pad; 64];
        bytes.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        bytes
    };
    let inner = D::new().chain_update(padded(0x36)).chain_update(text).finalize();
    D::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 4.
fn write_base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { letter } else { b'=' });
        }
    }
    out
}

fn read_base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let mut out = Vec::with_capacity(end / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0);
    for byte in &text[..end] {
        let value = LETTERS.iter().position(|letter| letter == byte)? as u32;
        bits = bits << 6 | value;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let mut out = [0; N];
        for (at, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex");
        }
        out
    }

    fn subscriber() -> Subscriber {
        Subscriber {
            key: hex("465b5ce8b199b49faa5f0a2ee238a6bc"),
            operator: hex("cdc202d5123e20f62b6d676ac72cb318"),
            management: Some(hex("b9b9")),
        }
    }

    /// The nonce of test set 1 of 3GPP TS 35.208: RAND, SQN xor AK, AMF, MAC-A.
    fn nonce() -> Vec<u8> {
        let random: [u8; 16] = hex("23553cbe9637a89d218ae64dae47bf35");
        let (sequence, anonymity): ([u8; 6], [u8; 6]) = (hex("ff9bb4d0b607"), hex("aa689c648370"));
        let concealed: Vec<u8> = sequence.iter().zip(anonymity).map(|(a, b)| a ^ b).collect();
        let mac: [u8; 8] = hex("4a9ffac354dfafb3");
        write_base64(&[&random[..], &concealed, &hex::<2>("b9b9"), &mac].concat())
    }

    #[test]
    fn answers_test_set_1_of_ts_35_208() {
        let response = subscriber().answer(&nonce()).expect("the MAC holds");
        assert_eq!(response.res, hex("a54211d5e3ba50bf"));
        assert_eq!(response.cipher_key, hex("b40ba9a3c58b2a05bbf0d987b21bf8cb"));
        assert_eq!(response.integrity_key, hex("f769bcd751044604127672711c6d3441"));
        assert_eq!(response.password(Version::V1, Algorithm::Md5), hex::<8>("a54211d5e3ba50bf"));
        let second = response.password(Version::V2, Algorithm::Md5);
        assert_eq!((second.len(), second.ends_with(b"==")), (24, true), "base64 of 16 bytes");
        let believed = Subscriber { management: None, ..subscriber() };
        assert_eq!(believed.answer(&nonce()).map(|response| response.res), Ok(response.res));
    }

    #[test]
    fn a_network_without_the_key_is_refused() {
        let other = Subscriber { key: [0; 16], ..subscriber() };
        assert_eq!(other.answer(&nonce()).err(), Some(AkaError::Mac));
        for nonce in [&b"abc"[..], b"", b"!!!!", b"AAAAAAAAAAAAAAAAAAAAAA=="] {
            assert_eq!(subscriber().answer(nonce).err(), Some(AkaError::Nonce));
        }
    }

    /// RFC 2104, test vector 2 (MD5).
    #[test]
    fn keyed_hashes_are_those_of_the_rfc() {
        let hash = keyed_hash::<Md5>(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hash, hex::<16>("750c783e6ab0b503eaa86e310a5db738"));
    }

    #[test]
    fn names_are_split() {
        assert_eq!(Version::split(b"AKAv1-MD5"), Some((Version::V1, &b"MD5"[..])));
        assert_eq!(Version::split(b"akav2-SHA-256"), Some((Version::V2, &b"SHA-256"[..])));
        assert_eq!(Version::split(b"MD5"), None);
    }

    #[test]
    fn base64_is_read_as_written() {
        for (bytes, text) in
            [(&b""[..], &b""[..]), (b"f", b"Zg=="), (b"fo", b"Zm8="), (b"foobar", b"Zm9vYmFy")]
        {
            assert_eq!(write_base64(bytes), text, "RFC 4648 10");
            assert_eq!(read_base64(text).as_deref(), Some(bytes));
        }
    }
}
