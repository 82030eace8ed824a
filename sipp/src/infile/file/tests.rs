//! Files as users write them: lines, orders, the index, virtual lines, and what is wrong with some.

use super::{Infile, InfileError, ShortLine};

fn field(file: &Infile, line: u32, field: usize) -> Option<String> {
    let mut out = Vec::new();
    file.write_field(line, field, &mut out).ok()?;
    (line < file.len()).then(|| String::from_utf8(out).expect("ascii"))
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
    assert_eq!(error.to_string(), "Invalid printf injection field (only decimal values allowed 'x'): w%x");
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

#[test]
fn a_line_without_the_field_is_named_with_its_place() {
    let mut file = parse("SEQUENTIAL\n# users\nann;1\nbob\n\n");
    assert_eq!(file.first_without(0), None);
    assert_eq!(file.first_without(1), Some(ShortLine { number: Some(4), fields: 1 }));
    assert_eq!(file.first_without(2), Some(ShortLine { number: Some(3), fields: 2 }));
    let text = |file: &Infile, line, field| {
        file.write_field(line, field, &mut Vec::new()).expect_err("no such field").to_string()
    };
    assert_eq!(text(&file, 1, 1), "Field 1 not found in the file a.csv: its line 4 has 1 field");
    file.replace(1, b"bob;2").expect("replace");
    assert_eq!(
        text(&file, 1, 2),
        "Field 2 not found in the file a.csv: a line given by insert or replace has 2 fields"
    );
    assert_eq!(file.write_field(9, 0, &mut Vec::new()), Ok(()), "no such line: nothing to be had");
}
