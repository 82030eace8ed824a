//! How a database is used: limits of time and what a file is opened with. They come from the parameters of the
//! driver's module, beside the address.

use std::time::Duration;

use super::Driver;

/// How a database is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// How long a connection may take, login included.
    pub connect_limit: Duration,
    /// How long an answer may take.
    pub answer_limit: Duration,
    /// How often a query is tried again after its connection was lost.
    pub retries: u32,
    /// How long a writer waits for another process that writes the same file.
    pub busy_limit: Duration,
    /// Nothing is written.
    pub is_read_only: bool,
    /// The journal of an SQLite file; `None` leaves it as it is.
    pub journal: Option<Journal>,
    /// What stands between the fields of a text table.
    pub delimiter: u8,
    /// An empty field of a text table is an empty text, not null.
    pub empty_is_text: bool,
}

/// Journals of SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Journal {
    /// Deleted after each transaction.
    Delete,
    /// Cut to nothing.
    Truncate,
    /// Its head overwritten.
    Persist,
    /// Kept in memory.
    Memory,
    /// Changes go into a log that readers read too.
    Wal,
    /// None.
    Off,
}

impl Journal {
    /// Reads the name of a journal; case does not matter.
    pub fn parse(name: &str) -> Option<Journal> {
        Some(match name.to_ascii_uppercase().as_str() {
            "DELETE" => Journal::Delete,
            "TRUNCATE" => Journal::Truncate,
            "PERSIST" => Journal::Persist,
            "MEMORY" => Journal::Memory,
            "WAL" => Journal::Wal,
            "OFF" => Journal::Off,
            _ => return None,
        })
    }
}

impl Options {
    /// What holds for a kind of database when nothing is set.
    pub fn usual(driver: Driver) -> Options {
        Options {
            connect_limit: Duration::from_secs(2),
            answer_limit: Duration::from_secs(5),
            retries: match driver {
                Driver::Postgres => 2,
                Driver::Mysql => 1,
                Driver::Sqlite | Driver::Text => 0,
            },
            busy_limit: Duration::from_secs(2),
            is_read_only: false,
            journal: None,
            delimiter: b':',
            empty_is_text: false,
        }
    }
}
