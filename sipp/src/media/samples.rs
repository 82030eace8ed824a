//! Files for `rtp_stream`: encoded bytes as they are, or the data of a WAV file.

use std::sync::Arc;

use super::payload::Format;

/// Encoded media, cut into packets when sent. Shared by all calls that stream it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    bytes: Arc<[u8]>,
    encoding: Encoding,
}

/// What a file says about its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// Nothing.
    Raw,
    /// The format tag of a WAV file.
    Wav { tag: u16, channels: u16, rate: u32 },
}

/// Why a file cannot be streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamplesError {
    /// There are no bytes to send.
    Empty,
    /// A WAV header without data, or cut off.
    DamagedWav,
    /// The WAV file holds another encoding than the payload type says.
    WrongEncoding {
        /// What the file holds.
        found: String,
        /// What the payload type asks for.
        wanted: &'static str,
    },
}

impl std::error::Error for SamplesError {}

impl std::fmt::Display for SamplesError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SamplesError::Empty => f.write_str("it is empty"),
            SamplesError::DamagedWav => f.write_str("its WAV header is damaged"),
            SamplesError::WrongEncoding { found, wanted } => {
                write!(
                    f,
                    "it holds {found}, the stream sends {wanted}; convert it (for G.711 with sox -r 8000 -c 1 -e a-law or mu-law)"
                )
            }
        }
    }
}

impl Samples {
    /// Takes the bytes of a file.
    pub fn parse(file: &[u8]) -> Result<Samples, SamplesError> {
        let (bytes, encoding) = match file.strip_prefix(b"RIFF") {
            Some(_) if file.get(8..12) == Some(b"WAVE") => wav(file).ok_or(SamplesError::DamagedWav)?,
            _ => (file, Encoding::Raw),
        };
        if bytes.is_empty() {
            return Err(SamplesError::Empty);
        }
        Ok(Samples { bytes: bytes.into(), encoding })
    }

    /// One packet filled with one byte.
    pub fn filled(byte: u8, len: usize) -> Samples {
        Samples { bytes: vec![byte; len.max(1)].into(), encoding: Encoding::Raw }
    }

    /// The bytes to send; never empty.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the file may be sent in that format. Raw files always may; a WAV of linear samples may not.
    pub fn check(&self, format: &Format) -> Result<(), SamplesError> {
        let Encoding::Wav { tag, channels, rate } = self.encoding else { return Ok(()) };
        let wanted_tag = match format.static_type {
            Some(0) => Some(WAV_MU_LAW),
            Some(8) => Some(WAV_A_LAW),
            _ => None,
        };
        let fits = match wanted_tag {
            Some(wanted) => tag == wanted && channels == 1 && rate == 8000,
            None => tag != WAV_PCM,
        };
        let found = || format!("{} with {channels} channel(s) at {rate} Hz", encoding_name(tag));
        if fits { Ok(()) } else { Err(SamplesError::WrongEncoding { found: found(), wanted: format.name }) }
    }
}

/// The data chunk and format of a WAV file.
fn wav(file: &[u8]) -> Option<(&[u8], Encoding)> {
    let mut rest = file.get(12..)?;
    let mut encoding = None;
    loop {
        let (id, len) = (rest.get(..4)?, le32(rest, 4)? as usize);
        let body = rest.get(8..)?;
        if id == b"data" {
            // Writers that stream leave the length open.
            return Some((&body[..len.min(body.len())], encoding?));
        }
        let body = body.get(..len)?;
        if id == b"fmt " {
            let (tag, channels) = (le32(body, 0)? as u16, (le32(body, 0)? >> 16) as u16);
            // The real tag of an extensible format opens its GUID.
            let tag = if tag == WAV_EXTENSIBLE { le32(body, 24)? as u16 } else { tag };
            encoding = Some(Encoding::Wav { tag, channels, rate: le32(body, 4)? });
        }
        rest = rest.get(8 + len + len % 2..)?;
    }
}

fn encoding_name(tag: u16) -> String {
    match tag {
        WAV_PCM => "linear PCM".into(),
        WAV_A_LAW => "A-law".into(),
        WAV_MU_LAW => "mu-law".into(),
        other => format!("WAV encoding {other}"),
    }
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

const WAV_PCM: u16 = 1;
const WAV_A_LAW: u16 = 6;
const WAV_MU_LAW: u16 = 7;
const WAV_EXTENSIBLE: u16 = 0xfffe;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::payload;

    fn wav_file(tag: u16, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend([1, 0, 0x40, 0x1f, 0, 0, 0x40, 0x1f, 0, 0, 1, 0, 8, 0]);
        file.extend(b"data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn skips_the_header_of_a_wav() {
        let samples = Samples::parse(&wav_file(6, b"abcd")).expect("good");
        assert_eq!(samples.bytes(), b"abcd");
        assert_eq!(Samples::parse(b"abcd").expect("raw").bytes(), b"abcd");
    }

    #[test]
    fn refuses_a_wav_in_another_encoding() {
        let format = |kind| payload::find(kind, None).expect("known");
        let check = |tag, kind| Samples::parse(&wav_file(tag, b"abcd")).expect("good").check(format(kind));
        assert!(check(6, 8).is_ok() && check(7, 0).is_ok() && check(0x28f, 9).is_ok());
        assert!(check(6, 0).is_err() && check(1, 8).is_err() && check(1, 9).is_err());
    }

    #[test]
    fn survives_damage() {
        let file = wav_file(6, b"abcd");
        for end in 12..file.len() - 4 {
            assert!(Samples::parse(&file[..end]).is_err(), "{end}");
        }
        assert_eq!(Samples::parse(b""), Err(SamplesError::Empty));
    }
}
