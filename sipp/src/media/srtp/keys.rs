//! Suites, session keys and the two transforms: keystream and authentication tag (RFC 3711 4).

use aes::cipher::{KeyIvInit, StreamCipher};
use aes::{Aes128, Aes256};
use ctr::Ctr128BE;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// A crypto suite of `a=crypto` lines (RFC 4568 6.2, RFC 6188 3; the NULL ones are SIPp's).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`
    AesCm128Sha80,
    /// `AES_CM_128_HMAC_SHA1_32`
    AesCm128Sha32,
    /// `AES_256_CM_HMAC_SHA1_80`
    AesCm256Sha80,
    /// `AES_256_CM_HMAC_SHA1_32`
    AesCm256Sha32,
    /// `NULL_HMAC_SHA1_80`
    NullSha80,
    /// `NULL_HMAC_SHA1_32`
    NullSha32,
}

impl Suite {
    /// All suites with their names.
    pub const ALL: [(&'static str, Suite); 6] = [
        ("AES_CM_128_HMAC_SHA1_80", Suite::AesCm128Sha80),
        ("AES_CM_128_HMAC_SHA1_32", Suite::AesCm128Sha32),
        ("AES_256_CM_HMAC_SHA1_80", Suite::AesCm256Sha80),
        ("AES_256_CM_HMAC_SHA1_32", Suite::AesCm256Sha32),
        ("NULL_HMAC_SHA1_80", Suite::NullSha80),
        ("NULL_HMAC_SHA1_32", Suite::NullSha32),
    ];

    /// The suite of that name, letter case as written.
    pub fn find(name: &str) -> Option<Suite> {
        Suite::ALL.iter().find(|(known, _)| *known == name).map(|(_, suite)| *suite)
    }

    /// Its name in `a=crypto` lines.
    pub fn name(self) -> &'static str {
        // Every suite has its row.
        Suite::ALL.iter().find(|(_, suite)| *suite == self).map_or("", |(name, _)| name)
    }

    /// Bytes of master key and salt together, as `inline:` carries them.
    pub fn key_bytes(self) -> usize {
        self.cipher_key_bytes() + SALT_BYTES
    }

    fn cipher_key_bytes(self) -> usize {
        match self {
            Suite::AesCm256Sha80 | Suite::AesCm256Sha32 => 32,
            _ => 16,
        }
    }

    /// Bytes of the tag of an RTP packet.
    fn tag_bytes(self) -> usize {
        match self {
            Suite::AesCm128Sha32 | Suite::AesCm256Sha32 | Suite::NullSha32 => 4,
            _ => RTCP_TAG_BYTES,
        }
    }

    fn encrypts(self) -> bool {
        !matches!(self, Suite::NullSha80 | Suite::NullSha32)
    }
}

/// How the packets of one direction are protected (RFC 4568 6).
#[derive(Clone, PartialEq, Eq)]
pub struct Keying {
    /// Transforms.
    pub suite: Suite,
    /// Master key and salt.
    pub inline: Box<[u8]>,
    /// Master key identifier sent with each packet; empty for none.
    pub mki: Box<[u8]>,
    /// Packets the key may protect; `None` is as many as the suite allows.
    pub lifetime: Option<u64>,
    /// False with `UNENCRYPTED_SRTP`.
    pub encrypts_rtp: bool,
    /// False with `UNENCRYPTED_SRTCP`.
    pub encrypts_rtcp: bool,
    /// False with `UNAUTHENTICATED_SRTP`.
    pub authenticates_rtp: bool,
}

impl Keying {
    /// The suite as it is, with these bytes of key and salt.
    pub fn new(suite: Suite, inline: impl Into<Box<[u8]>>) -> Keying {
        Keying {
            suite,
            inline: inline.into(),
            mki: Box::default(),
            lifetime: None,
            encrypts_rtp: true,
            encrypts_rtcp: true,
            authenticates_rtp: true,
        }
    }

    /// Bytes of the tag of an RTP packet.
    pub(super) fn tag_bytes(&self) -> usize {
        if self.authenticates_rtp { self.suite.tag_bytes() } else { 0 }
    }
}

impl std::fmt::Debug for Keying {
    /// Keys never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keying").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// The bytes are not as many as [`Suite::key_bytes`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongKeyLength;

/// Which of the two streams keys are for; the value is the first label of RFC 3711 4.3.2.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Rtp = 0,
    Rtcp = 3,
}

/// The session keys of one stream.
pub(super) struct SessionKeys {
    suite: Suite,
    encrypts: bool,
    cipher_key: Vec<u8>,
    salt: [u8; SALT_BYTES],
    authentication: Hmac<Sha1>,
}

impl SessionKeys {
    /// Derives them from master key and salt (RFC 3711 4.3.1 with key derivation rate 0).
    pub(super) fn derive(keying: &Keying, stream: Stream) -> Result<SessionKeys, WrongKeyLength> {
        let (suite, inline) = (keying.suite, &*keying.inline);
        if inline.len() != suite.key_bytes() {
            return Err(WrongKeyLength);
        }
        let (master, master_salt) = inline.split_at(suite.cipher_key_bytes());
        let derived = |label: u8, len: usize| {
            let mut iv = [0; 16];
            iv[..SALT_BYTES].copy_from_slice(master_salt);
            iv[7] ^= stream as u8 + label;
            let mut bytes = vec![0; len];
            apply_keystream(master, &iv, &mut bytes);
            bytes
        };
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&derived(2, SALT_BYTES));
        // HMAC takes a key of any length.
        let authentication = KeyInit::new_from_slice(&derived(1, AUTHENTICATION_KEY_BYTES));
        let wanted = match stream {
            Stream::Rtp => keying.encrypts_rtp,
            Stream::Rtcp => keying.encrypts_rtcp,
        };
        Ok(SessionKeys {
            suite,
            encrypts: wanted && suite.encrypts(),
            cipher_key: derived(0, suite.cipher_key_bytes()),
            salt,
            authentication: authentication.map_err(|_| WrongKeyLength)?,
        })
    }

    /// Encrypts or decrypts `bytes` of the packet with that index (RFC 3711 4.1.1); nothing without encryption.
    pub(super) fn transform(&self, ssrc: u32, index: u64, bytes: &mut [u8]) {
        if !self.encrypts {
            return;
        }
        let mut iv = [0; 16];
        iv[..SALT_BYTES].copy_from_slice(&self.salt);
        for (byte, mask) in iv[4..8].iter_mut().zip(ssrc.to_be_bytes()) {
            *byte ^= mask;
        }
        for (byte, mask) in iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]) {
            *byte ^= mask;
        }
        apply_keystream(&self.cipher_key, &iv, bytes);
    }

    /// Whether [`SessionKeys::transform`] does anything.
    pub(super) fn encrypts(&self) -> bool {
        self.encrypts
    }

    /// HMAC over the packet and what is authenticated with it but not sent (RFC 3711 4.2).
    pub(super) fn authenticator(&self, packet: &[u8], more: &[u8]) -> Hmac<Sha1> {
        let mut mac = self.authentication.clone();
        mac.update(packet);
        mac.update(more);
        mac
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.cipher_key, &self.salt)
    }
}

impl std::fmt::Debug for SessionKeys {
    /// Keys never reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionKeys").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// AES in counter mode; `key` has 16 or 32 bytes.
fn apply_keystream(key: &[u8], iv: &[u8; 16], bytes: &mut [u8]) {
    match <[u8; 32]>::try_from(key) {
        Ok(key) => Ctr128BE::<Aes256>::new(&key.into(), iv.into()).apply_keystream(bytes),
        Err(_) => {
            let mut short = [0; 16];
            short.copy_from_slice(&key[..16]);
            Ctr128BE::<Aes128>::new(&short.into(), iv.into()).apply_keystream(bytes);
        }
    }
}

/// Bytes of a salt (RFC 3711 8.2).
const SALT_BYTES: usize = 14;
const AUTHENTICATION_KEY_BYTES: usize = 20;
/// RTCP keeps 80 bits also in the suites with 32 (RFC 4568 6.2.2).
pub(super) const RTCP_TAG_BYTES: usize = 10;
/// In front of the index of an RTCP packet: it is encrypted (RFC 3711 3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;
