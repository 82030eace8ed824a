//! `sip-proxy db ...`: creates the tables and looks after users, with the words of kamctl and kamdbctl.
//!
//! Runs by itself, not in a server. Passwords are stored as the hashes auth_db compares; the plain one only when it
//! is asked for.

use sip::digest::{Algorithm, Ha1};

use std::ops::RangeInclusive;

use super::db_upgrade;
use crate::store::{Cell, ColumnType, Name, Operator, Query, Reply, Row, StoreError, Table, Url, sql, table};

/// A command: its name, its arguments for the help, how many of them, what it does.
struct Command {
    name: &'static str,
    arguments: &'static str,
    count: RangeInclusive<usize>,
    run: fn(&Url, &[String]) -> Result<String, String>,
    doc: &'static str,
}

static COMMANDS: &[Command] = &[
    Command {
        name: "create",
        arguments: "URL",
        count: 0..=0,
        run: create,
        doc: "creates the tables that are not there yet",
    },
    Command {
        name: "upgrade",
        arguments: "URL",
        count: 0..=0,
        run: upgrade,
        doc: "brings older tables to the versions wanted here; nothing is removed",
    },
    Command {
        name: "add-user",
        arguments: "URL USER@DOMAIN PASSWORD",
        count: 2..=2,
        run: add_user,
        doc: "adds a user; only hashes of the password are stored",
    },
    Command {
        name: "add-user-plain",
        arguments: "URL USER@DOMAIN PASSWORD",
        count: 2..=2,
        run: add_user_plain,
        doc: "the same with the password itself, as calculate_ha1 needs it",
    },
    Command {
        name: "set-password",
        arguments: "URL USER@DOMAIN PASSWORD",
        count: 2..=2,
        run: set_password,
        doc: "gives a user another password; only hashes of it are stored",
    },
    Command {
        name: "remove-user",
        arguments: "URL USER@DOMAIN",
        count: 1..=1,
        run: remove_user,
        doc: "removes a user",
    },
    Command {
        name: "add-address",
        arguments: "URL GROUP ADDRESS MASK PORT TAG",
        count: 5..=5,
        run: add_address,
        doc: "adds a record for module permissions; mask 0: one host, port 0: any",
    },
    Command {
        name: "add",
        arguments: "URL TABLE COLUMN=VALUE...",
        count: 2..=MOST_COLUMNS,
        run: add,
        doc: "adds a row, e.g. add sqlite:///my.db speed_dial username=alice sd_username=22 new_uri=sip:bob@here",
    },
    Command {
        name: "remove",
        arguments: "URL TABLE COLUMN=VALUE...",
        count: 2..=MOST_COLUMNS,
        run: remove,
        doc: "removes the rows with all these values",
    },
    Command {
        name: "show",
        arguments: "URL TABLE",
        count: 1..=1,
        run: show,
        doc: "prints a table without passwords and hashes",
    },
];

/// Runs a command: its name, the database address, its arguments. Gives the text to print.
///
/// Errors: one line for the user, or the list of commands.
pub fn db_tool(arguments: &[String]) -> Result<String, String> {
    let [name, url, rest @ ..] = arguments else { return Err(usage()) };
    let command = COMMANDS.iter().find(|command| command.name == name.as_str());
    let command = command.filter(|command| command.count.contains(&rest.len())).ok_or_else(usage)?;
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    (command.run)(&url, rest)
}

fn usage() -> String {
    let mut text = "commands of sip-proxy db:".to_owned();
    for Command { name, arguments, doc, .. } in COMMANDS {
        text.push_str(&format!("\n  {name} {arguments}: {doc}"));
    }
    text
}

fn create(url: &Url, _: &[String]) -> Result<String, String> {
    sql::create_tables(url).map_err(failed)?;
    Ok(String::new())
}

fn upgrade(url: &Url, _: &[String]) -> Result<String, String> {
    db_upgrade::upgrade(url).map_err(failed)
}

fn add_user(url: &Url, arguments: &[String]) -> Result<String, String> {
    insert_user(url, arguments, b"")
}

fn add_user_plain(url: &Url, arguments: &[String]) -> Result<String, String> {
    insert_user(url, arguments, arguments[1].as_bytes())
}

fn insert_user(url: &Url, arguments: &[String], stored: &[u8]) -> Result<String, String> {
    let (user, domain) = account(&arguments[0])?;
    let names = [("username", user), ("domain", domain)];
    let mut values =
        names.map(|(column, value)| (Name::known(column), Cell::text(value.as_bytes()))).to_vec();
    values.extend(secrets(arguments, stored)?);
    let is_there = Query::Select {
        table: Name::known("subscriber"),
        columns: vec![Name::known("username")],
        only: of_account(&arguments[0])?,
    };
    // Text tables have no unique keys.
    if sql::run_now(url, &is_there).map_err(failed)? != Reply::Rows(Vec::new()) {
        return Err(format!("user {} is there already", arguments[0]));
    }
    let query = Query::Insert { table: Name::known("subscriber"), values };
    match sql::run_now(url, &query) {
        Ok(_) => Ok(String::new()),
        Err(StoreError::Refused(why)) if is_there_already(&why) => {
            Err(format!("user {} is there already", arguments[0]))
        }
        Err(error) => Err(failed(error)),
    }
}

/// The columns that a password makes.
fn secrets(arguments: &[String], stored: &[u8]) -> Result<Vec<(Name, Cell)>, String> {
    let (user, domain) = account(&arguments[0])?;
    let password = arguments[1].as_bytes();
    let hash = |name: &str| Ha1::compute(Algorithm::Md5, name.as_bytes(), domain.as_bytes(), password);
    let (ha1, ha1b) = (hash(user), hash(&arguments[0]));
    let columns = [("password", stored), ("ha1", ha1.expose()), ("ha1b", ha1b.expose())];
    Ok(columns.map(|(column, value)| (Name::known(column), Cell::text(value))).to_vec())
}

fn set_password(url: &Url, arguments: &[String]) -> Result<String, String> {
    let values = secrets(arguments, b"")?;
    let only = of_account(&arguments[0])?;
    let query = Query::Update { table: Name::known("subscriber"), values, only };
    match sql::run_now(url, &query).map_err(failed)? {
        Reply::Changed(0) => Err(format!("there is no user {}", arguments[0])),
        _ => Ok(String::new()),
    }
}

/// The condition that a row is of this account.
fn of_account(account: &str) -> Result<Vec<(Name, Operator, Cell)>, String> {
    let (user, domain) = self::account(account)?;
    let columns = [("username", user), ("domain", domain)];
    let equal = |(column, value): (&'static str, &str)| {
        (Name::known(column), Operator::Equal, Cell::text(value.as_bytes()))
    };
    Ok(columns.map(equal).to_vec())
}

fn remove_user(url: &Url, arguments: &[String]) -> Result<String, String> {
    let only = of_account(&arguments[0])?;
    match sql::run_now(url, &Query::Delete { table: Name::known("subscriber"), only }).map_err(failed)? {
        Reply::Changed(0) => Err(format!("there is no user {}", arguments[0])),
        _ => Ok(String::new()),
    }
}

fn add_address(url: &Url, arguments: &[String]) -> Result<String, String> {
    let number = |text: &String| text.parse().map(Cell::Int).map_err(|_| format!("{text} is not a number"));
    let [group, address, mask, port, tag] = arguments else { return Err(usage()) };
    let values = vec![
        (Name::known("grp"), number(group)?),
        (Name::known("ip_addr"), Cell::text(address.as_bytes())),
        (Name::known("mask"), number(mask)?),
        (Name::known("port"), number(port)?),
        (Name::known("tag"), Cell::text(tag.as_bytes())),
    ];
    sql::run_now(url, &Query::Insert { table: Name::known("address"), values }).map_err(failed)?;
    Ok(String::new())
}

fn add(url: &Url, arguments: &[String]) -> Result<String, String> {
    let table = known(&arguments[0])?;
    let values = values(table, &arguments[1..])?;
    sql::run_now(url, &Query::Insert { table: Name::known(table.name), values }).map_err(failed)?;
    Ok(String::new())
}

fn remove(url: &Url, arguments: &[String]) -> Result<String, String> {
    let table = known(&arguments[0])?;
    let values = values(table, &arguments[1..])?.into_iter();
    let only = values.map(|(column, cell)| (column, Operator::Equal, cell)).collect();
    match sql::run_now(url, &Query::Delete { table: Name::known(table.name), only }).map_err(failed)? {
        Reply::Changed(0) => Err("there is no such row".into()),
        _ => Ok(String::new()),
    }
}

/// The table of that name. Errors: there is none.
fn known(name: &str) -> Result<&'static Table, String> {
    table(name).ok_or_else(|| format!("there is no table {name}"))
}

/// Reads `COLUMN=VALUE` words. Errors: the first that is none, names no column, or has a text for a number.
fn values(table: &'static Table, words: &[String]) -> Result<Vec<(Name, Cell)>, String> {
    let value = |word: &String| {
        let (name, value) = word.split_once('=').ok_or_else(|| format!("{word}: expected COLUMN=VALUE"))?;
        let column = table.columns.iter().find(|column| column.name == name);
        let column = column.ok_or_else(|| format!("table {} has no column {name}", table.name))?;
        let cell = match column.kind {
            ColumnType::Int | ColumnType::Unsigned => {
                value.parse().map(Cell::Int).map_err(|_| format!("{word}: expected a number"))?
            }
            ColumnType::Real => {
                value.parse().map(Cell::Real).map_err(|_| format!("{word}: expected a number"))?
            }
            ColumnType::Time => {
                let time = Cell::text(value.as_bytes()).to_unix_time().or_else(|| value.parse().ok());
                Cell::Time(
                    time.ok_or_else(|| format!("{word}: expected YYYY-MM-DD HH:MM:SS or Unix seconds"))?,
                )
            }
            ColumnType::Text(_) | ColumnType::LongText | ColumnType::Blob => Cell::text(value.as_bytes()),
        };
        Ok((Name::known(column.name), cell))
    };
    words.iter().map(value).collect()
}

fn show(url: &Url, arguments: &[String]) -> Result<String, String> {
    let table = known(&arguments[0])?;
    let columns: Vec<&'static str> =
        table.columns.iter().map(|column| column.name).filter(|name| !SECRETS.contains(name)).collect();
    let query = Query::Select {
        table: Name::known(table.name),
        columns: columns.iter().map(|name| Name::known(name)).collect(),
        only: Vec::new(),
    };
    let rows = match sql::run_now(url, &query).map_err(failed)? {
        Reply::Rows(rows) => rows,
        Reply::Changed(_) => Vec::new(),
    };
    let mut text = columns.join("\t");
    text.push('\n');
    rows.iter().for_each(|row| write_row(row, &mut text));
    Ok(text)
}

fn write_row(row: &Row, out: &mut String) {
    let cells: Vec<String> = row
        .iter()
        .map(|cell| cell.to_text().map_or("NULL".into(), |text| text.escape_ascii().to_string()))
        .collect();
    out.push_str(&cells.join("\t"));
    out.push('\n');
}

fn account(text: &str) -> Result<(&str, &str), String> {
    let parts = text.split_once('@').filter(|(user, domain)| !user.is_empty() && !domain.is_empty());
    parts.ok_or_else(|| format!("{text} is no account, expected user@domain"))
}

fn failed(error: StoreError) -> String {
    let hint = match &error {
        StoreError::Unreachable(_) | StoreError::Refused(_) => "; sip-proxy db create URL makes the tables",
        StoreError::Busy => "",
    };
    format!("{error}{hint}")
}

/// Whether a database refused a row because there is one like it; each has its own words.
fn is_there_already(why: &str) -> bool {
    ["UNIQUE", "duplicate key", "Duplicate entry"].iter().any(|words| why.contains(words))
}

/// Most words `add` takes: a table and its columns.
const MOST_COLUMNS: usize = 64;

/// Columns never printed.
const SECRETS: &[&str] = &["password", "ha1", "ha1b"];

#[cfg(test)]
mod tests {
    use super::db_tool;

    #[test]
    fn users_come_and_go_and_their_secrets_are_not_shown() {
        let file = std::env::temp_dir().join(format!("db-tool-{}.sqlite", std::process::id()));
        let url = format!("sqlite:///{}", file.display());
        let run = |words: &[&str]| {
            let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            arguments.insert(1, url.clone());
            db_tool(&arguments)
        };
        let missing = run(&["show", "subscriber"]).expect_err("there is no file yet");
        assert!(missing.contains("db create"), "{missing}");
        assert_eq!(run(&["create"]), Ok(String::new()));
        assert_eq!(run(&["add-user", "alice@a.example", "secret"]), Ok(String::new()));
        let twice = run(&["add-user", "alice@a.example", "secret"]);
        assert_eq!(twice, Err("user alice@a.example is there already".to_owned()));
        assert_eq!(run(&["show", "subscriber"]), Ok("username\tdomain\nalice\ta.example\n".to_owned()));
        assert_eq!(run(&["set-password", "alice@a.example", "other"]), Ok(String::new()));
        assert!(run(&["set-password", "bob@a.example", "other"]).is_err());
        assert_eq!(run(&["upgrade"]), Ok(String::new()));
        assert_eq!(run(&["remove-user", "alice@a.example"]), Ok(String::new()));
        assert_eq!(run(&["remove-user", "alice@a.example"]), Err("there is no user alice@a.example".into()));
        std::fs::remove_file(file).expect("it was made");
    }

    #[test]
    fn wrong_words_show_the_commands() {
        for words in [&["create"][..], &["creat", "sqlite:///x"], &["add-user", "sqlite:///x", "alice"]] {
            let arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert!(db_tool(&arguments).expect_err("wrong").contains("remove-user URL USER@DOMAIN"));
        }
    }
}
