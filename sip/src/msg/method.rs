//! The method table.

macro_rules! methods {
    ($($variant:ident $name:literal;)*) => {
        /// A request method known by name; everything else is [`Method::Other`]. RFC 3261 7.1 and extensions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Method {
            $(#[doc = $name] $variant,)*
            /// An extension method; its text is in the start line.
            Other,
        }

        const NAMES: &[(&str, Method)] = &[$(($name, Method::$variant),)*];
    };
}

methods! {
    Invite "INVITE";
    Ack "ACK";
    Bye "BYE";
    Cancel "CANCEL";
    Options "OPTIONS";
    Register "REGISTER";
    Prack "PRACK";
    Subscribe "SUBSCRIBE";
    Notify "NOTIFY";
    Publish "PUBLISH";
    Info "INFO";
    Refer "REFER";
    Message "MESSAGE";
    Update "UPDATE";
}

impl Method {
    /// The method of a start line or CSeq; methods are case-sensitive (7.1).
    pub fn parse(name: &[u8]) -> Method {
        NAMES.iter().find(|row| row.0.as_bytes() == name).map_or(Method::Other, |row| row.1)
    }

    /// The name on the wire; empty for [`Method::Other`].
    pub fn as_str(self) -> &'static str {
        NAMES.get(self as usize).map_or("", |row| row.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, NAMES};

    #[test]
    fn names_round_trip_and_are_case_sensitive() {
        for (name, method) in NAMES {
            assert_eq!(Method::parse(name.as_bytes()), *method);
            assert_eq!(method.as_str(), *name);
        }
        assert_eq!(Method::parse(b"invite"), Method::Other);
    }
}
