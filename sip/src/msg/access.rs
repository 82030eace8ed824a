//! Typed readers of a message: header fields decoded when asked for, nothing cached, nothing copied.
//!
//! Readers of mandatory fields answer `Missing` or `Invalid`; readers of optional ones answer
//! `Ok(None)` when the field is absent. Iterators go over all fields of the name and all values in each
//! (RFC 3261 7.3.1), in order.

use super::auth::Auth;
use super::cseq::{CSeq, RAck};
use super::field_error::{FieldError, HeaderError};
use super::media_type::MediaType;
use super::name_addr::{NameAddr, Values};
use super::params::Params;
use super::uri::Uri;
use super::via::Via;
use super::{HeaderName, View};
use crate::lex;
use crate::span::Span;

/// The fields each request and response must have (8.1.1, 8.2.6.2), decoded at the door.
#[derive(Clone, Copy, Debug)]
pub struct Mandatory<'a> {
    /// The topmost Via value.
    pub via: Via<'a>,
    /// From.
    pub from: NameAddr<'a>,
    /// To.
    pub to: NameAddr<'a>,
    /// Call-ID as written.
    pub call_id: &'a [u8],
    /// CSeq.
    pub cseq: CSeq<'a>,
}

impl<'a> View<'a> {
    /// Decodes the mandatory fields and refuses the ones that stand twice.
    ///
    /// Errors: the first of Via, From, To, Call-ID, CSeq that is missing, repeated or unreadable.
    pub fn mandatory(self) -> Result<Mandatory<'a>, HeaderError> {
        for header in [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq] {
            if self.fields(header).nth(1).is_some() {
                return Err(HeaderError::Duplicate(header));
            }
        }
        Ok(Mandatory {
            via: self.via_top()?,
            from: self.from()?,
            to: self.to()?,
            call_id: self.call_id()?,
            cseq: self.cseq()?,
        })
    }

    /// The request URI taken apart. Errors: `RequestUri`; `Missing` never (a response has an empty one).
    pub fn ruri(self) -> Result<Uri<'a>, HeaderError> {
        Uri::parse(self.request_uri().unwrap_or_default()).map_err(HeaderError::RequestUri)
    }

    /// The topmost Via value.
    pub fn via_top(self) -> Result<Via<'a>, HeaderError> {
        self.vias().next().unwrap_or(Err(HeaderError::Missing(HeaderName::Via)))
    }

    /// All Via values, topmost first.
    pub fn vias(self) -> impl Iterator<Item = Result<Via<'a>, HeaderError>> {
        self.parsed(HeaderName::Via, Via::parse)
    }

    /// From.
    pub fn from(self) -> Result<NameAddr<'a>, HeaderError> {
        self.one(HeaderName::From, NameAddr::parse)
    }

    /// To.
    pub fn to(self) -> Result<NameAddr<'a>, HeaderError> {
        self.one(HeaderName::To, NameAddr::parse)
    }

    /// Call-ID as written; never empty.
    pub fn call_id(self) -> Result<&'a [u8], HeaderError> {
        match self.header(HeaderName::CallId) {
            Some(call_id) if !call_id.is_empty() => Ok(call_id),
            _ => Err(HeaderError::Missing(HeaderName::CallId)),
        }
    }

    /// CSeq.
    pub fn cseq(self) -> Result<CSeq<'a>, HeaderError> {
        self.one(HeaderName::CSeq, CSeq::parse)
    }

    /// RAck of a PRACK (RFC 3262 7.2).
    pub fn rack(self) -> Result<RAck<'a>, HeaderError> {
        self.one(HeaderName::RAck, RAck::parse)
    }

    /// All Contact addresses; the star of a REGISTER is left out, see [`View::has_star_contact`].
    pub fn contacts(self) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.values(HeaderName::Contact)
            .filter(|value| *value != b"*")
            .map(move |value| self.read(HeaderName::Contact, value, NameAddr::parse))
    }

    /// True when a Contact value is the star, which removes all bindings (10.2.2).
    pub fn has_star_contact(self) -> bool {
        self.values(HeaderName::Contact).any(|value| value == b"*")
    }

    /// All Route values, topmost first; `lr` is a parameter of their URI (20.34).
    pub fn routes(self) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.parsed(HeaderName::Route, NameAddr::parse)
    }

    /// All Record-Route values, topmost first (20.30).
    pub fn record_routes(self) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.parsed(HeaderName::RecordRoute, NameAddr::parse)
    }

    /// Max-Forwards (20.22).
    pub fn max_forwards(self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::MaxForwards)
    }

    /// Expires in seconds (20.19).
    pub fn expires(self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::Expires)
    }

    /// Content-Length in bytes (20.14), as written.
    pub fn content_length(self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::ContentLength)
    }

    /// RSeq of a reliable provisional response (RFC 3262 7.1).
    pub fn rseq(self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::RSeq)
    }

    /// Min-Expires in seconds (20.23).
    pub fn min_expires(self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::MinExpires)
    }

    /// Seconds of a Retry-After; comment and parameters are left out (20.33).
    pub fn retry_after(self) -> Result<Option<u32>, HeaderError> {
        self.number(HeaderName::RetryAfter)
    }

    /// Content-Type (20.15).
    pub fn content_type(self) -> Result<Option<MediaType<'a>>, HeaderError> {
        self.header(HeaderName::ContentType)
            .map(|value| self.read(HeaderName::ContentType, value, MediaType::parse))
            .transpose()
    }

    /// All fields of that name read as challenge or credentials: one per field, since commas separate their
    /// parameters (7.3.1).
    pub fn auths(self, header: HeaderName) -> impl Iterator<Item = Result<Auth<'a>, HeaderError>> {
        self.fields(header).map(move |field| self.read(header, field.value.of(self.bytes), Auth::parse))
    }

    /// All fields of that name read as addresses, comma lists split where the name allows lists.
    pub fn name_addrs(self, header: HeaderName) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.parsed(header, NameAddr::parse)
    }

    /// All values of that name as written: comma lists split where the name allows lists (7.3.1).
    pub fn values(self, header: HeaderName) -> impl Iterator<Item = &'a [u8]> {
        let bytes = self.bytes;
        self.fields(header).flat_map(move |field| {
            let value = field.value.of(bytes);
            let (list, single) = if header.is_list() { (value, None) } else { (&value[..0], Some(value)) };
            Values::new(list).chain(single)
        })
    }

    /// True when the comma list of that name holds `token`, any case: `Supported: 100rel`, `Allow: UPDATE`.
    pub fn has_token(self, header: HeaderName, token: &[u8]) -> bool {
        self.values(header).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// Where `part`, a slice that a reader handed out, lies in the message: what an edit needs.
    pub fn locate(self, part: &[u8]) -> Option<Span> {
        Span::locate(self.bytes, part)
    }

    fn number(self, header: HeaderName) -> Result<Option<u32>, HeaderError> {
        self.header(header).map(|value| self.read(header, value, parse_number)).transpose()
    }

    fn parsed<T>(
        self,
        header: HeaderName,
        parse: fn(&'a [u8]) -> Result<T, FieldError>,
    ) -> impl Iterator<Item = Result<T, HeaderError>> {
        self.values(header).map(move |value| self.read(header, value, parse))
    }

    fn one<T>(
        self,
        header: HeaderName,
        parse: fn(&'a [u8]) -> Result<T, FieldError>,
    ) -> Result<T, HeaderError> {
        let value = self.header(header).ok_or(HeaderError::Missing(header))?;
        self.read(header, value, parse)
    }

    fn read<T>(
        self,
        header: HeaderName,
        value: &'a [u8],
        parse: fn(&'a [u8]) -> Result<T, FieldError>,
    ) -> Result<T, HeaderError> {
        parse(value).map_err(|error| {
            let start = self.locate(value).map_or(0, |span| span.start);
            HeaderError::Invalid { header, part: error.part, offset: start + error.offset }
        })
    }
}

/// A delta-seconds or count at the start of a value; a comment or parameters may follow (20.33).
fn parse_number(value: &[u8]) -> Result<u32, FieldError> {
    let end = value.iter().position(|byte| lex::is_lws(*byte) || matches!(byte, b';' | b'('));
    lex::parse_u32(&value[..end.unwrap_or(value.len())])
        .ok_or(FieldError { part: super::field_error::Part::Number, offset: 0 })
}

/// The parameters of a field whose value is a token and parameters, such as Event or Session-Expires.
pub fn token_params(value: &[u8]) -> (&[u8], Params<'_>) {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    (lex::trim(&value[..end]), Params::semicolons(&value[end..]))
}

#[cfg(test)]
mod tests {
    use super::super::{HeaderName, Message, Part, Uri};
    use super::*;
    use crate::peer::Transport;

    const REGISTER: &[u8] = b"REGISTER sip:registrar.biloxi.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP bobspc.biloxi.com:5060;branch=z9hG4bKnashds7, SIP/2.0/TCP [::1]\r\n\
        v: SIP/2.0/TLS third\r\nMax-Forwards: 70\r\nTo: Bob <sip:bob@biloxi.com>\r\n\
        f: Bob <sip:bob@biloxi.com>;tag=456248\r\nCall-ID: 843817637684230@998sdasdh09\r\n\
        CSeq: 1826 REGISTER\r\nm: \"B, b\" <sip:bob@192.0.2.4>;q=0.5, <sip:bob@[2001:db8::1]>\r\n\
        Contact: *\r\nExpires: 7200 \r\nSupported: path, 100rel\r\nContent-Length: 0\r\n\
        Retry-After: 18000;duration=3600\r\nRoute: <sip:a;lr>,<sip:b>\r\nRoute: <sip:c>\r\n\r\n";

    fn with<T>(bytes: &'static [u8], check: impl FnOnce(View<'_>) -> T) -> T {
        check(Message::parse(bytes.into()).expect("valid message").view())
    }

    /// RFC 3261 24.1 (REGISTER), 7.3.1.
    #[test]
    fn reads_all_typed_fields() {
        with(REGISTER, |view| {
            let mandatory = view.mandatory().expect("complete");
            assert_eq!(mandatory.via.branch(), Some(&b"z9hG4bKnashds7"[..]));
            assert_eq!((mandatory.from.tag(), mandatory.to.tag()), (Some(&b"456248"[..]), None));
            assert_eq!(mandatory.call_id, b"843817637684230@998sdasdh09");
            assert_eq!(mandatory.cseq.number, 1826);
            let transports: Vec<_> = view.vias().map(|via| via.expect("valid").transport).collect();
            assert_eq!(transports, [Some(Transport::Udp), Some(Transport::Tcp), Some(Transport::Tls)]);
            let contacts: Vec<_> = view.contacts().map(|contact| contact.expect("valid").uri_text).collect();
            assert_eq!(contacts, [&b"sip:bob@192.0.2.4"[..], b"sip:bob@[2001:db8::1]"]);
            assert!(view.has_star_contact());
            let loose: Vec<_> =
                view.routes().map(|route| route.unwrap().uri().unwrap().is_loose_router()).collect();
            assert_eq!(loose, [true, false, false]);
            assert_eq!(view.max_forwards(), Ok(Some(70)));
            assert_eq!(view.expires(), Ok(Some(7200)));
            assert_eq!(view.retry_after(), Ok(Some(18000)));
            assert_eq!(view.min_expires(), Ok(None));
            assert!(
                view.has_token(HeaderName::Supported, b"100REL")
                    && !view.has_token(HeaderName::Require, b"x")
            );
            assert_eq!(view.ruri().expect("uri").host, b"registrar.biloxi.com");
            assert_eq!(view.record_routes().count(), 0);
        });
    }

    #[test]
    fn names_the_field_and_the_place_of_a_mistake() {
        let bytes = b"INVITE sip:@b SIP/2.0\r\nVia: SIP/2.0/UDP h:x\r\nTo: <sip:a\r\nFrom: sip:a\r\n\
            From: sip:b\r\nCSeq: x INVITE\r\nCall-ID:\r\nMax-Forwards: many\r\n\r\n";
        with(bytes, |view| {
            let invalid = |header, part, offset| HeaderError::Invalid { header, part, offset };
            assert_eq!(view.via_top().err(), Some(invalid(HeaderName::Via, Part::Port, 42)));
            assert_eq!(bytes[42], b'x');
            assert_eq!(view.to().err(), Some(invalid(HeaderName::To, Part::Bracket, 49)));
            assert_eq!(view.cseq().err(), Some(invalid(HeaderName::CSeq, Part::Number, 89)));
            assert_eq!(view.call_id(), Err(HeaderError::Missing(HeaderName::CallId)));
            assert_eq!(
                view.max_forwards().map_err(|error| error.to_string()),
                Err("Bad Max-Forwards (number)".into())
            );
            assert_eq!(view.mandatory().err(), Some(HeaderError::Duplicate(HeaderName::From)));
            assert_eq!(view.ruri().expect_err("empty user").to_string(), "Bad Request-URI (user)");
        });
    }

    #[test]
    fn slices_are_found_again_in_the_message() {
        with(REGISTER, |view| {
            let uri: Uri<'_> = view.contacts().next().expect("one").expect("valid").uri().expect("uri");
            assert_eq!(view.locate(uri.host).expect("inside").of(view.bytes), b"192.0.2.4");
            assert_eq!(view.locate(b"192.0.2.4"), None);
        });
    }
}
