//! The tables with their versions and columns, as Kamailio 5.6 has them, and the SQL that creates them.

/// A table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The number in table `version`.
    pub version: u32,
    /// Its columns behind `id`.
    pub columns: &'static [Column],
    /// Columns whose values together are there once; empty for none.
    pub unique: &'static [&'static str],
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
    /// A number with a fraction.
    Real,
    /// A text of at most so many characters.
    Text(u16),
    /// Date and time.
    Time,
}

const fn text(name: &'static str, len: u16) -> Column {
    Column { name, kind: ColumnType::Text(len), default: Some("''"), is_nullable: false }
}

const fn int(name: &'static str, default: &'static str) -> Column {
    Column { name, kind: ColumnType::Int, default: Some(default), is_nullable: false }
}

const fn time(name: &'static str) -> Column {
    Column { name, kind: ColumnType::Time, default: Some("'2000-01-01 00:00:01'"), is_nullable: false }
}

impl Column {
    const fn required(mut self) -> Column {
        self.default = None;
        self
    }

    const fn nullable(mut self) -> Column {
        self.default = Some("NULL");
        self.is_nullable = true;
        self
    }
}

/// All tables built in.
pub static TABLES: &[Table] = &[
    Table {
        name: "subscriber",
        version: 7,
        columns: &[
            text("username", 64),
            text("domain", 64),
            text("password", 64),
            text("ha1", 128),
            text("ha1b", 128),
        ],
        unique: &["username", "domain"],
    },
    Table {
        name: "address",
        version: 6,
        columns: &[
            int("grp", "1"),
            text("ip_addr", 50).required(),
            int("mask", "32"),
            int("port", "0"),
            text("tag", 64).nullable(),
        ],
        unique: &[],
    },
    Table {
        name: "trusted",
        version: 6,
        columns: &[
            text("src_ip", 50).required(),
            text("proto", 4).required(),
            text("from_pattern", 64).nullable(),
            text("ruri_pattern", 64).nullable(),
            text("tag", 64).nullable(),
            int("priority", "0"),
        ],
        unique: &[],
    },
    Table {
        name: "dbaliases",
        version: 1,
        columns: &[
            text("alias_username", 64),
            text("alias_domain", 64),
            text("username", 64),
            text("domain", 64),
        ],
        unique: &[],
    },
    Table {
        name: "speed_dial",
        version: 2,
        columns: &[
            text("username", 64),
            text("domain", 64),
            text("sd_username", 64),
            text("sd_domain", 64),
            text("new_uri", 255),
            text("fname", 64),
            text("lname", 64),
            text("description", 64),
        ],
        unique: &["username", "domain", "sd_domain", "sd_username"],
    },
    Table {
        name: "domain",
        version: 2,
        columns: &[text("domain", 64).required(), text("did", 64).nullable(), time("last_modified")],
        unique: &["domain"],
    },
    Table {
        name: "htable",
        version: 2,
        columns: &[
            text("key_name", 64),
            int("key_type", "0"),
            int("value_type", "0"),
            text("key_value", 128),
            int("expires", "0"),
        ],
        unique: &[],
    },
    Table {
        name: "domain_attrs",
        version: 1,
        columns: &[
            text("did", 64).required(),
            text("name", 32).required(),
            int("type", "0").required(),
            text("value", 255).required(),
            time("last_modified"),
        ],
        unique: &[],
    },
    Table {
        name: "secfilter",
        version: 1,
        columns: &[int("action", "0"), int("type", "0"), text("data", 64)],
        unique: &[],
    },
    Table {
        name: "grp",
        version: 2,
        columns: &[text("username", 64), text("domain", 64), text("grp", 64), time("last_modified")],
        unique: &["username", "domain", "grp"],
    },
];

/// The table of that name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// The statements that create all tables that are not there yet, with their rows in table `version`.
pub fn create() -> Vec<String> {
    let mut statements = vec![
        "CREATE TABLE IF NOT EXISTS version (table_name VARCHAR(32) NOT NULL PRIMARY KEY, \
         table_version INTEGER DEFAULT 0 NOT NULL)"
            .to_owned(),
    ];
    for table in TABLES {
        statements.push(table.create());
        statements.push(format!(
            "INSERT INTO version (table_name, table_version) SELECT '{0}', {1} \
             WHERE NOT EXISTS (SELECT 1 FROM version WHERE table_name = '{0}')",
            table.name, table.version
        ));
    }
    statements
}

impl Table {
    fn create(&self) -> String {
        let mut lines = vec!["id INTEGER PRIMARY KEY NOT NULL".to_owned()];
        for column in self.columns {
            let kind = match column.kind {
                ColumnType::Int => "INTEGER".to_owned(),
                ColumnType::Real => "REAL".to_owned(),
                ColumnType::Text(len) => format!("VARCHAR({len})"),
                ColumnType::Time => "TIMESTAMP".to_owned(),
            };
            let default = column.default.map_or(String::new(), |default| format!(" DEFAULT {default}"));
            let null = if column.is_nullable { "" } else { " NOT NULL" };
            lines.push(format!("{} {kind}{default}{null}", column.name));
        }
        if !self.unique.is_empty() {
            lines.push(format!("UNIQUE ({})", self.unique.join(", ")));
        }
        format!("CREATE TABLE IF NOT EXISTS {} ({})", self.name, lines.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{TABLES, create, table};
    use crate::store::Name;

    #[test]
    fn names_are_names_and_unique_columns_exist() {
        for table in TABLES {
            assert!(Name::parse(table.name.as_bytes()).is_ok());
            for unique in table.unique {
                assert!(table.columns.iter().any(|column| column.name == *unique), "{}.{unique}", table.name);
            }
        }
        assert_eq!(create().len(), 1 + 2 * TABLES.len());
    }

    #[test]
    fn a_table_reads_like_the_original() {
        let sql = table("domain").expect("it is there").create();
        assert_eq!(
            sql,
            "CREATE TABLE IF NOT EXISTS domain (id INTEGER PRIMARY KEY NOT NULL, domain VARCHAR(64) NOT NULL, \
             did VARCHAR(64) DEFAULT NULL, last_modified TIMESTAMP DEFAULT '2000-01-01 00:00:01' NOT NULL, \
             UNIQUE (domain))"
        );
    }
}
