//! Text tables (db_text): a directory with a file for each table, read whole, written whole.
//!
//! The first line names the columns with their types, each other line is a row. A table that has not changed on the
//! disk is not read again.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::pool::Failure;
use crate::store::text_table::{Format, TextTable};
use crate::store::{Cell, Name, Operator, Query, Reply, Row, Url, tables};

/// A directory of text tables.
#[derive(Clone)]
pub(super) struct Pool {
    directory: PathBuf,
    format: Format,
    is_read_only: bool,
    read: Arc<Mutex<HashMap<String, (SystemTime, TextTable)>>>,
}

impl Pool {
    pub(super) fn open(url: &Url) -> Pool {
        Pool {
            directory: PathBuf::from(&url.database),
            format: Format { delimiter: url.options.delimiter, empty_is_text: url.options.empty_is_text },
            is_read_only: url.options.is_read_only,
            read: Arc::default(),
        }
    }

    /// Makes the files of all tables that are not there yet.
    pub(super) fn create(&self) -> Result<(), Failure> {
        let mut versions = match self.table("version") {
            Ok(table) => table,
            Err(_) => TextTable::parse(b"table_name(string) table_version(int)\n", self.format)
                .map_err(Failure::Refused)?,
        };
        for table in tables() {
            let path = self.directory.join(table.name);
            if !path.exists() {
                self.write(table.name, &TextTable::of(table))?;
            }
            let name = Cell::text(table.name.as_bytes());
            if !versions.rows.iter().any(|row| row[0] == name) {
                versions.rows.push(vec![name, Cell::Int(table.version.into())]);
            }
        }
        self.write("version", &versions)
    }

    pub(super) fn columns(&self, table: &str) -> Result<Vec<String>, Failure> {
        if !self.directory.join(table).exists() {
            return Ok(Vec::new());
        }
        Ok(self.table(table)?.columns.iter().map(|column| column.name.clone()).collect())
    }

    pub(super) fn run(&self, query: &Query) -> Result<Reply, Failure> {
        match query {
            Query::Select { table, columns, only } => {
                let table = self.table(table.as_str())?;
                let places = columns.iter().map(|name| place(&table, name)).collect::<Result<Vec<_>, _>>()?;
                let only = conditions(&table, only)?;
                let rows = table.rows.iter().filter(|row| holds(row, &only));
                let chosen = rows.map(|row| places.iter().map(|at| row[*at].clone()).collect());
                Ok(Reply::Rows(chosen.collect()))
            }
            Query::All(queries) => {
                let mut changed = 0;
                for query in queries {
                    if let Reply::Changed(count) = self.run(query)? {
                        changed += count;
                    }
                }
                Ok(Reply::Changed(changed))
            }
            Query::Insert { table, values } => self.change(table, |table| {
                let row = table.row_of(values).map_err(Failure::Refused)?;
                table.rows.push(row);
                Ok(1)
            }),
            Query::Update { table, values, only } => {
                self.change(table, |table| update(table, values, &conditions(table, only)?))
            }
            Query::Put { table, values, key } => self.change(table, |table| {
                let only = values.iter().filter(|(name, _)| key.contains(name));
                let only: Vec<_> =
                    only.map(|(name, cell)| (name.clone(), Operator::Equal, cell.clone())).collect();
                let changed = update(table, values, &conditions(table, &only)?)?;
                if changed == 0 {
                    let row = table.row_of(values).map_err(Failure::Refused)?;
                    table.rows.push(row);
                }
                Ok(changed.max(1))
            }),
            Query::Delete { table, only } => self.change(table, |table| {
                let only = conditions(table, only)?;
                let before = table.rows.len();
                table.rows.retain(|row| !holds(row, &only));
                Ok((before - table.rows.len()) as u64)
            }),
        }
    }

    fn change(
        &self,
        name: &Name,
        change: impl FnOnce(&mut TextTable) -> Result<u64, Failure>,
    ) -> Result<Reply, Failure> {
        if self.is_read_only {
            return Err(Failure::Refused("the tables are read only".into()));
        }
        let mut table = self.table(name.as_str())?;
        let changed = change(&mut table)?;
        if changed > 0 {
            self.write(name.as_str(), &table)?;
        }
        Ok(Reply::Changed(changed))
    }

    /// The table as it is on the disk.
    fn table(&self, name: &str) -> Result<TextTable, Failure> {
        let path = self.directory.join(name);
        let lost = |error: std::io::Error| Failure::Lost(format!("{}: {error}", path.display()));
        let changed = std::fs::metadata(&path).and_then(|facts| facts.modified()).map_err(lost)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, table)) = read.get(name).filter(|(then, _)| *then == changed) {
            return Ok(table.clone());
        }
        let text = std::fs::read(&path).map_err(lost)?;
        let table = TextTable::parse(&text, self.format)
            .map_err(|why| Failure::Refused(format!("{}: {why}", path.display())))?;
        read.insert(name.to_owned(), (changed, table.clone()));
        Ok(table)
    }

    /// Puts a new file in the place of the old one, so that nobody reads half of it.
    fn write(&self, name: &str, table: &TextTable) -> Result<(), Failure> {
        let path = self.directory.join(name);
        let beside = self.directory.join(format!(".{name}.new"));
        let written =
            std::fs::write(&beside, table.print(self.format)).and_then(|()| std::fs::rename(&beside, &path));
        self.read.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        written.map_err(|error| Failure::Lost(format!("{}: {error}", path.display())))
    }
}

fn place(table: &TextTable, name: &Name) -> Result<usize, Failure> {
    let at = table.columns.iter().position(|column| column.name == name.as_str());
    at.ok_or_else(|| Failure::Refused(format!("no such column: {}", name.as_str())))
}

type Condition<'a> = (usize, Operator, &'a Cell);

fn conditions<'a>(
    table: &TextTable,
    only: &'a [(Name, Operator, Cell)],
) -> Result<Vec<Condition<'a>>, Failure> {
    only.iter().map(|(name, operator, cell)| Ok((place(table, name)?, *operator, cell))).collect()
}

fn holds(row: &Row, only: &[Condition<'_>]) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    only.iter().all(|(at, operator, cell)| {
        let stored = &row[*at];
        if *stored == Cell::Null || **cell == Cell::Null {
            return (*stored == **cell) == (*operator != Operator::Unequal);
        }
        let order = match (stored, cell.to_real()) {
            (Cell::Int(_) | Cell::Real(_), Some(wanted)) => {
                stored.to_real().and_then(|stored| stored.partial_cmp(&wanted))
            }
            _ => stored.to_text().partial_cmp(&cell.to_text()),
        };
        match operator {
            Operator::Equal => order == Some(Equal),
            Operator::Unequal => order != Some(Equal),
            Operator::Below => order == Some(Less),
            Operator::Above => order == Some(Greater),
            Operator::AtMost => matches!(order, Some(Less | Equal)),
            Operator::AtLeast => matches!(order, Some(Greater | Equal)),
        }
    })
}

fn update(table: &mut TextTable, values: &[(Name, Cell)], only: &[Condition<'_>]) -> Result<u64, Failure> {
    let places: Vec<usize> = values.iter().map(|(name, _)| place(table, name)).collect::<Result<_, _>>()?;
    let kinds: Vec<_> = places.iter().map(|at| table.columns[*at].kind).collect();
    let mut changed = 0;
    for row in table.rows.iter_mut().filter(|row| holds(row, only)) {
        for ((at, kind), (_, cell)) in places.iter().zip(&kinds).zip(values) {
            row[*at] = kind.cell(cell);
        }
        changed += 1;
    }
    Ok(changed)
}
