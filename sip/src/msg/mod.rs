//! Messages: a received buffer and an index of spans over it (RFC 3261 7).
//!
//! [`Index`] is filled by one pass over the bytes and allocates only beyond 24 header fields. [`View`] pairs
//! bytes and index, borrowed; [`Message`] owns both. Typed header fields are decoded on demand from a view.
//! Nothing here copies or normalises; changes are [`Edits`], applied when a message is written.

mod access;
mod auth;
mod build;
mod cseq;
mod edit;
mod field_error;
pub mod frame;
mod header;
mod media_type;
mod method;
mod name_addr;
mod params;
mod parse;
mod status;
pub mod uri;
mod via;

use bytes::Bytes;
use smallvec::SmallVec;

pub use access::{Mandatory, token_params};
pub use auth::Auth;
pub use build::{Additions, RecordRoute, Reply, write_ack, write_cancel, write_field, write_reply};
pub use cseq::{CSeq, RAck};
pub use edit::{EditId, Edits, MissingLength};
pub use field_error::{FieldError, HeaderError, Part};
pub use header::HeaderName;
pub use media_type::MediaType;
pub use method::Method;
pub use name_addr::{NameAddr, Values};
pub use params::{Param, ParamIter, Params};
pub use parse::{MAX_HEADERS, ParseError};
pub use status::reason_phrase;
pub use uri::{Scheme, Uri};
pub use via::{Rport, RportPolicy, Stamp, Via};

use crate::span::Span;

/// The start line of a message, as spans (7.1, 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// `Method SP Request-URI SP SIP-Version`
    Request {
        /// Known method or `Other`.
        method: Method,
        /// The method as written.
        method_text: Span,
        /// The request URI as written.
        uri: Span,
    },
    /// `SIP-Version SP Status-Code SP Reason-Phrase`
    Response {
        /// 100 to 699 (any three digits are accepted).
        status: u16,
        /// The reason phrase, perhaps empty.
        reason: Span,
    },
}

/// One header field line, folded lines included, as spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderField {
    /// Known name or `Other`.
    pub header: HeaderName,
    /// The name as written, without blanks and colon.
    pub name: Span,
    /// The value without leading and trailing white space; folds stay inside.
    pub value: Span,
    /// The whole field from the name's first byte to behind its line end.
    pub line: Span,
}

/// Where the parts of a message lie in its buffer.
#[derive(Clone, Debug)]
pub struct Index {
    /// The start line, taken apart.
    pub start: StartLine,
    /// The start line with its line end. The message starts here: line ends before it do not count (7.5).
    pub start_line: Span,
    /// Header fields in order of appearance.
    pub headers: SmallVec<[HeaderField; 24]>,
    /// Everything behind the empty line, as long as Content-Length says (18.3).
    pub body: Span,
    /// The first thing found wrong by a lenient reading; `None` after a strict one.
    pub defect: Option<ParseError>,
}

/// A message seen through borrowed bytes and index; cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The whole message.
    pub bytes: &'a [u8],
    /// Its index.
    pub index: &'a Index,
}

/// A message that owns its bytes; clones share them.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    index: Index,
}

impl Message {
    /// Parses a whole datagram or frame. Errors: see [`ParseError`].
    pub fn parse(bytes: Bytes) -> Result<Message, ParseError> {
        let index = Index::parse(&bytes)?;
        Ok(Message { bytes, index })
    }

    /// Parses what can be read; the first defect is in [`Index::defect`]. Errors: see [`Index::parse_lenient`].
    pub fn parse_lenient(bytes: Bytes) -> Result<Message, ParseError> {
        let index = Index::parse_lenient(&bytes)?;
        Ok(Message { bytes, index })
    }

    /// The borrowed view all readers take.
    pub fn view(&self) -> View<'_> {
        View { bytes: &self.bytes, index: &self.index }
    }

    /// The bytes as received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl<'a> View<'a> {
    /// The method of a request, `None` for a response.
    pub fn method(self) -> Option<Method> {
        match self.index.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }

    /// The method of a request as written, `None` for a response.
    pub fn method_text(self) -> Option<&'a [u8]> {
        match self.index.start {
            StartLine::Request { method_text, .. } => Some(method_text.of(self.bytes)),
            StartLine::Response { .. } => None,
        }
    }

    /// The status code of a response, `None` for a request.
    pub fn status(self) -> Option<u16> {
        match self.index.start {
            StartLine::Response { status, .. } => Some(status),
            StartLine::Request { .. } => None,
        }
    }

    /// The reason phrase of a response as written, `None` for a request.
    pub fn reason(self) -> Option<&'a [u8]> {
        match self.index.start {
            StartLine::Response { reason, .. } => Some(reason.of(self.bytes)),
            StartLine::Request { .. } => None,
        }
    }

    /// The request URI as written, `None` for a response.
    pub fn request_uri(self) -> Option<&'a [u8]> {
        match self.index.start {
            StartLine::Request { uri, .. } => Some(uri.of(self.bytes)),
            StartLine::Response { .. } => None,
        }
    }

    /// The value of the first field of that name; never finds [`HeaderName::Other`].
    pub fn header(self, header: HeaderName) -> Option<&'a [u8]> {
        self.fields(header).next().map(|field| field.value.of(self.bytes))
    }

    /// All fields of that name, in order.
    pub fn fields(self, header: HeaderName) -> impl Iterator<Item = &'a HeaderField> {
        self.index.headers.iter().filter(move |field| field.header == header && header != HeaderName::Other)
    }

    /// The value of the first field called `name`, long or compact, known or not.
    pub fn header_named(self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields_named(name).next().map(|field| field.value.of(self.bytes))
    }

    /// All fields called `name`, long or compact, known or not.
    pub fn fields_named(self, name: &[u8]) -> impl Iterator<Item = &'a HeaderField> {
        let known = HeaderName::parse(name);
        let bytes = self.bytes;
        self.index.headers.iter().filter(move |field| {
            field.header == known
                && (known != HeaderName::Other || field.name.of(bytes).eq_ignore_ascii_case(name))
        })
    }

    /// Offset of the first header field: where a field that must stand above all others is inserted.
    pub fn headers_start(self) -> usize {
        self.index.start_line.end()
    }

    /// Offset behind the last header field: where a field is appended.
    pub fn headers_end(self) -> usize {
        self.index.headers.last().map_or(self.headers_start(), |field| field.line.end())
    }

    /// The body, empty when there is none.
    pub fn body(self) -> &'a [u8] {
        self.index.body.of(self.bytes)
    }
}
