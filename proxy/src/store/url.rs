//! Database addresses: `driver://[user[:password]@][host[:port]]/database`, as `db_url` parameters have them.

use std::fmt;

use super::Options;

/// Which kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Driver {
    /// A file of SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// A directory of text files.
    Text,
}

/// A database address. Its password shows in no output.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    /// Which kind.
    pub driver: Driver,
    /// Account; empty for none.
    pub user: String,
    /// Password of the account.
    pub password: String,
    /// Host without brackets; empty for the local one.
    pub host: String,
    /// Port when it is not the usual one.
    pub port: Option<u16>,
    /// Database, file or directory.
    pub database: String,
    /// How it is used.
    pub options: Options,
}

/// Why a text is no database address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not have the form `driver://.../database`.
    Form,
    /// There is no such driver.
    Driver(String),
    /// The port is not a number up to 65535.
    Port,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UrlError::Form => {
                f.write_str("a database address is driver://[user[:password]@][host[:port]]/database")
            }
            UrlError::Driver(name) => {
                write!(f, "there is no database driver {name}, there are sqlite postgres mysql text")
            }
            UrlError::Port => f.write_str("the port of the database address is not a number up to 65535"),
        }
    }
}

impl std::error::Error for UrlError {}

impl Driver {
    const NAMES: [(Driver, &'static str); 4] = [
        (Driver::Sqlite, "sqlite"),
        (Driver::Postgres, "postgres"),
        (Driver::Mysql, "mysql"),
        (Driver::Text, "text"),
    ];

    /// A checked name as it stands in SQL: some of Kamailio's columns have names that SQL keeps for itself.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Driver::Postgres => format!("\"{name}\""),
            Driver::Sqlite | Driver::Mysql | Driver::Text => format!("`{name}`"),
        }
    }

    /// The scheme of its addresses; its module is called `db_` and this.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }
}

impl Url {
    /// Reads an address. A password may hold `@` and `/`; a user may hold one `@`. Errors: see [`UrlError`].
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Form)?;
        let driver = Driver::NAMES.iter().find(|row| row.1 == scheme).map(|row| row.0);
        let driver = driver.ok_or_else(|| UrlError::Driver(scheme.to_owned()))?;
        // Directories of text tables may be relative: text://dir.
        if driver == Driver::Text {
            return Ok(Url { database: rest.to_owned(), ..Url::empty(driver) });
        }
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (login, rest),
            None => ("", rest),
        };
        let (authority, database) = rest.split_once('/').ok_or(UrlError::Form)?;
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map(|port| port.parse().map_err(|_| UrlError::Port)).transpose()?;
        if database.is_empty() {
            return Err(UrlError::Form);
        }
        let [user, password, host, database] = [user, password, host, database].map(str::to_owned);
        Ok(Url { driver, user, password, host, port, database, options: Options::usual(driver) })
    }

    fn empty(driver: Driver) -> Url {
        let none = String::new;
        let options = Options::usual(driver);
        Url { driver, user: none(), password: none(), host: none(), port: None, database: none(), options }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.driver.name())?;
        if !self.user.is_empty() {
            write!(f, "{}@", self.user)?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.database)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{Driver, Url, UrlError};

    #[test]
    fn addresses_of_all_forms() {
        // Address, then user, password, host, port, database.
        let rows = [
            ("mysql://kamailio:rw@localhost/kamailio", ("kamailio", "rw", "localhost", None, "kamailio")),
            ("postgres://u:p@[::1]:5433/db", ("u", "p", "::1", Some(5433), "db")),
            ("mysql://u@d:p/w@x@host:1/db", ("u@d", "p/w@x", "host", Some(1), "db")),
            ("sqlite:////abs/file", ("", "", "", None, "/abs/file")),
            ("sqlite:///file", ("", "", "", None, "file")),
            ("text:///abs/dir", ("", "", "", None, "/abs/dir")),
        ];
        for (text, expected) in rows {
            let url = Url::parse(text).expect(text);
            let Url { user, password, host, port, database, .. } = &url;
            assert_eq!((&**user, &**password, &**host, *port, &**database), expected, "{text}");
            assert!(!format!("{url} {url:?}").contains(&format!(":{password}@")), "{text}");
        }
        assert_eq!(Url::parse("mysql://h/db").map(|url| url.driver), Ok(Driver::Mysql));
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, expected) in [
            ("mysql", UrlError::Form),
            ("mysql://host", UrlError::Form),
            ("mysql://host/", UrlError::Form),
            ("mysql://host:x/db", UrlError::Port),
            ("oracle://host/db", UrlError::Driver("oracle".into())),
        ] {
            assert_eq!(Url::parse(text), Err(expected), "{text}");
        }
    }
}
