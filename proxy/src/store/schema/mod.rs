//! The tables with their versions, columns and keys, as Kamailio 5.6 has them, and the SQL that makes them for each
//! kind of database.

mod accounts;
mod calls;
mod contacts;
mod presence;
mod topology;

use super::Driver;

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The number in table `version`.
    pub version: u32,
    /// Its columns behind `id`.
    pub columns: &'static [Column],
    /// What is looked up by, and what is there only once.
    pub keys: &'static [Key],
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Its default as SQL; `None` for a column without one.
    pub default: Option<&'static str>,
    /// Whether it may be null.
    pub is_nullable: bool,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// A number.
    Int,
    /// A number that is never negative; only MySQL tells the difference.
    Unsigned,
    /// A number with a fraction.
    Real,
    /// A text of at most so many characters.
    Text(u16),
    /// A text of any length.
    LongText,
    /// Bytes.
    Blob,
    /// Date and time.
    Time,
}

/// An index.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name; most databases want that of the table before it.
    pub name: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// Whether their values together are there only once.
    pub is_unique: bool,
}

impl Column {
    const fn new(name: &'static str, kind: ColumnType) -> Column {
        Column { name, kind, default: None, is_nullable: false }
    }

    const fn text(name: &'static str, len: u16) -> Column {
        Column::new(name, ColumnType::Text(len))
    }

    const fn long_text(name: &'static str) -> Column {
        Column::new(name, ColumnType::LongText)
    }

    const fn blob(name: &'static str) -> Column {
        Column::new(name, ColumnType::Blob)
    }

    const fn int(name: &'static str) -> Column {
        Column::new(name, ColumnType::Int)
    }

    const fn unsigned(name: &'static str) -> Column {
        Column::new(name, ColumnType::Unsigned)
    }

    const fn real(name: &'static str) -> Column {
        Column::new(name, ColumnType::Real)
    }

    const fn time(name: &'static str) -> Column {
        Column::new(name, ColumnType::Time)
    }

    const fn or(mut self, default: &'static str) -> Column {
        self.default = Some(default);
        self
    }

    const fn or_empty(self) -> Column {
        self.or("''")
    }

    const fn nullable(mut self) -> Column {
        self.is_nullable = true;
        self
    }

    /// How the database calls its type.
    fn sql_type(&self, driver: Driver) -> String {
        match (self.kind, driver) {
            (ColumnType::Int, Driver::Mysql) => "INT".into(),
            (ColumnType::Unsigned, Driver::Mysql) => "INT UNSIGNED".into(),
            (ColumnType::Int | ColumnType::Unsigned, _) => "INTEGER".into(),
            (ColumnType::Real, Driver::Mysql) => "DOUBLE".into(),
            (ColumnType::Real, _) => "REAL".into(),
            (ColumnType::Text(len), _) => format!("VARCHAR({len})"),
            (ColumnType::LongText, Driver::Mysql) => "MEDIUMTEXT".into(),
            (ColumnType::LongText, _) => "TEXT".into(),
            (ColumnType::Blob, Driver::Mysql) => "MEDIUMBLOB".into(),
            (ColumnType::Blob, Driver::Postgres) => "BYTEA".into(),
            (ColumnType::Blob, _) => "BLOB".into(),
            (ColumnType::Time, Driver::Mysql) => "DATETIME".into(),
            (ColumnType::Time, _) => "TIMESTAMP WITHOUT TIME ZONE".into(),
        }
    }

    fn definition(&self, driver: Driver) -> String {
        let default = self.default.map_or(String::new(), |default| format!(" DEFAULT {default}"));
        let null = if self.is_nullable { "" } else { " NOT NULL" };
        format!("{} {}{default}{null}", driver.quoted(self.name), self.sql_type(driver))
    }
}

impl Key {
    const fn unique(name: &'static str, columns: &'static [&'static str]) -> Key {
        Key { name, columns, is_unique: true }
    }

    const fn index(name: &'static str, columns: &'static [&'static str]) -> Key {
        Key { name, columns, is_unique: false }
    }

    fn columns(&self, driver: Driver) -> String {
        self.columns.iter().map(|column| driver.quoted(column)).collect::<Vec<_>>().join(", ")
    }
}

/// All tables built in.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    const ALL: [&[Table]; 5] =
        [accounts::TABLES, calls::TABLES, contacts::TABLES, presence::TABLES, topology::TABLES];
    ALL.into_iter().flatten()
}

/// The table of that name.
pub fn table(name: &str) -> Option<&'static Table> {
    tables().find(|table| table.name == name)
}

/// The statements that create all tables that are not there yet, with their rows in table `version`.
pub fn create(driver: Driver) -> Vec<String> {
    let id = id_column(driver);
    let version = format!(
        "CREATE TABLE IF NOT EXISTS {} ({id}, table_name VARCHAR(32) NOT NULL, \
         table_version INTEGER DEFAULT 0 NOT NULL, CONSTRAINT version_table_name_idx UNIQUE (table_name))",
        driver.quoted("version")
    );
    let tables = tables().flat_map(|table| {
        let mut statements = table.create(driver);
        statements.push(table.note_version(driver));
        statements
    });
    std::iter::once(version).chain(tables).collect()
}

fn id_column(driver: Driver) -> &'static str {
    match driver {
        Driver::Mysql => "id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY NOT NULL",
        Driver::Postgres => "id SERIAL PRIMARY KEY NOT NULL",
        Driver::Sqlite | Driver::Text => "id INTEGER PRIMARY KEY NOT NULL",
    }
}

impl Table {
    /// The statements that make the table, if it is not there, and its indexes.
    pub fn create(&self, driver: Driver) -> Vec<String> {
        let mut lines = vec![id_column(driver).to_owned()];
        lines.extend(self.columns.iter().map(|column| column.definition(driver)));
        let mut indexes = Vec::new();
        for key in self.keys {
            let (table, columns) = (driver.quoted(self.name), key.columns(driver));
            // Names of indexes are those of Kamailio's tables, where MySQL alone has them per table.
            match (key.is_unique, driver) {
                (true, Driver::Mysql) => {
                    lines.push(format!("CONSTRAINT {} UNIQUE ({columns})", key.name));
                }
                (false, Driver::Mysql) => lines.push(format!("INDEX {} ({columns})", key.name)),
                (true, _) => lines.push(format!("CONSTRAINT {}_{} UNIQUE ({columns})", self.name, key.name)),
                (false, _) => {
                    let name = format!("{}_{}", self.name, key.name);
                    indexes.push(format!("CREATE INDEX IF NOT EXISTS {name} ON {table} ({columns})"));
                }
            }
        }
        let table = format!("CREATE TABLE IF NOT EXISTS {} ({})", driver.quoted(self.name), lines.join(", "));
        std::iter::once(table).chain(indexes).collect()
    }

    /// The statement that adds a column to an older form of the table.
    pub fn add_column(&self, column: &Column, driver: Driver) -> String {
        let filled = match column.kind {
            ColumnType::Int | ColumnType::Unsigned | ColumnType::Real => column.or("0"),
            ColumnType::Text(_) => column.or_empty(),
            ColumnType::Time => column.or("'2000-01-01 00:00:01'"),
            // MySQL has no defaults for these.
            ColumnType::LongText | ColumnType::Blob => column.nullable(),
        };
        let column = if column.default.is_some() || column.is_nullable { *column } else { filled };
        format!("ALTER TABLE {} ADD COLUMN {}", driver.quoted(self.name), column.definition(driver))
    }

    /// The statement that puts the version into table `version`, if there is none.
    pub fn note_version(&self, driver: Driver) -> String {
        format!(
            "INSERT INTO {0} (table_name, table_version) SELECT '{1}', {2} FROM (SELECT 1 AS one) AS rows_ \
             WHERE NOT EXISTS (SELECT 1 FROM {0} WHERE table_name = '{1}')",
            driver.quoted("version"),
            self.name,
            self.version
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{create, table, tables};
    use crate::store::{Driver, Name};

    #[test]
    fn names_are_names_and_columns_of_keys_exist() {
        for table in tables() {
            assert!(Name::parse(table.name.as_bytes()).is_ok());
            for column in table.keys.iter().flat_map(|key| key.columns) {
                assert!(table.columns.iter().any(|it| it.name == *column), "{}.{column}", table.name);
            }
            assert_eq!(tables().filter(|other| other.name == table.name).count(), 1, "{}", table.name);
        }
        assert_eq!(create(Driver::Sqlite).iter().filter(|sql| sql.contains("CREATE TABLE")).count(), 32);
    }

    #[test]
    fn a_table_reads_like_the_original() {
        let domain = table("domain").expect("it is there");
        assert_eq!(
            domain.create(Driver::Sqlite),
            ["CREATE TABLE IF NOT EXISTS `domain` (id INTEGER PRIMARY KEY NOT NULL, \
             `domain` VARCHAR(64) NOT NULL, `did` VARCHAR(64), \
             `last_modified` TIMESTAMP WITHOUT TIME ZONE DEFAULT '2000-01-01 00:00:01' NOT NULL, \
             CONSTRAINT domain_domain_idx UNIQUE (`domain`))"]
        );
        assert_eq!(
            domain.create(Driver::Mysql),
            ["CREATE TABLE IF NOT EXISTS `domain` (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY NOT NULL, \
             `domain` VARCHAR(64) NOT NULL, `did` VARCHAR(64), \
             `last_modified` DATETIME DEFAULT '2000-01-01 00:00:01' NOT NULL, \
             CONSTRAINT domain_idx UNIQUE (`domain`))"]
        );
        let acc = table("acc").expect("it is there").create(Driver::Postgres);
        assert_eq!(acc[1], "CREATE INDEX IF NOT EXISTS acc_callid_idx ON \"acc\" (\"callid\")");
    }
}
