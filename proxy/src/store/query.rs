//! Queries and rows as data, and the SQL of a query: names checked, every value a parameter.

use std::fmt;

use bytes::Bytes;

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
    /// Rows removed where the conditions hold.
    Delete {
        /// The table.
        table: Name,
        /// Which rows.
        only: Vec<(Name, Operator, Cell)>,
    },
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
    /// This kind of database is not built in.
    NoDriver(&'static str),
}

/// SQL text with `?` for each parameter, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
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
            StoreError::NoDriver(name) => write!(f, "databases of kind {name} are not built in yet"),
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
            Cell::Int(int) => Some(int.to_string().into()),
            Cell::Real(real) => Some(real.to_string().into()),
            Cell::Text(text) => Some(text.clone()),
        }
    }

    /// The value as a number; `None` for null and texts that are none.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Cell::Null => None,
            Cell::Int(int) => Some(*int),
            Cell::Real(real) => Some(*real as i64),
            Cell::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        }
    }
}

impl Query {
    /// The SQL of the query.
    pub fn statement(&self) -> Statement {
        let mut out = Statement { sql: String::new(), parameters: Vec::new() };
        match self {
            Query::Select { table, columns, only } => {
                let columns: Vec<&str> = columns.iter().map(Name::as_str).collect();
                out.sql = format!("SELECT {} FROM {}", columns.join(", "), table.0);
                out.conditions(only);
            }
            Query::Insert { table, values } => {
                let columns: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
                let marks = vec!["?"; values.len()].join(", ");
                out.sql = format!("INSERT INTO {} ({}) VALUES ({marks})", table.0, columns.join(", "));
                out.parameters.extend(values.iter().map(|(_, cell)| cell.clone()));
            }
            Query::Update { table, values, only } => {
                let sets: Vec<String> = values.iter().map(|(name, _)| format!("{} = ?", name.0)).collect();
                out.sql = format!("UPDATE {} SET {}", table.0, sets.join(", "));
                out.parameters.extend(values.iter().map(|(_, cell)| cell.clone()));
                out.conditions(only);
            }
            Query::Delete { table, only } => {
                out.sql = format!("DELETE FROM {}", table.0);
                out.conditions(only);
            }
        }
        out
    }

    /// True for a query that gives rows.
    pub fn is_select(&self) -> bool {
        matches!(self, Query::Select { .. })
    }
}

impl Statement {
    fn conditions(&mut self, only: &[(Name, Operator, Cell)]) {
        for (at, (name, operator, cell)) in only.iter().enumerate() {
            self.sql.push_str(if at == 0 { " WHERE " } else { " AND " });
            self.sql.push_str(&name.0);
            if *cell == Cell::Null {
                self.sql.push_str(" IS NULL");
                continue;
            }
            self.sql.push_str(match operator {
                Operator::Equal => " = ?",
                Operator::Below => " < ?",
                Operator::Above => " > ?",
            });
            self.parameters.push(cell.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Name, Operator, Query};

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
                "SELECT ha1, rpid FROM subscriber WHERE username = ? AND domain IS NULL AND expires < ?",
                2,
            ),
            (
                Query::Insert { table: table.clone(), values: vec![(Name::known("a"), evil.clone())] },
                "INSERT INTO subscriber (a) VALUES (?)",
                1,
            ),
            (
                Query::Update {
                    table: table.clone(),
                    values: vec![(Name::known("a"), evil.clone())],
                    only: only[..1].to_vec(),
                },
                "UPDATE subscriber SET a = ? WHERE username = ?",
                2,
            ),
            (Query::Delete { table, only: Vec::new() }, "DELETE FROM subscriber", 0),
        ];
        for (query, sql, count) in rows {
            let statement = query.statement();
            assert_eq!((&*statement.sql, statement.parameters.len()), (sql, count));
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
