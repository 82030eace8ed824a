//! What is wrong with a header field: the errors of all typed readers.
//!
//! A reader of one value answers [`FieldError`] (offset inside the value); a reader of a message answers
//! [`HeaderError`], which names the header and prints as the reason of a 400 (RFC 3261 21.4.1).

use std::fmt;

use super::HeaderName;

/// The part of a value that does not follow its grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// URI scheme or its colon.
    Scheme,
    /// User or password of a URI.
    UserInfo,
    /// Host name or address.
    Host,
    /// Port number.
    Port,
    /// Sent-protocol of a Via.
    Protocol,
    /// Sequence of parameters.
    Parameters,
    /// A number: missing, no digits, too large.
    Number,
    /// Method name.
    Method,
    /// Display name: a quote that never closes.
    DisplayName,
    /// Angle bracket that never closes.
    Bracket,
    /// Something behind the end of the value.
    Tail,
    /// The whole value is empty.
    Empty,
}

impl Part {
    /// The name in an error text.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Scheme => "scheme",
            Part::UserInfo => "user",
            Part::Host => "host",
            Part::Port => "port",
            Part::Protocol => "protocol",
            Part::Parameters => "parameters",
            Part::Number => "number",
            Part::Method => "method",
            Part::DisplayName => "display name",
            Part::Bracket => "bracket",
            Part::Tail => "text behind its end",
            Part::Empty => "value is empty",
        }
    }
}

/// A value that cannot be read: which part, and where in the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// The part at fault.
    pub part: Part,
    /// Its offset in bytes from the start of the value.
    pub offset: u32,
}

impl FieldError {
    /// An error at `at`, a tail or a part of `value`; the offset is 0 if it is neither.
    pub(super) fn at(part: Part, value: &[u8], at: &[u8]) -> FieldError {
        let offset = crate::span::Span::locate(value, at).map_or(0, |span| span.start);
        FieldError { part, offset }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad {} at byte {}", self.part.as_str(), self.offset)
    }
}

impl std::error::Error for FieldError {}

/// A header field that is needed and cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderError {
    /// The message has no such field.
    Missing(HeaderName),
    /// The field may stand once only and stands more often (RFC 3261 7.3.1).
    Duplicate(HeaderName),
    /// The request URI cannot be read.
    RequestUri(FieldError),
    /// The value of the field cannot be read.
    Invalid {
        /// The field.
        header: HeaderName,
        /// The part at fault.
        part: Part,
        /// Its offset in bytes from the start of the message.
        offset: u32,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeaderError::Missing(header) => write!(f, "Missing {}", header.as_str()),
            HeaderError::Duplicate(header) => write!(f, "More than one {}", header.as_str()),
            HeaderError::RequestUri(error) => write!(f, "Bad Request-URI ({})", error.part.as_str()),
            HeaderError::Invalid { header, part, .. } => {
                write!(f, "Bad {} ({})", header.as_str(), part.as_str())
            }
        }
    }
}

impl std::error::Error for HeaderError {}
