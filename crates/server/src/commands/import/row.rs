//! Lines of a catalogue file.

use csv::ByteRecord;
use entrepot_application::product::ImportRow;
use entrepot_domain::{
    Currency, Description, Invalid, Money,
    product::{ProductName, Sku, Stock},
};

/// The columns that a file may have.
const KNOWN: [&str; 6] = ["sku", "name", "price", "description", "stock", "currency"];
const REQUIRED: [&str; 3] = ["sku", "name", "price"];

/// Which columns a file has, in its order.
#[derive(Debug)]
pub(super) struct Columns(Vec<&'static str>);

impl Columns {
    /// Reads the first line. Case and white space do not matter, nor a byte order mark.
    pub(super) fn read(header: &ByteRecord) -> Result<Self, String> {
        let mut columns = Vec::new();
        for name in header {
            let name = String::from_utf8_lossy(name);
            let name = name.trim_start_matches('\u{feff}').trim().to_ascii_lowercase();
            let Some(known) = KNOWN.into_iter().find(|known| *known == name) else {
                return Err(format!("there is no column {name}; the columns are {}", KNOWN.join(", ")));
            };
            if columns.contains(&known) {
                return Err(format!("the column {name} comes twice"));
            }
            columns.push(known);
        }
        match REQUIRED.into_iter().find(|required| !columns.contains(required)) {
            Some(missing) => Err(format!("the column {missing} is missing; {} are needed", REQUIRED.join(", "))),
            None => Ok(Self(columns)),
        }
    }

    /// Reads a line; everything that is wrong with it comes at once.
    pub(super) fn row(&self, record: &ByteRecord, currency: Currency) -> Result<ImportRow, Vec<String>> {
        if record.len() != self.0.len() {
            return Err(vec![format!("has {} fields, not {}", record.len(), self.0.len())]);
        }
        let mut line = Line { columns: &self.0, record, mistakes: Vec::new() };
        let sku = line.read("sku", Sku::parse);
        let name = line.read("name", ProductName::parse);
        let amount = line.read("price", |text| whole(text, "must be a whole number of minor units"));
        let description = line.optional("description", Description::parse);
        let stock = line.optional("stock", |text| whole(text, "must be a whole number").and_then(Stock::new));
        let currency = line.optional("currency", str::parse::<Currency>).unwrap_or(currency);
        let price = amount.and_then(|amount| line.note("price", Money::new(amount, currency)));
        match (sku, name, price) {
            (Some(sku), Some(name), Some(price)) if line.mistakes.is_empty() => {
                Ok(ImportRow { sku, name, price, description, stock })
            }
            _ => Err(line.mistakes),
        }
    }
}

fn whole(text: &str, why: &'static str) -> Result<i64, Invalid> {
    text.trim().parse().map_err(|_| Invalid::new(why))
}

struct Line<'a> {
    columns: &'a [&'static str],
    record: &'a ByteRecord,
    mistakes: Vec<String>,
}

impl<'a> Line<'a> {
    fn text(&mut self, column: &str) -> Option<&'a str> {
        let place = self.columns.iter().position(|known| *known == column)?;
        let text = std::str::from_utf8(self.record.get(place)?);
        text.map_err(|_| self.mistakes.push(format!("{column} is not UTF-8"))).ok()
    }

    fn read<T>(&mut self, column: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let text = self.text(column)?;
        self.note(column, parse(text))
    }

    /// A field that may be empty, or missing altogether.
    fn optional<T>(&mut self, column: &str, parse: impl FnOnce(&str) -> Result<T, Invalid>) -> Option<T> {
        let text = self.text(column).filter(|text| !text.trim().is_empty())?;
        self.note(column, parse(text))
    }

    fn note<T>(&mut self, column: &str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|why| self.mistakes.push(format!("{column} {why}"))).ok()
    }
}

#[cfg(test)]
mod tests {
    use csv::ReaderBuilder;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_line_is_a_product_or_says_why_not(file in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "(([A-Za-z0-9 é]{0,5}|\"[^\"]{0,5}\"),){0,6}\n(([A-Z0-9]{1,3}),([a-z]{0,3}),(-?[0-9]{0,20})\n){0,6}".prop_map(String::into_bytes),
        ]) {
            let header = ByteRecord::from(vec!["sku", "name", "price"]);
            let columns = Columns::read(&header).unwrap();
            let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file.as_slice());
            for record in reader.byte_records() {
                let record = record.unwrap();
                match columns.row(&record, Currency::default()) {
                    Ok(row) => prop_assert_eq!(row.sku.as_str().as_bytes(), record[0].trim_ascii()),
                    Err(mistakes) => prop_assert!(!mistakes.is_empty()),
                }
                prop_assert!(Columns::read(&record).is_err() || record.len() >= REQUIRED.len());
            }
        }
    }
}
