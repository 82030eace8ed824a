//! Queries and rows as data, and the SQL of a query: names checked, every value a parameter.

use std::fmt;

use bytes::Bytes;
use chrono::NaiveDateTime;

use super::Driver;
use super::dates::{unix_of_julian_day, unix_of_local};

/// The name of a table or column: letters, digits and `_`, not longer than 64.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

/// A text that is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError(pub String);

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// A number.
    Int(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text or bytes.
    Text(Bytes),
    /// A moment, Unix seconds: each database keeps it in its own way.
    Time(i64),
}

/// One row: a cell for each column asked for.
pub type Row = Vec<Cell>;

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `<`
    Below,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `<>`
    Unequal,
}

/// Something to do with one table. All conditions must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Rows: columns of a table where the conditions hold.
    Select {
        /// The table.
        table: Name,
        /// The columns, in the order of the cells.
        columns: Vec<Name>,
        /// Which rows.
        only: Vec<(Name, Operator, Cell)>,
    },
    /// A new row.
    Insert {
        /// The table.
        table: Name,
        /// Its values.
        values: Vec<(Name, Cell)>,
    },
    /// Other values in rows where the conditions hold.
    Update {
        /// The table.
        table: Name,
        /// The new values.
        values: Vec<(Name, Cell)>,
        /// Which rows.
        only: Vec<(Name, Operator, Cell)>,
    },
    /// A new row, or other values in the row whose `key` columns have these values: there is a unique index on
    /// them.
    Put {
        /// The table.
        table: Name,
        /// Its values, those of `key` among them.
        values: Vec<(Name, Cell)>,
        /// What tells rows apart.
        key: Vec<Name>,
    },
    /// Rows removed where the conditions hold.
    Delete {
        /// The table.
        table: Name,
        /// Which rows.
        only: Vec<(Name, Operator, Cell)>,
    },
    /// All of these, none of which gives rows, or none of them: one transaction where the database has such.
    All(Vec<Query>),
}

/// What a query came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The rows of a select.
    Rows(Vec<Row>),
    /// How many rows were inserted, changed or removed.
    Changed(u64),
}

/// Why a query failed. Holds no values, so it may be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database cannot be reached, or did not answer in time.
    Unreachable(String),
    /// It refused the query: no such table, a row that is there already.
    Refused(String),
    /// Too many queries are waiting.
    Busy,
}

/// SQL text with a mark for each parameter, in order: `?`, or `$1` and so on for PostgreSQL.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What it is written for.
    driver: Driver,
    /// The text.
    pub sql: String,
    /// The parameters.
    pub parameters: Vec<Cell>,
}

impl Name {
    /// Checks a name. Errors: it has other characters, or a bad length.
    pub fn parse(text: &[u8]) -> Result<Name, NameError> {
        let is_name = (1..=64).contains(&text.len())
            && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let text = String::from_utf8_lossy(text).into_owned();
        if is_name { Ok(Name(text)) } else { Err(NameError(text)) }
    }

    /// A name the program knows.
    ///
    /// Panics when it is none: that is a mistake in the program.
    pub fn known(text: &'static str) -> Name {
        Name::parse(text.as_bytes()).expect("names in the program are names")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no name of a table or column: letters, digits and _ are", self.0)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unreachable(reason) => write!(f, "the database cannot be reached: {reason}"),
            StoreError::Refused(reason) => write!(f, "the database refused: {reason}"),
            StoreError::Busy => f.write_str("too many queries are waiting for the database"),
        }
    }
}

impl std::error::Error for StoreError {}

impl Cell {
    /// A text copied from bytes.
    pub fn text(text: &[u8]) -> Cell {
        Cell::Text(Bytes::copy_from_slice(text))
    }

    /// The value as a text; `None` for null.
    pub fn to_text(&self) -> Option<Bytes> {
        match self {
            Cell::Null => None,
            Cell::Int(int) | Cell::Time(int) => Some(int.to_string().into()),
            Cell::Real(real) => Some(real.to_string().into()),
            Cell::Text(text) => Some(text.clone()),
        }
    }

    /// The value as Unix seconds: a moment, a Julian day (SQLite), seconds (text tables), or local date and time.
    pub fn to_unix_time(&self) -> Option<i64> {
        match self {
            Cell::Null => None,
            Cell::Int(unix) | Cell::Time(unix) => Some(*unix),
            Cell::Real(day) => Some(unix_of_julian_day(*day)),
            Cell::Text(text) => {
                let text = std::str::from_utf8(text).ok()?.trim();
                let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
                Some(unix_of_local(local))
            }
        }
    }

    /// The value as a number with a fraction; `None` for null and texts that are none.
    pub fn to_real(&self) -> Option<f64> {
        match self {
            Cell::Null => None,
            Cell::Int(int) | Cell::Time(int) => Some(*int as f64),
            Cell::Real(real) => Some(*real),
            Cell::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        }
    }

    /// The value as a number; `None` for null and texts that are none.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Cell::Null => None,
            Cell::Int(int) | Cell::Time(int) => Some(*int),
            Cell::Real(real) => Some(*real as i64),
            Cell::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        }
    }
}

impl Query {
    /// The SQL of the query for a kind of database; [`Query::All`] has none of its own.
    pub fn statement(&self, driver: Driver) -> Statement {
        let mut out = Statement { sql: String::new(), parameters: Vec::new(), driver };
        match self {
            Query::Select { table, columns, only } => {
                let columns: Vec<String> = columns.iter().map(|column| driver.quoted(&column.0)).collect();
                out.sql = format!("SELECT {} FROM {}", columns.join(", "), driver.quoted(&table.0));
                out.conditions(only);
            }
            Query::Insert { table, values } => out.insert(table, values),
            Query::Update { table, values, only } => {
                out.sql = format!("UPDATE {} SET ", driver.quoted(&table.0));
                out.assignments(values);
                out.conditions(only);
            }
            Query::Put { table, values, key } => out.put(table, values, key),
            Query::Delete { table, only } => {
                out.sql = format!("DELETE FROM {}", driver.quoted(&table.0));
                out.conditions(only);
            }
            Query::All(_) => {}
        }
        out
    }

    /// True for a query that gives rows.
    pub fn is_select(&self) -> bool {
        matches!(self, Query::Select { .. })
    }
}

impl Statement {
    /// Notes a parameter and gives the mark that stands for it.
    fn mark(&mut self, cell: &Cell) -> String {
        // PostgreSQL wants to know a parameter's type, and a null has none.
        if (self.driver, cell) == (Driver::Postgres, &Cell::Null) {
            return "NULL".to_owned();
        }
        self.parameters.push(cell.clone());
        match self.driver {
            Driver::Postgres => format!("${}", self.parameters.len()),
            Driver::Sqlite | Driver::Mysql | Driver::Text => "?".to_owned(),
        }
    }

    fn insert(&mut self, table: &Name, values: &[(Name, Cell)]) {
        let driver = self.driver;
        let columns: Vec<String> = values.iter().map(|(name, _)| driver.quoted(&name.0)).collect();
        let marks: Vec<String> = values.iter().map(|(_, cell)| self.mark(cell)).collect();
        let table = driver.quoted(&table.0);
        self.sql = format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), marks.join(", "));
    }

    fn put(&mut self, table: &Name, values: &[(Name, Cell)], key: &[Name]) {
        self.insert(table, values);
        let driver = self.driver;
        let names = |names: &mut dyn Iterator<Item = &Name>, write: fn(&str) -> String| {
            names.map(|name| write(&driver.quoted(&name.0))).collect::<Vec<_>>().join(", ")
        };
        let others = &mut values.iter().map(|(name, _)| name).filter(|name| !key.contains(name));
        self.sql.push_str(&match driver {
            Driver::Mysql => {
                let sets = names(others, |name| format!("{name} = VALUES({name})"));
                format!(" ON DUPLICATE KEY UPDATE {sets}")
            }
            Driver::Sqlite | Driver::Postgres | Driver::Text => {
                let keys = names(&mut key.iter(), str::to_owned);
                let sets = names(others, |name| format!("{name} = excluded.{name}"));
                format!(" ON CONFLICT ({keys}) DO UPDATE SET {sets}")
            }
        });
    }

    fn assignments(&mut self, values: &[(Name, Cell)]) {
        for (at, (name, cell)) in values.iter().enumerate() {
            let mark = self.mark(cell);
            let comma = if at == 0 { "" } else { ", " };
            self.sql.push_str(&format!("{comma}{} = {mark}", self.driver.quoted(&name.0)));
        }
    }

    fn conditions(&mut self, only: &[(Name, Operator, Cell)]) {
        for (at, (name, operator, cell)) in only.iter().enumerate() {
            self.sql.push_str(if at == 0 { " WHERE " } else { " AND " });
            self.sql.push_str(&self.driver.quoted(&name.0));
            match (operator, cell) {
                (Operator::Unequal, Cell::Null) => self.sql.push_str(" IS NOT NULL"),
                (_, Cell::Null) => self.sql.push_str(" IS NULL"),
                (operator, cell) => {
                    let mark = self.mark(cell);
                    self.sql.push_str(&format!(" {} {mark}", operator.sign()));
                }
            }
        }
    }
}

impl Operator {
    fn sign(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::Below => "<",
            Operator::Above => ">",
            Operator::AtMost => "<=",
            Operator::AtLeast => ">=",
            Operator::Unequal => "<>",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Name, Operator, Query};
    use crate::store::Driver;

    #[test]
    fn values_are_parameters_and_never_text() {
        let evil = Cell::text(b"x' OR '1'='1");
        let table = Name::known("subscriber");
        let only = vec![
            (Name::known("username"), Operator::Equal, evil.clone()),
            (Name::known("domain"), Operator::Equal, Cell::Null),
            (Name::known("expires"), Operator::Below, Cell::Int(7)),
        ];
        let columns = vec![Name::known("ha1"), Name::known("rpid")];
        let rows = [
            (
                Query::Select { table: table.clone(), columns, only: only.clone() },
                "SELECT `ha1`, `rpid` FROM `subscriber` WHERE `username` = ? AND `domain` IS NULL AND `expires` < ?",
                2,
            ),
            (
                Query::Insert { table: table.clone(), values: vec![(Name::known("a"), evil.clone())] },
                "INSERT INTO `subscriber` (`a`) VALUES (?)",
                1,
            ),
            (
                Query::Update {
                    table: table.clone(),
                    values: vec![(Name::known("a"), evil.clone())],
                    only: only[..1].to_vec(),
                },
                "UPDATE `subscriber` SET `a` = ? WHERE `username` = ?",
                2,
            ),
            (Query::Delete { table, only: Vec::new() }, "DELETE FROM `subscriber`", 0),
        ];
        for (query, sql, count) in rows {
            let statement = query.statement(Driver::Sqlite);
            assert_eq!((&*statement.sql, statement.parameters.len()), (sql, count));
        }
    }

    #[test]
    fn each_database_has_its_own_marks_and_quotes() {
        let values = [("ruid", "r"), ("q", "0")]
            .map(|(name, value)| (Name::known(name), Cell::text(value.as_bytes())));
        let put = Query::Put {
            table: Name::known("location"),
            values: values.to_vec(),
            key: vec![Name::known("ruid")],
        };
        let rows = [
            (
                Driver::Sqlite,
                "INSERT INTO `location` (`ruid`, `q`) VALUES (?, ?) \
                 ON CONFLICT (`ruid`) DO UPDATE SET `q` = excluded.`q`",
            ),
            (
                Driver::Postgres,
                "INSERT INTO \"location\" (\"ruid\", \"q\") VALUES ($1, $2) \
                 ON CONFLICT (\"ruid\") DO UPDATE SET \"q\" = excluded.\"q\"",
            ),
            (
                Driver::Mysql,
                "INSERT INTO `location` (`ruid`, `q`) VALUES (?, ?) \
                 ON DUPLICATE KEY UPDATE `q` = VALUES(`q`)",
            ),
        ];
        for (driver, sql) in rows {
            assert_eq!(put.statement(driver).sql, sql);
        }
    }

    #[test]
    fn names_are_checked() {
        assert!(Name::parse(b"table_2").is_ok());
        for bad in ["", "a b", "a;", "a'", "\u{e9}", &"x".repeat(65)] {
            assert!(Name::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
