//! The text form of a table (db_text): a line of columns `name(type[,attribute])`, then a line for each row.

use bytes::Bytes;

use super::{Cell, ColumnType, Name, Row, Table};

/// A table as its file has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextTable {
    pub(super) columns: Vec<TextColumn>,
    pub(super) rows: Vec<Row>,
}

/// A column of a text table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextColumn {
    pub(super) name: String,
    pub(super) kind: TextKind,
    /// Filled with the next number when a new row has none.
    is_counted: bool,
    is_nullable: bool,
}

/// The types of text tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextKind {
    Int,
    Double,
    Text,
}

/// What the parameters of db_text say about files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) delimiter: u8,
    pub(super) empty_is_text: bool,
}

impl TextKind {
    /// A value as a column of this type keeps it.
    pub(super) fn cell(self, cell: &Cell) -> Cell {
        match self {
            _ if *cell == Cell::Null => Cell::Null,
            TextKind::Int => cell.to_unix_time().or_else(|| cell.to_int()).map_or(Cell::Null, Cell::Int),
            TextKind::Double => cell.to_real().map_or(Cell::Null, Cell::Real),
            TextKind::Text => cell.to_text().map_or(Cell::Null, Cell::Text),
        }
    }
}

impl TextTable {
    /// An empty table with the columns of one of ours.
    pub(super) fn of(table: &Table) -> TextTable {
        let id = TextColumn { name: "id".into(), kind: TextKind::Int, is_counted: true, is_nullable: false };
        let columns = table.columns.iter().map(|column| TextColumn {
            name: column.name.to_owned(),
            kind: match column.kind {
                ColumnType::Int | ColumnType::Unsigned | ColumnType::Time => TextKind::Int,
                ColumnType::Real => TextKind::Double,
                ColumnType::Text(_) | ColumnType::LongText | ColumnType::Blob => TextKind::Text,
            },
            is_counted: false,
            is_nullable: column.is_nullable,
        });
        TextTable { columns: std::iter::once(id).chain(columns).collect(), rows: Vec::new() }
    }

    /// Reads a file. Errors: the line, and what is wrong with it.
    pub(super) fn parse(text: &[u8], format: Format) -> Result<TextTable, String> {
        let mut lines =
            text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let head = lines.next().unwrap_or_default();
        let words = head.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let columns = words.map(column).collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() {
            return Err("line 1: expected columns, like name(string) id(int,auto)".into());
        }
        let mut table = TextTable { columns, rows: Vec::new() };
        for (number, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            let row = table.read_row(line, format).map_err(|why| format!("line {}: {why}", number + 2))?;
            table.rows.push(row);
        }
        Ok(table)
    }

    fn read_row(&self, line: &[u8], format: Format) -> Result<Row, String> {
        let mut fields = Fields { rest: Some(line), delimiter: format.delimiter };
        let row: Row = self
            .columns
            .iter()
            .map(|column| {
                let field = fields.next().ok_or("fewer fields than columns")?;
                let text = || String::from_utf8_lossy(&field).into_owned();
                Ok(match column.kind {
                    TextKind::Text if field.is_empty() && format.empty_is_text => Cell::Text(Bytes::new()),
                    _ if field.is_empty() => Cell::Null,
                    TextKind::Text => Cell::Text(field.into()),
                    TextKind::Int => Cell::Int(
                        text().parse().map_err(|_| format!("{}: {} is no number", column.name, text()))?,
                    ),
                    TextKind::Double => Cell::Real(
                        text().parse().map_err(|_| format!("{}: {} is no number", column.name, text()))?,
                    ),
                })
            })
            .collect::<Result<_, String>>()?;
        // Kamailio's writer ends each row with a delimiter.
        match fields.next() {
            Some(more) if !more.is_empty() => Err("more fields than columns".into()),
            _ => Ok(row),
        }
    }

    /// The row that new values make. Errors: there is no such column, or one must have a value.
    pub(super) fn row_of(&self, values: &[(Name, Cell)]) -> Result<Row, String> {
        if let Some((name, _)) =
            values.iter().find(|(name, _)| !self.columns.iter().any(|it| it.name == name.as_str()))
        {
            return Err(format!("no such column: {}", name.as_str()));
        }
        let cell = |(at, column): (usize, &TextColumn)| {
            let given = values.iter().find(|(name, _)| name.as_str() == column.name);
            match given.map(|(_, cell)| column.kind.cell(cell)) {
                Some(cell) if cell != Cell::Null => Ok(cell),
                _ if column.is_counted => {
                    let highest = self.rows.iter().filter_map(|row| row[at].to_int()).max();
                    Ok(Cell::Int(highest.unwrap_or(0) + 1))
                }
                _ if column.is_nullable => Ok(Cell::Null),
                _ => match column.kind {
                    TextKind::Int => Ok(Cell::Int(0)),
                    TextKind::Double => Ok(Cell::Real(0.0)),
                    TextKind::Text => Ok(Cell::Text(Bytes::new())),
                },
            }
        };
        self.columns.iter().enumerate().map(cell).collect()
    }

    /// The file of the table.
    pub(super) fn print(&self, format: Format) -> Vec<u8> {
        let mut out = Vec::new();
        for column in &self.columns {
            let kind = match column.kind {
                TextKind::Int => "int",
                TextKind::Double => "double",
                TextKind::Text => "string",
            };
            let counted = if column.is_counted { ",auto" } else { "" };
            let nullable = if column.is_nullable { ",null" } else { "" };
            let space = if out.is_empty() { "" } else { " " };
            out.extend_from_slice(format!("{space}{}({kind}{counted}{nullable})", column.name).as_bytes());
        }
        out.push(b'\n');
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate() {
                if at > 0 {
                    out.push(format.delimiter);
                }
                write_field(&cell.to_text().unwrap_or_default(), format.delimiter, &mut out);
            }
            out.push(b'\n');
        }
        out
    }
}

fn column(word: &[u8]) -> Result<TextColumn, String> {
    let word = String::from_utf8_lossy(word).into_owned();
    let wrong = || format!("line 1: {word} is no column, expected name(int|double|string[,auto][,null])");
    let (name, rest) = word.split_once('(').ok_or_else(wrong)?;
    let mut parts = rest.strip_suffix(')').ok_or_else(wrong)?.split(',');
    let kind = match parts.next() {
        Some("int") => TextKind::Int,
        Some("double") => TextKind::Double,
        Some("str" | "string" | "blob") => TextKind::Text,
        _ => return Err(wrong()),
    };
    let attributes: Vec<&str> = parts.collect();
    if name.is_empty() || attributes.iter().any(|word| !["auto", "null"].contains(word)) {
        return Err(wrong());
    }
    let [is_counted, is_nullable] = ["auto", "null"].map(|word| attributes.contains(&word));
    Ok(TextColumn { name: name.to_owned(), kind, is_counted, is_nullable })
}

/// The fields of a row, escapes resolved.
struct Fields<'a> {
    rest: Option<&'a [u8]>,
    delimiter: u8,
}

impl Iterator for Fields<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let line = self.rest.take()?;
        let mut field = Vec::new();
        let mut at = 0;
        while at < line.len() {
            match line[at] {
                b'\\' => {
                    at += 1;
                    field.push(match line.get(at) {
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(b'0') => 0,
                        Some(other) => *other,
                        None => b'\\',
                    });
                }
                byte if byte == self.delimiter => {
                    self.rest = Some(&line[at + 1..]);
                    return Some(field);
                }
                byte => field.push(byte),
            }
            at += 1;
        }
        Some(field)
    }
}

fn write_field(text: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0 => out.extend_from_slice(b"\\0"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            byte if *byte == delimiter => out.extend_from_slice(&[b'\\', *byte]),
            byte => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Format, TextTable};
    use crate::store::{Cell, Name, table};

    const FORMAT: Format = Format { delimiter: b':', empty_is_text: false };

    #[test]
    fn rows_come_back_with_their_escapes() {
        let text = b"id(int,auto) user(string) q(double,null)\n1:a\\:b\\n\\\\c:0.5\n2:d:\n";
        let table = TextTable::parse(text, FORMAT).expect("a table");
        assert_eq!(table.rows[0], [Cell::Int(1), Cell::text(b"a:b\n\\c"), Cell::Real(0.5)]);
        assert_eq!(table.rows[1][2], Cell::Null);
        assert_eq!(table.print(FORMAT), text);
        let next = table.row_of(&[(Name::known("user"), Cell::Int(7))]);
        assert_eq!(next, Ok(vec![Cell::Int(3), Cell::text(b"7"), Cell::Null]));
        assert!(table.row_of(&[(Name::known("users"), Cell::Int(7))]).is_err());
    }

    #[test]
    fn what_is_no_table_says_which_line() {
        for (text, why) in [
            ("", "line 1: expected columns"),
            ("id(integer)", "line 1: id(integer) is no column"),
            ("id(int) a(str)\n1:x\n2", "line 3: fewer fields"),
            ("id(int)\nx", "line 2: id: x is no number"),
            ("id(int)\n1:2", "line 2: more fields"),
        ] {
            let error = TextTable::parse(text.as_bytes(), FORMAT).expect_err(text);
            assert!(error.starts_with(why), "{text}: {error}");
        }
    }

    #[test]
    fn tables_of_ours_can_be_text_tables() {
        let acc = TextTable::of(table("acc").expect("it is there"));
        let head = "id(int,auto) method(string) from_tag(string) to_tag(string) callid(string) \
                    sip_code(string) sip_reason(string) time(int)\n";
        assert_eq!(acc.print(FORMAT), head.as_bytes());
    }
}
