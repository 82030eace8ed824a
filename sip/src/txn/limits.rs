//! How many transactions a table may hold, and what it looks out for.

/// Bounds of a table.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Beyond this many live transactions an INVITE that starts a call is refused.
    pub max_transactions: usize,
    /// This many more may live for the calls that are there: branches, requests in dialogs, CANCEL and all
    /// other methods.
    pub reserve: usize,
    /// Report requests that came before on another way ([`super::Output::Merged`]); a user agent wants to know
    /// (RFC 3261 8.2.2.2), a proxy does not.
    pub detect_merged: bool,
}

impl Default for Limits {
    /// A million transactions, a quarter of that in reserve, merged requests not reported.
    fn default() -> Limits {
        Limits { max_transactions: 1_000_000, reserve: 250_000, detect_merged: false }
    }
}
