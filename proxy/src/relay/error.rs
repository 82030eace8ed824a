//! Why a relay did not come about, with Kamailio's numbers and the reply each one means.

/// A failed relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayError {
    /// No target is left: nothing new to send to.
    NoBranches,
    /// The branch route dropped every branch.
    AllDropped,
    /// We have no socket of the transport and address family.
    NoSocket,
    /// As many branches as there may be.
    TooManyBranches,
    /// A target's URI cannot be read.
    BadUri,
    /// The request cannot be used.
    BadRequest,
    /// Nothing could be sent.
    Send,
    /// `onsend_route` kept everything here.
    Kept,
    /// A host name has no address, or the URI has no host.
    Unresolvable,
    /// The call was cancelled before.
    Canceled,
    /// The transaction table is full.
    Overload,
    /// Anything else.
    Internal,
}

/// One row per error: its number, the status it means and the text, `(N/` and a place still to follow.
const ROWS: &[(RelayError, i32, u16, &str)] = &[
    (RelayError::NoBranches, -1, 500, SERVER_ERROR),
    (RelayError::AllDropped, -6, 500, SERVER_ERROR),
    (RelayError::NoSocket, -7, 500, SERVER_ERROR),
    (RelayError::TooManyBranches, -12, 500, "Forking capacity exceeded"),
    (RelayError::BadUri, -479, 479, "Regretfully, we were not able to process the URI"),
    (RelayError::BadRequest, -400, 400, "Bad Request"),
    (RelayError::Send, -477, 477, "Unfortunately error on sending to next hop occurred"),
    (RelayError::Kept, -1, 477, "Unfortunately error on sending to next hop occurred"),
    (RelayError::Unresolvable, -478, 478, "Unresolvable destination"),
    (RelayError::Canceled, -487, 487, "Transaction canceled"),
    (RelayError::Overload, -503, 503, "Service Unavailable"),
    (RelayError::Internal, -1, 500, SERVER_ERROR),
];

const SERVER_ERROR: &str = "I'm terribly sorry, server error occurred";

impl RelayError {
    /// What a script function returns for it.
    pub fn code(self) -> i32 {
        self.row().1
    }

    /// The status of the reply that tells the caller.
    pub fn status(self) -> u16 {
        self.row().2
    }

    /// The reason phrase of that reply; `place` says who made it, `TM` or `SL`.
    pub fn reason(self, place: &str) -> String {
        // What was kept back shows itself as what could not be sent.
        let number = if self == RelayError::Kept { 477 } else { -self.code() };
        format!("{} ({number}/{place})", self.row().3)
    }

    fn row(self) -> &'static (RelayError, i32, u16, &'static str) {
        ROWS.iter().find(|row| row.0 == self).expect("every error has a row; a test walks them")
    }
}

#[cfg(test)]
mod tests {
    use super::RelayError::{self, *};

    #[test]
    fn every_error_has_its_number_status_and_text() {
        let all: [(RelayError, i32, u16); 12] = [
            (Kept, -1, 477),
            (NoBranches, -1, 500),
            (AllDropped, -6, 500),
            (NoSocket, -7, 500),
            (TooManyBranches, -12, 500),
            (BadUri, -479, 479),
            (BadRequest, -400, 400),
            (Send, -477, 477),
            (Unresolvable, -478, 478),
            (Canceled, -487, 487),
            (Overload, -503, 503),
            (Internal, -1, 500),
        ];
        for (error, code, status) in all {
            assert_eq!((error.code(), error.status()), (code, status));
        }
        assert_eq!(AllDropped.reason("TM"), "I'm terribly sorry, server error occurred (6/TM)");
    }
}
