//! Keywords for `a=crypto` lines (RFC 4568 9.1): `a=crypto:[cryptotag1audio] [cryptosuiteaescm128sha1801audio]
//! inline:[cryptokeyparams1audio]`. The player takes the keys from the text that was sent.

use crate::media::crypto::write_base64;
use crate::media::srtp::Suite;

use super::super::{Keyword, KeywordDef, KeywordForm, Mistake, Names, Scope};

pub(in crate::lang) const CRYPTOTAG: KeywordDef = KeywordDef {
    name: "cryptotag",
    args: "<1|2><audio|video>",
    vanishes: false,
    form: KeywordForm::Family(|text, names| {
        let place = place_of("cryptotag", text.rest, names)?;
        Ok(Box::new(Fixed(if place % 2 == 0 { "1" } else { "2" })))
    }),
    doc: "The tag of the primary (1) or secondary (2) a=crypto line.",
};

pub(in crate::lang) const CRYPTOSUITE: KeywordDef = KeywordDef {
    name: "cryptosuite",
    args: "<suite><1|2><audio|video>",
    vanishes: false,
    form: KeywordForm::Family(|text, names| {
        let (suite, place) = suite_of("cryptosuite", text.rest, names)?;
        Ok(Box::new(SuiteName { suite, place }))
    }),
    doc: "The name of a suite: aescm128sha180, aescm128sha132, nullsha180, nullsha132, and ours aescm256sha180, \
          aescm256sha132.",
};

pub(in crate::lang) const CRYPTOKEYPARAMS: KeywordDef = KeywordDef {
    name: "cryptokeyparams",
    args: "<1|2><audio|video>[-1]",
    vanishes: false,
    form: KeywordForm::Family(|text, names| {
        let (rest, reuses) = match text.rest.split_once('-') {
            Some((rest, _)) => (rest, true),
            None => (text.rest, false),
        };
        let place = place_of("cryptokeyparams", rest, names)?;
        Ok(Box::new(KeyParams { place, reuses }))
    }),
    doc: "A fresh master key and salt in base64; with -1 the one printed last.",
};

pub(in crate::lang) const UNENCRYPTED: KeywordDef = KeywordDef {
    name: "ueaescm",
    args: "<suite><1|2><audio|video>",
    vanishes: false,
    form: KeywordForm::Family(|text, names| {
        suite_of("ue", &format!("aescm{}", text.rest), names)?;
        Ok(Box::new(Fixed("UNENCRYPTED_SRTP")))
    }),
    doc: "The session parameter UNENCRYPTED_SRTP of a suite, e.g. [ueaescm128sha1801audio].",
};

/// SIPp's short names of suites.
const SUITES: &[(&str, Suite)] = &[
    ("aescm128sha180", Suite::AesCm128Sha80),
    ("aescm128sha132", Suite::AesCm128Sha32),
    ("aescm256sha180", Suite::AesCm256Sha80),
    ("aescm256sha132", Suite::AesCm256Sha32),
    ("nullsha180", Suite::NullSha80),
    ("nullsha132", Suite::NullSha32),
];

/// Primary and secondary line of audio and video, as `OwnKeys` counts them.
const PLACES: [&str; 4] = ["1audio", "2audio", "1video", "2video"];

fn place_of(family: &str, rest: &str, names: &Names<'_>) -> Result<usize, Mistake> {
    PLACES.iter().position(|place| *place == rest).ok_or_else(|| {
        let message = format!(
            "Unsupported keyword '{family}{rest}' in xml scenario file, expected 1 or 2 and audio or video behind \
             it, as in [{family}1audio]"
        );
        Mistake::new("S012", names.offset, message)
    })
}

fn suite_of(family: &str, rest: &str, names: &Names<'_>) -> Result<(Suite, usize), Mistake> {
    let found = SUITES.iter().find_map(|(name, suite)| Some((*suite, rest.strip_prefix(name)?)));
    let Some((suite, rest)) = found else {
        let known: Vec<&str> = SUITES.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "Unsupported keyword '{family}{rest}' in xml scenario file, expected one of {} behind {family}",
            known.join(", ")
        );
        return Err(Mistake::new("S012", names.offset, message));
    };
    Ok((suite, place_of(family, rest, names)?))
}

#[derive(Debug)]
struct Fixed(&'static str);

impl Keyword for Fixed {
    fn write(&self, _scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
}

#[derive(Debug)]
struct SuiteName {
    suite: Suite,
    place: usize,
}

impl Keyword for SuiteName {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        let media = scope.call.media.get_or_insert_default();
        media.own_keys.at(self.place).wanted_bytes = self.suite.key_bytes();
        out.extend_from_slice(self.suite.name().as_bytes());
    }
}

#[derive(Debug)]
struct KeyParams {
    place: usize,
    reuses: bool,
}

impl Keyword for KeyParams {
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        let key = scope.call.media.get_or_insert_default().own_keys.at(self.place);
        // Without a suite in front of it SIPp prints a key of 128 bits.
        let wanted = if key.wanted_bytes == 0 { Suite::AesCm128Sha80.key_bytes() } else { key.wanted_bytes };
        if !self.reuses || key.bytes.len() != wanted {
            let ident = &mut scope.world.ident;
            let words = std::iter::repeat_with(|| ident.next_u64().to_be_bytes()).flatten();
            key.bytes = words.take(wanted).collect();
        }
        write_base64(&key.bytes, out);
    }
}
