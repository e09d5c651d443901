//! The columns of a file, and the cells of its rows.

use csv::ByteRecord;
use entrepot_domain::Invalid;

use super::text::{nearest, printable};

/// A column that a format knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// What the code calls it.
    pub(super) id: &'static str,
    /// How files spell it, in any case.
    names: &'static [&'static str],
    required: bool,
}

impl Column {
    /// A column without which a file makes no sense.
    pub(super) const fn required(id: &'static str, names: &'static [&'static str]) -> Self {
        Self { id, names, required: true }
    }

    pub(super) const fn optional(id: &'static str, names: &'static [&'static str]) -> Self {
        Self { id, names, required: false }
    }

    fn spelling(&self, name: &str) -> Option<&'static str> {
        self.names.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
    }
}

/// How many cells of a header are columns of these.
pub(super) fn count_known(known: &'static [Column], header: &ByteRecord) -> usize {
    header.iter().filter(|cell| find(known, &name(cell)).is_some()).count()
}

fn find(known: &'static [Column], name: &str) -> Option<(&'static str, &'static str)> {
    known.iter().find_map(|column| Some((column.id, column.spelling(name)?)))
}

fn name(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).trim().to_owned()
}

/// Which columns a file has.
#[derive(Debug)]
pub(super) struct Columns {
    /// The identifier, the spelling and the place of each that is known.
    places: Vec<(&'static str, &'static str, usize)>,
    /// How many there are, unknown ones included.
    count: usize,
}

impl Columns {
    /// Reads a header and ignores columns that are not known; returns all mistakes at once.
    pub(super) fn read(known: &'static [Column], header: &ByteRecord) -> Result<Self, Vec<String>> {
        let mut places: Vec<(&'static str, &'static str, usize)> = Vec::new();
        let mut mistakes = Vec::new();
        for (place, cell) in header.iter().enumerate() {
            let name = name(cell);
            let Some((id, spelling)) = find(known, &name) else {
                continue;
            };
            if places.iter().any(|(seen, ..)| *seen == id) {
                mistakes.push(format!("the column {} comes twice", printable(&name)));
            } else {
                places.push((id, spelling, place));
            }
        }
        for column in known.iter().filter(|column| column.required) {
            if !places.iter().any(|(id, ..)| *id == column.id) {
                mistakes.push(format!("the column {} is missing", column.names.join(" or ")));
            }
        }
        if mistakes.is_empty() { Ok(Self { places, count: header.len() }) } else { Err(mistakes) }
    }

    /// What there is to say of the columns of a header that are not known, each with the known one that is most like it.
    pub(super) fn unknown(known: &'static [Column], header: &ByteRecord) -> Vec<String> {
        let unknown = header.iter().map(name).filter(|name| find(known, name).is_none());
        unknown
            .map(|name| {
                let suggestion = nearest(&name, known.iter().flat_map(|column| column.names.iter().copied()));
                let suggestion = suggestion.map(|known| format!(" (did you mean {known}?)")).unwrap_or_default();
                format!("there is no column \"{}\"{suggestion}", printable(&name))
            })
            .collect()
    }

    /// The cells of a row, if it has as many as the header.
    pub(super) fn cells<'a>(&'a self, record: &'a ByteRecord) -> Result<Cells<'a>, Vec<String>> {
        if record.len() == self.count {
            Ok(Cells { columns: self, record, mistakes: Vec::new() })
        } else {
            Err(vec![format!("has {} fields, not {}", record.len(), self.count)])
        }
    }
}

/// The cells of a row, and what is wrong with it so far.
pub(super) struct Cells<'a> {
    columns: &'a Columns,
    record: &'a ByteRecord,
    mistakes: Vec<String>,
}

impl<'a> Cells<'a> {
    /// The text of a cell, if the file has its column. A cell that is not UTF-8 is a mistake.
    pub(super) fn text(&mut self, column: &'static str) -> Option<&'a str> {
        let (_, name, place) = self.columns.places.iter().find(|(id, ..)| *id == column)?;
        let text = std::str::from_utf8(self.record.get(*place)?);
        text.map_err(|_| self.mistakes.push(format!("{name} is not UTF-8"))).ok()
    }

    /// The text of a cell that is not blank, without the white space around it.
    pub(super) fn filled(&mut self, column: &'static str) -> Option<&'a str> {
        self.text(column).map(str::trim).filter(|text| !text.is_empty())
    }

    /// What a cell must say.
    pub(super) fn required<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let text = self.text(column)?;
        self.note(column, parse(text))
    }

    /// What a cell says that may be blank or missing altogether.
    pub(super) fn optional<T>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let text = self.text(column).filter(|text| !text.trim().is_empty())?;
        self.note(column, parse(text))
    }

    /// Adds a mistake, under the name that the file gives the column.
    pub(super) fn note<T>(&mut self, column: &'static str, parsed: Result<T, Invalid>) -> Option<T> {
        let place = self.columns.places.iter().find(|(id, ..)| *id == column);
        let name = place.map_or(column, |(_, name, _)| name);
        parsed.map_err(|why| self.mistakes.push(format!("{name} {why}"))).ok()
    }

    /// The mistakes.
    pub(super) fn finish(self) -> Vec<String> {
        self.mistakes
    }
}
