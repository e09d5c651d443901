//! Records of a CSV file (RFC 4180), read strictly.
//!
//! The reader of the crate `csv` takes every input: a quote that is never closed makes the rest of the file one field,
//! and text behind a closing quote becomes part of the field. An import that reads so loses good lines without a word,
//! so here both make a bad record, and reading goes on behind the line in which that quote opened. Lines are counted as
//! an editor does: LF, CRLF and CR each end one.

use std::io::{self, Read};

use csv::ByteRecord;

/// The most bytes that a record may have, line ends in quoted fields included.
const MAX_RECORD: usize = 1024 * 1024;

/// How much is read at once, at least.
const CHUNK: usize = 64 * 1024;

/// What can stand between two fields, the most common first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A record that is no good CSV.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadRecord {
    /// The line in which it begins.
    pub(super) line: u64,
    pub(super) why: String,
}

/// Reads the records of a file.
pub(super) struct Records<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where the bytes that are not read yet begin in `buffer`.
    start: usize,
    /// Whether all of the input is in `buffer`.
    complete: bool,
    /// The physical line that is read next, from 1.
    line: u64,
    delimiter: u8,
}

impl<R: Read> Records<R> {
    /// Reads the first bytes, and skips a byte order mark.
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut records = Self { input, buffer: Vec::new(), start: 0, complete: false, line: 1, delimiter: b',' };
        records.fill()?;
        if records.buffer.starts_with(b"\xef\xbb\xbf") {
            records.start = 3;
        }
        Ok(records)
    }

    /// The first bytes of the input, if nothing is read yet.
    pub(super) fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Chooses the delimiter with which the next record has the best score. Lines of nothing but delimiters are skipped.
    pub(super) fn choose_delimiter(&mut self, score: impl Fn(&ByteRecord) -> usize) -> io::Result<()> {
        while self.skip_line_of_delimiters()? {}
        let (mut fields, mut best) = (ByteRecord::new(), 0);
        for delimiter in DELIMITERS {
            if matches!(self.scan(delimiter, &mut fields)?, Scan::Record { .. }) && score(&fields) > best {
                best = score(&fields);
                self.delimiter = delimiter;
            }
        }
        Ok(())
    }

    /// Reads the next record into `fields` and returns its line, or why it is bad; `None` at the end. Records whose fields
    /// are all blank are skipped.
    pub(super) fn next(&mut self, fields: &mut ByteRecord) -> io::Result<Option<Result<u64, BadRecord>>> {
        while !self.unread().is_empty() || !self.complete {
            let line = self.line;
            match self.scan(self.delimiter, fields)? {
                Scan::Record { length, lines } => {
                    self.start += length;
                    self.line += lines;
                    if fields.iter().any(|field| !field.trim_ascii().is_empty()) {
                        return Ok(Some(Ok(line)));
                    }
                }
                Scan::Bad { field, mistake } => {
                    let why = mistake.describe(&field, line);
                    self.line += field.lines;
                    self.skip_line(field.start)?;
                    return Ok(Some(Err(BadRecord { line, why })));
                }
                Scan::Incomplete { field } => {
                    self.line += field.lines;
                    self.skip_line(field.start)?;
                    let why = format!("is longer than {} MiB; is a quote not closed?", MAX_RECORD >> 20);
                    return Ok(Some(Err(BadRecord { line, why })));
                }
            }
        }
        Ok(None)
    }

    /// Scans the next record. It is incomplete only if it is too long.
    fn scan(&mut self, delimiter: u8, fields: &mut ByteRecord) -> io::Result<Scan> {
        loop {
            let unread = self.unread();
            let window = unread.get(..MAX_RECORD).unwrap_or(unread);
            let complete = self.complete && window.len() == unread.len();
            let scan = Scanner { bytes: window, complete, delimiter, at: 0, lines: 0 }.record(fields);
            if !matches!(scan, Scan::Incomplete { .. }) || window.len() == MAX_RECORD {
                return Ok(scan);
            }
            self.fill()?;
        }
    }

    /// Skips the next line if there are only delimiters, quotes and blanks in it.
    fn skip_line_of_delimiters(&mut self) -> io::Result<bool> {
        let end = loop {
            match line_end(self.unread(), 0, self.complete) {
                None if !self.complete && self.unread().len() < MAX_RECORD => self.fill()?,
                end => break end,
            }
        };
        let empty = end.and_then(|end| self.unread().get(..end)).is_some_and(|line| {
            line.iter().all(|byte| matches!(byte, b' ' | b'"' | b'\r' | b'\n') || DELIMITERS.contains(byte))
        });
        if empty {
            self.skip_line(0)?;
        }
        Ok(empty)
    }

    /// Goes on behind the physical line in which the unread byte `from` is, however long the line is.
    fn skip_line(&mut self, mut from: usize) -> io::Result<()> {
        loop {
            let unread = self.unread();
            match line_end(unread, from, self.complete) {
                Some(end) => {
                    self.start += end;
                    self.line += 1;
                    return Ok(());
                }
                None if self.complete => {
                    self.start = self.buffer.len();
                    return Ok(());
                }
                None => {
                    // An LF may follow a CR at the end.
                    self.start += unread.len() - usize::from(unread.ends_with(b"\r"));
                    from = 0;
                    self.fill()?;
                }
            }
        }
    }

    /// Reads at least as much as is unread already, so that scanning a long record anew costs little.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let more = self.buffer.len().max(CHUNK);
        let read = self.input.by_ref().take(u64::try_from(more).unwrap_or(u64::MAX)).read_to_end(&mut self.buffer)?;
        self.complete = read < more;
        Ok(())
    }
}

/// Where the line that has the byte `from` ends, its line end included. `None` if that is not known yet.
fn line_end(bytes: &[u8], from: usize, complete: bool) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let at = from + rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(at + 2),
        (Some(b'\r'), None) if !complete => None,
        _ => Some(at + 1),
    }
}

/// A field as far as a message about it or reading on after it needs.
#[derive(Debug)]
struct FieldStart {
    /// Its first byte in the unread ones.
    start: usize,
    /// How many lines of the record end before it.
    lines: u64,
    /// Which it is, from 1.
    number: usize,
}

#[derive(Debug, Clone, Copy)]
enum Mistake {
    OpenQuote,
    TextBehindQuote,
}

impl Mistake {
    /// The message for a record that begins in `line`.
    fn describe(self, field: &FieldStart, line: u64) -> String {
        let place = if field.lines == 0 { String::new() } else { format!(" in line {}", line + field.lines) };
        let number = field.number;
        match self {
            Self::OpenQuote => format!("the quote that opens field {number}{place} is not closed"),
            Self::TextBehindQuote => format!("field {number}{place} has text behind its closing quote"),
        }
    }
}

#[derive(Debug)]
enum Scan {
    /// A record of so many bytes and line ends.
    Record { length: usize, lines: u64 },
    /// The field is no good CSV.
    Bad { field: FieldStart, mistake: Mistake },
    /// The bytes end within the field, and it is not the end of the file.
    Incomplete { field: FieldStart },
}

/// Splits one record.
struct Scanner<'a> {
    bytes: &'a [u8],
    /// Whether the file ends with `bytes`.
    complete: bool,
    delimiter: u8,
    at: usize,
    lines: u64,
}

/// What follows a field.
enum After {
    Delimiter,
    LineEnd,
    Text,
    Unknown,
}

impl Scanner<'_> {
    fn record(mut self, fields: &mut ByteRecord) -> Scan {
        fields.clear();
        let mut content = Vec::new();
        loop {
            let field = FieldStart { start: self.at, lines: self.lines, number: fields.len() + 1 };
            content.clear();
            if self.bytes.get(self.at) == Some(&b'"') {
                if !self.quoted(&mut content) {
                    return if self.complete {
                        Scan::Bad { field, mistake: Mistake::OpenQuote }
                    } else {
                        Scan::Incomplete { field }
                    };
                }
            } else {
                self.unquoted(&mut content);
            }
            fields.push_field(&content);
            match self.after_field() {
                After::Delimiter => {}
                After::LineEnd => return Scan::Record { length: self.at, lines: self.lines },
                // A field over several lines was more likely left open, and a later field's quote closed it.
                After::Text if self.lines > field.lines => return Scan::Bad { field, mistake: Mistake::OpenQuote },
                After::Text => return Scan::Bad { field, mistake: Mistake::TextBehindQuote },
                After::Unknown => return Scan::Incomplete { field },
            }
        }
    }

    /// Reads a field to the delimiter or line end behind it.
    fn unquoted(&mut self, content: &mut Vec<u8>) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == self.delimiter || matches!(byte, b'\r' | b'\n'));
        let field = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        content.extend_from_slice(field);
        self.at += field.len();
    }

    /// Reads a field to behind its closing quote; returns whether there is one.
    fn quoted(&mut self, content: &mut Vec<u8>) -> bool {
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            let next = self.bytes.get(self.at);
            match byte {
                b'"' if next == Some(&b'"') => {
                    content.push(b'"');
                    self.at += 1;
                }
                // A second quote may follow at the end of what is read so far.
                b'"' => return next.is_some() || self.complete,
                _ => {
                    if byte == b'\n' || (byte == b'\r' && next != Some(&b'\n')) {
                        self.lines += 1;
                    }
                    content.push(byte);
                }
            }
        }
        false
    }

    fn after_field(&mut self) -> After {
        match self.bytes.get(self.at) {
            Some(byte) if *byte == self.delimiter => {
                self.at += 1;
                After::Delimiter
            }
            Some(b'\r' | b'\n') => match line_end(self.bytes, self.at, self.complete) {
                Some(end) => {
                    self.at = end;
                    self.lines += 1;
                    After::LineEnd
                }
                None => After::Unknown,
            },
            Some(_) => After::Text,
            None if self.complete => After::LineEnd,
            None => After::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
