use proptest::prelude::*;

use super::*;

/// Gives its bytes a few at a time, as a pipe does.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len()).min(self.0.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

fn read(input: impl Read) -> Vec<Result<(u64, Vec<String>), BadRecord>> {
    let (mut records, mut fields, mut all) = (Records::new(input).unwrap(), ByteRecord::new(), Vec::new());
    while let Some(record) = records.next(&mut fields).unwrap() {
        let text = |field| String::from_utf8_lossy(field).into_owned();
        all.push(record.map(|line| (line, fields.iter().map(text).collect())));
    }
    all
}

/// `LINE:FIELD|FIELD` for each record, `LINE!` for a bad one.
fn told(text: &str) -> Vec<String> {
    let tell = |record: Result<(u64, Vec<String>), BadRecord>| match record {
        Ok((line, fields)) => format!("{line}:{}", fields.join("|")),
        Err(BadRecord { line, .. }) => format!("{line}!"),
    };
    read(text.as_bytes()).into_iter().map(tell).collect()
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    for (text, expected) in [
        ("a\n\nb\n", &["1:a", "3:b"][..]),
        ("a\r\n\nb\r\n", &["1:a", "3:b"]),
        ("a\n\r\nb\r\n", &["1:a", "3:b"]),
        ("a\nb\r\nc\nd", &["1:a", "2:b", "3:c", "4:d"]),
        ("a\r\nb\nc\r\nd", &["1:a", "2:b", "3:c", "4:d"]),
        ("a\rb\rc", &["1:a", "2:b", "3:c"]),
        ("a\r\rb\r\r\nc", &["1:a", "3:b", "5:c"]),
        ("a,\"1\r\n2\r3\n4\"\nb", &["1:a|1\r\n2\r3\n4", "5:b"]),
        ("\u{feff}\n\na", &["3:a"]),
        ("", &[]),
        ("\n\n", &[]),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn open_quote_spoils_only_its_line() {
    for (text, expected) in [
        ("a,\"oops\nb,c\nd,e\n", &["1!", "2:b|c", "3:d|e"][..]),
        // A quote of a later line closes it, and text follows.
        ("a,\"oops\nb,\"c\"\nd,e\n", &["1!", "2:b|c", "3:d|e"]),
        ("a,\"oops\nb,c\nd,\"big, blue\",e\n", &["1!", "2:b|c", "3:d|big, blue|e"]),
        ("a,\"oops\nb,\"oops\nc,d\n", &["1!", "2!", "3:c|d"]),
        ("a,\"oops\r\nb,c\rd", &["1!", "2:b|c", "3:d"]),
        ("a,\"", &["1!"]),
        ("a,\"b\"\"", &["1!"]),
        // The lines before the open quote are part of a good field.
        ("a,\"1\n2\",\"oops\nb,c\n", &["1!", "3:b|c"]),
    ] {
        assert_eq!(told(text), expected, "{text:?}");
    }
}

#[test]
fn text_behind_a_closing_quote_makes_its_line_bad() {
    assert_eq!(told("a,\"Mug 5\" tall,1\nb,c\n"), ["1!", "2:b|c"]);
    assert_eq!(told("a,\"1\n2\" x\nb,c\n"), ["1!", "2:2\" x", "3:b|c"]);
    assert_eq!(told("\"a\" ,b\nc\n"), ["1!", "2:c"]);
}

#[test]
fn bad_record_names_the_field() {
    let why = |text: &str| read(text.as_bytes()).remove(0).unwrap_err().why;
    assert_eq!(why("a,\"oops\n"), "the quote that opens field 2 is not closed");
    assert_eq!(why("\"a\nb\",\"oops\n"), "the quote that opens field 2 in line 2 is not closed");
    assert_eq!(why("a,b,\"c\"d\n"), "field 3 has text behind its closing quote");
}

#[test]
fn quotes_within_a_field_are_text() {
    assert_eq!(told("Mug 5\" tall,x\n"), ["1:Mug 5\" tall|x"]);
    assert_eq!(told("\"5\"\" tall\",\"\",\"\"\"\"\n"), ["1:5\" tall||\""]);
}

#[test]
fn rows_of_blank_fields_are_skipped() {
    assert_eq!(told(",,,\na,b\n , \n\"\",\"\"\nc,\n"), ["2:a|b", "5:c|"]);
}

#[test]
fn record_length_is_limited() {
    let text = "x".repeat(MAX_RECORD);
    let line = format!("a\n{text}x\nb\n");
    let read = |text: &str| told(text).into_iter().map(|told| told.chars().take(5).collect()).collect::<Vec<String>>();
    assert_eq!(read(&line), ["1:a", "2!", "3:b"]);
    // An open quote that nothing closes within the limit; what is behind it is read all the same.
    let rows = "c,d\n".repeat(MAX_RECORD / 2);
    let records = told(&format!("a,\"oops\n{rows}"));
    assert_eq!((records[0].as_str(), records[1].as_str(), records.len()), ("1!", "2:c|d", MAX_RECORD / 2 + 1));
    // The longest that is taken.
    let fits = format!("{}\n", "x".repeat(MAX_RECORD - 1));
    assert_eq!(read(&fits), ["1:xxx"]);
}

#[test]
fn delimiter_is_detected_from_the_header() {
    for (text, expected) in [
        ("sku,name\n", b','),
        ("sku;name\n", b';'),
        ("sku\tname\n", b'\t'),
        ("sku|name\n", b'|'),
        (",,\n;;\n\nsku;name, long\n", b';'),
        ("\"sku\";\"name\"\r\n", b';'),
        ("nothing\n", b','),
        ("", b','),
    ] {
        let mut records = Records::new(text.as_bytes()).unwrap();
        let score = |fields: &ByteRecord| fields.iter().filter(|field| matches!(*field, b"sku" | b"name")).count();
        records.choose_delimiter(score).unwrap();
        assert_eq!(records.delimiter, expected, "{text}");
    }
}

proptest! {
    #[test]
    fn well_formed_records_are_read_as_the_csv_crate_writes_them(
        rows in prop::collection::vec(prop::collection::vec("[a-c,;\" \r\né]{0,6}", 1..5), 0..8),
        chunk in 1_usize..20,
    ) {
        let rows: Vec<Vec<String>> =
            rows.into_iter().filter(|row| row.iter().any(|field| !field.trim_ascii().is_empty())).collect();
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let read: Vec<_> = read(Trickle(&file, chunk)).into_iter().map(|record| record.unwrap().1).collect();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_come(file in "[a,\"\r\n]{0,40}", chunk in 1_usize..5) {
        prop_assert_eq!(read(Trickle(file.as_bytes(), chunk)), read(file.as_bytes()));
    }

    #[test]
    fn every_line_with_text_is_read_or_told(file in "[a,\"\n]{0,40}") {
        let lines = file.split('\n').collect::<Vec<_>>();
        for record in read(file.as_bytes()) {
            let line = record.as_ref().map_or_else(|bad| bad.line, |(line, _)| *line);
            prop_assert!(lines.get(usize::try_from(line).unwrap() - 1).is_some_and(|text| !text.is_empty()));
        }
    }
}
