//! One injection file: its lines, the order calls take them in, its index.
//!
//! The text is kept as it was read, with the place of each line: a file of five million lines costs its own size
//! and 40 MB. A line is split when a field of it is asked for.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use super::index::Index;
use super::printf::{self, Printf};

/// In which order calls take lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One after the other, starting again at the end.
    Sequential,
    /// Any.
    Random,
    /// The line of the call's user.
    User,
}

/// An injection file.
#[derive(Clone, Debug)]
pub struct Infile {
    name: String,
    order: Order,
    /// The file.
    text: Vec<u8>,
    /// Where in `text` each data line begins.
    starts: Vec<usize>,
    /// Lines that were replaced.
    replaced: HashMap<u32, Box<[u8]>>,
    /// Lines that were appended, behind those of the file.
    added: Vec<Box<[u8]>>,
    printf: Option<Printf>,
    next: u32,
    /// Distance of the lines that calls take one after the other.
    step: u32,
    index: Option<Index>,
}

/// What is wrong with a file or its use. Texts are SIPp's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InfileError {
    /// The first line names no order; file and line number.
    UnknownType(String, u32),
    /// No data line.
    NoLines(String),
    /// File, number of lines, user.
    NoLineForUser(String, u32, u32),
    /// Line number, file, number of lines.
    InvalidLine(i64, String, u32),
    /// Lines of a PRINTF file cannot be changed.
    Printf(String),
    /// A conversion other than a decimal one; its letter and the field.
    Conversion(char, String),
    /// Field, file, and the line that does not have it.
    NoField(usize, String, ShortLine),
    /// What stands in a field that should have an IP address; field, file, line as `line=` counts.
    NoAddress(String, usize, String, u32),
}

/// A line with too few fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortLine {
    /// Its number in the file, from 1; `None` for one that `insert` or `replace` gave.
    pub number: Option<u32>,
    /// How many fields it has.
    pub fields: usize,
}

impl fmt::Display for InfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InfileError::UnknownType(file, line) => write!(
                f,
                "Unknown file type (valid values are RANDOM, SEQUENTIAL, and USER) for {file}:{line}"
            ),
            InfileError::NoLines(file) => write!(f, "Input file has zero lines: {file}"),
            InfileError::NoLineForUser(file, lines, user) => {
                write!(f, "{file} has only {lines} lines, yet user {user} was requested.")
            }
            InfileError::InvalidLine(line, file, lines) => {
                write!(f, "Invalid line number ({line}) for file: {file} ({lines} lines)")
            }
            InfileError::Printf(file) => write!(f, "Lines of the PRINTF file {file} can not be changed"),
            InfileError::Conversion(letter, field) => {
                write!(f, "Invalid printf injection field (only decimal values allowed '{letter}'): {field}")
            }
            InfileError::NoField(field, file, line) => {
                write!(f, "Field {field} not found in the file {file}: {line}")
            }
            InfileError::NoAddress(text, field, file, line) => {
                write!(f, "'{text}' in field {field} of the file {file} (line {line}) is no IP address")
            }
        }
    }
}

impl std::error::Error for InfileError {}

impl fmt::Display for ShortLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ShortLine { number, fields } = self;
        let many = if *fields == 1 { "" } else { "s" };
        match number {
            // What stands in the fields may be a password.
            Some(number) => write!(f, "its line {number} has {fields} field{many}"),
            None => write!(f, "a line given by insert or replace has {fields} field{many}"),
        }
    }
}

impl Infile {
    /// Reads a whole file. `name` is its base name.
    ///
    /// Errors: `UnknownType` when the first line names no order, `NoLines`, `Conversion`.
    pub fn parse(name: &str, text: Vec<u8>) -> Result<Infile, InfileError> {
        let head_end = memchr::memchr(b'\n', &text).unwrap_or(text.len());
        let head = String::from_utf8_lossy(&text[..head_end]).into_owned();
        let order = [("RANDOM", Order::Random), ("SEQUENTIAL", Order::Sequential), ("USER", Order::User)]
            .into_iter()
            .find(|(word, _)| head.contains(word))
            .map(|(_, order)| order)
            .ok_or_else(|| InfileError::UnknownType(name.into(), 1))?;
        let mut file = Infile {
            name: name.into(),
            order,
            starts: data_lines(&text, head_end + 1),
            text,
            replaced: HashMap::new(),
            added: Vec::new(),
            printf: None,
            next: 0,
            step: 1,
            index: None,
        };
        if file.starts.is_empty() {
            return Err(InfileError::NoLines(name.into()));
        }
        file.printf = Printf::parse(&head, file.real_len());
        file.check_conversions()?;
        Ok(file)
    }

    /// Base name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of lines, virtual ones included.
    pub fn len(&self) -> u32 {
        self.printf.map_or(self.real_len(), |printf| printf.count)
    }

    /// Always false: a file without lines is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Builds the index of `-infindex`.
    pub fn build_index(&mut self, field: usize) {
        let lines = u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        self.index = Some(Index::build(field, lines, |line| self.read_field(line, field)));
    }

    /// The last line whose indexed field is `key`. `None` without index; `Some(None)` when absent.
    pub fn lookup(&self, key: &[u8]) -> Option<Option<u32>> {
        let index = self.index.as_ref()?;
        Some(index.find(key, |line| self.read_field(line, index.field)))
    }

    /// Appends field number `field` of `line`; nothing when there is no such line. Errors: `NoField`.
    pub fn write_field(&self, line: u32, field: usize, out: &mut Vec<u8>) -> Result<(), InfileError> {
        if line >= self.len() {
            return Ok(());
        }
        let template_line = self.printf.map_or(line, |printf| printf.template_of(line));
        let Some(text) = self.raw_field(template_line, field) else {
            return Err(InfileError::NoField(field, self.name.clone(), self.short_line(template_line)));
        };
        match self.printf {
            Some(printf) => printf.write(text, line, out),
            None => out.extend_from_slice(text),
        }
        Ok(())
    }

    /// The IP address in a field, IPv6 with or without brackets. Errors: `NoField`, `NoAddress`.
    pub fn address(&self, line: u32, field: usize) -> Result<IpAddr, InfileError> {
        let mut text = Vec::new();
        self.write_field(line, field, &mut text)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        text.trim()
            .trim_matches(['[', ']'])
            .parse()
            .map_err(|_| InfileError::NoAddress(text, field, self.name.clone(), line))
    }

    /// The first line of the file that does not have the field.
    pub fn first_without(&self, field: usize) -> Option<ShortLine> {
        let lines = 0..u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        let short = lines.into_iter().find(|line| self.read_field(*line, field).is_none())?;
        Some(self.short_line(short))
    }

    fn short_line(&self, line: u32) -> ShortLine {
        let separators = self.raw_line(line).map_or(0, |text| memchr::memchr_iter(SEPARATOR, text).count());
        let start = self.starts.get(line as usize).filter(|_| !self.replaced.contains_key(&line));
        let number = start.map(|start| memchr::memchr_iter(b'\n', &self.text[..*start]).count() as u32 + 1);
        ShortLine { number, fields: separators + 1 }
    }

    /// Of the lines in order, take every `of`-th only, from the `index`-th on: the other calls take the others.
    pub(super) fn take_share(&mut self, index: u32, of: u32) {
        self.next = index % self.len().max(1);
        self.step = of.max(1);
    }

    /// The line a new call of `user` takes; `u32::MAX` for "none".
    ///
    /// Errors: `NoLineForUser` when a `USER` file is too short.
    pub(super) fn pick_line(
        &mut self,
        user: u32,
        random: &mut impl FnMut(u64) -> u64,
    ) -> Result<u32, InfileError> {
        match self.order {
            Order::Random => Ok(random(u64::from(self.len())) as u32),
            Order::User => self.line_of_user(user),
            Order::Sequential => {
                let line = self.next;
                self.next = (line + self.step) % self.len().max(1);
                Ok(line)
            }
        }
    }

    /// The line of a user in a `USER` file; `u32::MAX` for user 0 and for files of another order.
    ///
    /// Errors: `NoLineForUser` when the file is too short.
    pub fn line_of_user(&self, user: u32) -> Result<u32, InfileError> {
        match user.checked_sub(1).filter(|_| self.order == Order::User) {
            None => Ok(u32::MAX),
            Some(line) if line < self.len() => Ok(line),
            Some(_) => Err(InfileError::NoLineForUser(self.name.clone(), self.len(), user)),
        }
    }

    /// Appends a line. Errors: `Printf`.
    pub fn insert(&mut self, line: &[u8]) -> Result<(), InfileError> {
        self.refuse_printf()?;
        self.added.push(line.into());
        self.index_line(self.real_len() - 1);
        Ok(())
    }

    /// Replaces a line. Errors: `Printf`, `InvalidLine`.
    pub fn replace(&mut self, number: i64, line: &[u8]) -> Result<(), InfileError> {
        self.refuse_printf()?;
        let Some(at) = u32::try_from(number).ok().filter(|at| *at < self.real_len()) else {
            return Err(InfileError::InvalidLine(number, self.name.clone(), self.len()));
        };
        if let Some(mut index) = self.index.take() {
            if let Some(old) = self.raw_field(at, index.field)
                && index.find(old, |line| self.read_field(line, index.field)) == Some(at)
            {
                index.set(old, None);
            }
            self.index = Some(index);
        }
        match (at as usize).checked_sub(self.starts.len()) {
            // What stood there before is freed: a scenario may replace for days.
            Some(added) => self.added[added] = line.into(),
            None => {
                self.replaced.insert(at, line.into());
            }
        }
        self.index_line(at);
        Ok(())
    }

    fn index_line(&mut self, at: u32) {
        if let Some(mut index) = self.index.take() {
            if let Some(key) = self.raw_field(at, index.field) {
                index.set(key, Some(at));
            }
            self.index = Some(index);
        }
    }

    /// Number of lines without virtual ones.
    fn real_len(&self) -> u32 {
        // Nobody has four thousand million lines; those would not be reached.
        u32::try_from(self.starts.len() + self.added.len()).unwrap_or(u32::MAX)
    }

    fn refuse_printf(&self) -> Result<(), InfileError> {
        if self.printf.is_some() { Err(InfileError::Printf(self.name.clone())) } else { Ok(()) }
    }

    fn raw_field(&self, line: u32, field: usize) -> Option<&[u8]> {
        field_of(self.raw_line(line)?, field)
    }

    /// The field of a line of the file as it was read, whatever became of the line.
    fn read_field(&self, line: u32, field: usize) -> Option<&[u8]> {
        field_of(self.read_line(line)?, field)
    }

    fn raw_line(&self, line: u32) -> Option<&[u8]> {
        if let Some(replaced) = self.replaced.get(&line) {
            return Some(replaced);
        }
        self.read_line(line)
            .or_else(|| self.added.get((line as usize).checked_sub(self.starts.len())?).map(|line| &**line))
    }

    fn read_line(&self, line: u32) -> Option<&[u8]> {
        let text = &self.text[*self.starts.get(line as usize)?..];
        let text = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
        Some(text.strip_suffix(b"\r").unwrap_or(text))
    }

    fn check_conversions(&self) -> Result<(), InfileError> {
        if self.printf.is_none() {
            return Ok(());
        }
        for number in 0..self.real_len() {
            for field in (0..).map_while(|field| self.raw_field(number, field)) {
                if let Some(letter) = printf::foreign_conversion(field) {
                    let field = String::from_utf8_lossy(field).into_owned();
                    return Err(InfileError::Conversion(letter, field));
                }
            }
        }
        Ok(())
    }
}

fn field_of(line: &[u8], field: usize) -> Option<&[u8]> {
    let mut rest = line;
    for _ in 0..field {
        rest = &rest[memchr::memchr(SEPARATOR, rest)? + 1..];
    }
    Some(&rest[..memchr::memchr(SEPARATOR, rest).unwrap_or(rest.len())])
}

/// Where the data lines begin, from `at` up to the first empty line; comments are left out.
fn data_lines(text: &[u8], mut at: usize) -> Vec<usize> {
    let mut starts = Vec::new();
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |len| at + len);
        match &text[at..end] {
            b"" | b"\r" => break,
            [b'#', ..] => {}
            _ => starts.push(at),
        }
        at = end + 1;
    }
    starts
}

/// Stands between fields; there is no quoting.
const SEPARATOR: u8 = b';';

#[cfg(test)]
mod tests;
