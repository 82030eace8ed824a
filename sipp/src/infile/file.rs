//! One injection file: its lines, the order calls take them in, its index.
//!
//! The text is kept as it was read, with the place of each line: a file of five million lines costs its own size
//! and 40 MB. A line is split when a field of it is asked for.

use std::collections::HashMap;
use std::fmt;

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
        }
    }
}

impl std::error::Error for InfileError {}

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

    /// Appends field number `field` of `line`. False when line or field does not exist.
    pub fn write_field(&self, line: u32, field: usize, out: &mut Vec<u8>) -> bool {
        let template_line = self.printf.map_or(line, |printf| printf.template_of(line));
        let Some(text) = (line < self.len()).then(|| self.raw_field(template_line, field)).flatten() else {
            return false;
        };
        match self.printf {
            Some(printf) => printf.write(text, line, out),
            None => out.extend_from_slice(text),
        }
        true
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
            Order::User if user == 0 => Ok(u32::MAX),
            Order::User if user > self.len() => {
                Err(InfileError::NoLineForUser(self.name.clone(), self.len(), user))
            }
            Order::User => Ok(user - 1),
            Order::Sequential => {
                let line = self.next;
                self.next = (line + self.step) % self.len().max(1);
                Ok(line)
            }
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
mod tests {
    use super::{Infile, InfileError};

    fn field(file: &Infile, line: u32, field: usize) -> Option<String> {
        let mut out = Vec::new();
        file.write_field(line, field, &mut out).then(|| String::from_utf8(out).expect("ascii"))
    }

    fn parse(text: &str) -> Infile {
        Infile::parse("a.csv", text.as_bytes().to_vec()).expect("valid file")
    }

    #[test]
    fn splits_lines_without_quoting_up_to_the_first_empty_line() {
        let file = parse("SEQUENTIAL\n# comment\n\"a;b\";c\r\n x ; y\n\nnever\n");
        assert_eq!(file.len(), 2);
        assert_eq!(field(&file, 0, 0).as_deref(), Some("\"a"));
        assert_eq!(field(&file, 0, 2).as_deref(), Some("c"));
        assert_eq!(field(&file, 1, 1).as_deref(), Some(" y"));
        assert_eq!((field(&file, 1, 2), field(&file, 2, 0)), (None, None));
    }

    #[test]
    fn only_the_line_ends_of_a_file_are_taken_off() {
        let file = parse("USER\r\n;a\rb;\r\n#x\n\u{feff}c\r\r\nlast");
        let row: Vec<_> = (0..4).map(|at| field(&file, 0, at)).collect();
        assert_eq!(row, [Some(String::new()), Some("a\rb".into()), Some(String::new()), None]);
        assert_eq!(field(&file, 1, 0).as_deref(), Some("\u{feff}c\r"));
        assert_eq!(field(&file, 2, 0).as_deref(), Some("last"));
        for (end, lines) in [("\n", 1), ("\r\n", 1), ("\r", 3)] {
            assert_eq!(parse(&format!("USER\na\n#\n{end}#\nb\n")).len(), lines, "{end:?}");
        }
    }

    #[test]
    fn calls_take_lines_in_the_order_of_the_file() {
        let mut sequential = parse("SEQUENTIAL\na\nb\n");
        let mut none = |_| 0;
        let taken: Vec<_> = (0..3).map(|_| sequential.pick_line(0, &mut none).expect("line")).collect();
        assert_eq!(taken, [0, 1, 0]);
        let mut part = parse("SEQUENTIAL\na\nb\nc\n");
        part.take_share(1, 2);
        let taken: Vec<_> = (0..4).map(|_| part.pick_line(0, &mut none).expect("line")).collect();
        assert_eq!(taken, [1, 0, 2, 1], "every second line, then the ones between");
        let mut random = parse("RANDOM\na\nb\nc\n");
        assert_eq!(random.pick_line(0, &mut |bound| bound - 1), Ok(2));
        let mut user = parse("USER\na\nb\n");
        assert_eq!(user.pick_line(2, &mut none), Ok(1));
        assert_eq!(user.pick_line(0, &mut none), Ok(u32::MAX));
        let error = user.pick_line(3, &mut none).expect_err("too few lines");
        assert_eq!(error.to_string(), "a.csv has only 2 lines, yet user 3 was requested.");
    }

    /// A scenario that replaces one line for days must not grow.
    #[test]
    fn replacing_a_line_frees_the_old_one() {
        let mut file = parse("SEQUENTIAL\nann;1\nbob;2\n");
        file.insert(b"eve;3").expect("insert");
        for number in 0..10_000 {
            file.replace(1, format!("bob;{number}").as_bytes()).expect("replace");
            file.replace(2, format!("eve;{number}").as_bytes()).expect("replace");
        }
        assert_eq!((file.replaced.len(), file.added.len()), (1, 1));
        assert_eq!(field(&file, 1, 1).as_deref(), Some("9999"));
        assert_eq!(field(&file, 2, 1).as_deref(), Some("9999"));
    }

    #[test]
    fn the_index_follows_insert_and_replace() {
        let mut file = parse("SEQUENTIAL\nann;1\nbob;2\nann;3\n");
        assert_eq!(file.lookup(b"ann"), None);
        file.build_index(0);
        assert_eq!(file.lookup(b"ann"), Some(Some(2)));
        assert_eq!(file.lookup(b"eve"), Some(None));
        file.insert(b"eve;4").expect("insert");
        assert_eq!(file.lookup(b"eve"), Some(Some(3)));
        file.replace(1, b"joe;5").expect("replace");
        assert_eq!((file.lookup(b"bob"), file.lookup(b"joe")), (Some(None), Some(Some(1))));
        let error = file.replace(9, b"x").expect_err("no such line");
        assert_eq!(error.to_string(), "Invalid line number (9) for file: a.csv (4 lines)");
    }

    #[test]
    fn printf_files_make_virtual_lines() {
        let file = parse("SEQUENTIAL,PRINTF=5,PRINTFOFFSET=100,PRINTFMULTIPLE=10\nu%d;%05d;%-4dx;lit%%d\n");
        assert_eq!(file.len(), 5);
        let row: Vec<_> = (0..4).map(|at| field(&file, 1, at).expect("field")).collect();
        assert_eq!(row, ["u110", "00110", "110 x", "lit%d"]);
        let mut file = file;
        assert_eq!(file.insert(b"x"), Err(InfileError::Printf("a.csv".into())));
        let error = Infile::parse("a.csv", b"USER,PRINTF=2\nw%x\n".to_vec()).expect_err("bad");
        assert_eq!(
            error.to_string(),
            "Invalid printf injection field (only decimal values allowed 'x'): w%x"
        );
    }

    #[test]
    fn broken_files_are_refused_with_the_texts_of_sipp() {
        let rows = [
            ("nothing\na\n", "Unknown file type (valid values are RANDOM, SEQUENTIAL, and USER) for a.csv:1"),
            ("RANDOM\n", "Input file has zero lines: a.csv"),
        ];
        for (text, expected) in rows {
            let error = Infile::parse("a.csv", text.as_bytes().to_vec()).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
    }
}
