//! The header-name table: one row per header field with its compact form and whether its value is a comma list.

macro_rules! header_names {
    ($($variant:ident $name:literal $compact:tt $list:ident;)*) => {
        /// A header field name known by name; everything else is [`HeaderName::Other`]. RFC 3261 20.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum HeaderName {
            $(#[doc = $name] $variant,)*
            /// A name that is not in the table.
            Other,
        }

        const ROWS: &[Row] = &[$(Row {
            header: HeaderName::$variant, name: $name, compact: header_names!(@compact $compact),
            list: header_names!(@list $list),
        },)*];
    };
    (@compact -) => { None };
    (@compact $letter:literal) => { Some($letter) };
    (@list list) => { true };
    (@list single) => { false };
}

struct Row {
    header: HeaderName,
    name: &'static str,
    compact: Option<u8>,
    list: bool,
}

header_names! {
    Accept "Accept" - list;
    AcceptContact "Accept-Contact" b'a' list;
    AcceptEncoding "Accept-Encoding" - list;
    AcceptLanguage "Accept-Language" - list;
    AlertInfo "Alert-Info" - list;
    Allow "Allow" - list;
    AllowEvents "Allow-Events" b'u' list;
    AuthenticationInfo "Authentication-Info" - single;
    Authorization "Authorization" - single;
    CallId "Call-ID" b'i' single;
    CallInfo "Call-Info" - list;
    Contact "Contact" b'm' list;
    ContentDisposition "Content-Disposition" - single;
    ContentEncoding "Content-Encoding" b'e' list;
    ContentLanguage "Content-Language" - list;
    ContentLength "Content-Length" b'l' single;
    ContentType "Content-Type" b'c' single;
    CSeq "CSeq" - single;
    Date "Date" - single;
    Diversion "Diversion" - list;
    ErrorInfo "Error-Info" - list;
    Event "Event" b'o' single;
    Expires "Expires" - single;
    From "From" b'f' single;
    HistoryInfo "History-Info" - list;
    Identity "Identity" b'y' single;
    IdentityInfo "Identity-Info" b'n' single;
    InReplyTo "In-Reply-To" - list;
    MaxForwards "Max-Forwards" - single;
    MimeVersion "MIME-Version" - single;
    MinExpires "Min-Expires" - single;
    MinSe "Min-SE" - single;
    Organization "Organization" - single;
    PAccessNetworkInfo "P-Access-Network-Info" - single;
    PAssertedIdentity "P-Asserted-Identity" - list;
    PPreferredIdentity "P-Preferred-Identity" - list;
    Path "Path" - list;
    Priority "Priority" - single;
    Privacy "Privacy" - single;
    ProxyAuthenticate "Proxy-Authenticate" - single;
    ProxyAuthorization "Proxy-Authorization" - single;
    ProxyRequire "Proxy-Require" - list;
    RAck "RAck" - single;
    Reason "Reason" - list;
    RecordRoute "Record-Route" - list;
    ReferTo "Refer-To" b'r' single;
    ReferredBy "Referred-By" b'b' single;
    RejectContact "Reject-Contact" b'j' list;
    RemotePartyId "Remote-Party-ID" - list;
    Replaces "Replaces" - single;
    ReplyTo "Reply-To" - single;
    RequestDisposition "Request-Disposition" b'd' list;
    Require "Require" - list;
    RetryAfter "Retry-After" - single;
    Route "Route" - list;
    RSeq "RSeq" - single;
    Server "Server" - single;
    ServiceRoute "Service-Route" - list;
    SessionExpires "Session-Expires" b'x' single;
    SipEtag "SIP-ETag" - single;
    SipIfMatch "SIP-If-Match" - single;
    Subject "Subject" b's' single;
    SubscriptionState "Subscription-State" - single;
    Supported "Supported" b'k' list;
    Timestamp "Timestamp" - single;
    To "To" b't' single;
    Unsupported "Unsupported" - list;
    UserAgent "User-Agent" - single;
    Via "Via" b'v' list;
    Warning "Warning" - list;
    WwwAuthenticate "WWW-Authenticate" - single;
}

impl HeaderName {
    /// The header field a name stands for, long or compact, any case (7.3.1, 7.3.3).
    pub fn parse(name: &[u8]) -> HeaderName {
        if let [letter] = name {
            let slot = letter.to_ascii_lowercase().wrapping_sub(b'a') as usize;
            let row = COMPACT.get(slot).and_then(|row| ROWS.get(*row as usize));
            return row.map_or(HeaderName::Other, |row| row.header);
        }
        if name.is_empty() {
            return HeaderName::Other;
        }
        let Some(row) = ROWS.get(SLOTS.rows[slot_of(name, SLOTS.seed)] as usize) else {
            return HeaderName::Other;
        };
        // Nearly all names come in their usual spelling, and plain comparison is much the faster one.
        let written = row.name.as_bytes();
        let is_same = written == name || written.eq_ignore_ascii_case(name);
        if is_same { row.header } else { HeaderName::Other }
    }

    /// The long name; empty for [`HeaderName::Other`].
    pub fn as_str(self) -> &'static str {
        ROWS.get(self as usize).map_or("", |row| row.name)
    }

    /// The one-letter form in lower case, where there is one (7.3.3).
    pub fn compact(self) -> Option<u8> {
        ROWS.get(self as usize).and_then(|row| row.compact)
    }

    /// True when several values may stand in one field, separated by commas (7.3.1).
    pub fn is_list(self) -> bool {
        ROWS.get(self as usize).is_some_and(|row| row.list)
    }
}

/// Marks a slot without a row.
const FREE: u8 = u8::MAX;

/// A perfect hash over the names of [`ROWS`]: each name has its own slot under `seed`.
struct Slots {
    seed: u32,
    rows: [u8; 1024],
}

static SLOTS: Slots = find_slots();

/// Row of each compact letter, from `a`.
static COMPACT: [u8; 26] = compact_rows();

/// The slot of a name: a few of its letters and its length say enough to tell all known names apart.
const fn slot_of(name: &[u8], seed: u32) -> usize {
    let len = name.len();
    let letters = [name[0], name[len / 2], name[len - 1], name[len / 4]];
    // Setting this bit folds the case of letters; that it also joins some signs does no harm here.
    let folded = u32::from_le_bytes(letters) | 0x2020_2020;
    let hash = (folded ^ (len as u32) << 13).wrapping_mul(seed);
    (hash >> 22) as usize
}

/// Tries multipliers until no two names share a slot. Runs in the compiler; a new row that cannot be told apart
/// stops the build.
const fn find_slots() -> Slots {
    let mut seed: u32 = 0x9E37_79B1;
    let mut tries = 0;
    while tries < 1000 {
        let mut rows = [FREE; 1024];
        let mut row = 0;
        while row < ROWS.len() {
            let slot = slot_of(ROWS[row].name.as_bytes(), seed);
            if rows[slot] != FREE {
                break;
            }
            rows[slot] = row as u8;
            row += 1;
        }
        if row == ROWS.len() {
            return Slots { seed, rows };
        }
        seed = seed.wrapping_mul(0x2C1B_3C6D) | 1;
        tries += 1;
    }
    panic!("two header names look alike to slot_of: let it read another letter");
}

const fn compact_rows() -> [u8; 26] {
    assert!(ROWS.len() < FREE as usize);
    let mut rows = [FREE; 26];
    let mut row = 0;
    while row < ROWS.len() {
        if let Some(letter) = ROWS[row].compact {
            rows[(letter - b'a') as usize] = row as u8;
        }
        row += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, ROWS};

    #[test]
    fn every_row_is_found_by_its_names_in_any_case() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.header as usize, index, "{}", row.name);
            assert_eq!(HeaderName::parse(row.name.to_ascii_uppercase().as_bytes()), row.header);
            if let Some(letter) = row.compact {
                assert_eq!(HeaderName::parse(&[letter.to_ascii_uppercase()]), row.header);
            }
        }
        assert_eq!(HeaderName::parse(b"X-Custom"), HeaderName::Other);
        for name in ["", "-", "z", "Q", "\u{1}", "Viaa", "Vi", "FroM ", "Content-Lengti"] {
            assert_eq!(HeaderName::parse(name.as_bytes()), HeaderName::Other, "{name}");
        }
    }
}
