//! One stored contact: all texts in one allocation, so that a million of them stay small.

use sip::peer::ConnId;

use crate::relay::SocketId;

/// A binding of an address-of-record (RFC 3261 10.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The texts one behind the other, in the order of `Part`.
    texts: Box<[u8]>,
    /// Where each text ends.
    ends: [u16; PARTS],
    /// Everything that is a number.
    pub facts: Facts,
}

/// The numbers of a contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When it expires, Unix seconds; 0: never.
    pub expires: u32,
    /// When it was last changed, Unix seconds.
    pub last_modified: u32,
    /// CSeq number of the REGISTER.
    pub cseq: u32,
    /// q value in thousandths; `None` when not given, which sorts lowest.
    pub q: Option<u16>,
    /// Message flags.
    pub flags: u32,
    /// Branch flags.
    pub cflags: u32,
    /// Methods it takes, [`Facts::ALL_METHODS`] when not told.
    pub methods: u32,
    /// reg-id, 0 for none.
    pub reg_id: u32,
    /// The socket the REGISTER came in by; `None` when it is none of ours.
    pub socket: Option<SocketId>,
    /// The connection it came in by.
    pub conn: ConnId,
    /// Whether its row in the database is as it is.
    pub state: State,
}

/// How a contact stands to its row in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// There is none yet (CS_NEW).
    #[default]
    New,
    /// It is as the contact (CS_SYNC).
    Synced,
    /// The contact has changed since (CS_DIRTY).
    Dirty,
}

impl Facts {
    /// All methods.
    pub const ALL_METHODS: u32 = u32::MAX;
}

/// The texts of a contact.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    /// Contact URI.
    pub uri: &'a [u8],
    /// Call-ID of the REGISTER.
    pub call_id: &'a [u8],
    /// Where it really came from, a URI; empty when not told.
    pub received: &'a [u8],
    /// Path values joined by commas; empty for none.
    pub path: &'a [u8],
    /// User-Agent.
    pub user_agent: &'a [u8],
    /// `+sip.instance` without quotes, angle brackets included; empty for none.
    pub instance: &'a [u8],
    /// Unique id of the record.
    pub ruid: &'a [u8],
    /// Attributes, packed; empty for none.
    pub attributes: &'a [u8],
}

/// The texts do not fit into one contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

const PARTS: usize = 8;

impl Contact {
    /// Packs a contact. Errors: the texts together are longer than 65,535 bytes.
    pub fn new(texts: Texts<'_>, facts: Facts) -> Result<Contact, TooLong> {
        let parts = texts.parts();
        let mut ends = [0u16; PARTS];
        let mut end = 0usize;
        for (part, place) in parts.iter().zip(&mut ends) {
            end += part.len();
            *place = u16::try_from(end).map_err(|_| TooLong)?;
        }
        Ok(Contact { texts: parts.concat().into(), ends, facts })
    }

    /// The same contact with other attributes; `None` when they do not fit in.
    pub fn with_attributes(&self, packed: &[u8]) -> Option<Contact> {
        Contact::new(Texts { attributes: packed, ..self.texts() }, self.facts).ok()
    }

    /// Its texts.
    pub fn texts(&self) -> Texts<'_> {
        Texts {
            uri: self.part(0),
            call_id: self.part(1),
            received: self.part(2),
            path: self.part(3),
            user_agent: self.part(4),
            instance: self.part(5),
            ruid: self.part(6),
            attributes: self.part(7),
        }
    }

    /// True while it has not expired.
    pub fn is_valid(&self, unix_now: u32) -> bool {
        self.facts.expires == 0 || self.facts.expires > unix_now
    }

    fn part(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { usize::from(self.ends[at - 1]) };
        &self.texts[start..usize::from(self.ends[at])]
    }
}

impl<'a> Texts<'a> {
    fn parts(&self) -> [&'a [u8]; PARTS] {
        [
            self.uri,
            self.call_id,
            self.received,
            self.path,
            self.user_agent,
            self.instance,
            self.ruid,
            self.attributes,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{Contact, Facts, Texts, TooLong};

    #[test]
    fn texts_come_back_as_they_went_in() {
        let texts =
            Texts { uri: b"sip:a@b", call_id: b"x", path: b"<sip:p;lr>", ruid: b"u-1", ..Texts::default() };
        let contact = Contact::new(texts, Facts::default()).expect("short");
        let back = contact.texts();
        assert_eq!((back.uri, back.call_id, back.received), (texts.uri, texts.call_id, &b""[..]));
        assert_eq!((back.path, back.ruid), (texts.path, texts.ruid));
        let long = vec![b'x'; 40_000];
        let texts = Texts { uri: &long, path: &long, ..Texts::default() };
        assert_eq!(Contact::new(texts, Facts::default()), Err(TooLong));
    }

    #[test]
    fn a_contact_is_small() {
        assert!(size_of::<Contact>() <= 88, "{}", size_of::<Contact>());
    }
}
