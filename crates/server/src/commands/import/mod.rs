//! `entrepot import products`

mod columns;
mod format;
mod input;
mod price;
mod records;
mod text;

use std::{collections::BTreeMap, io::Read, path::PathBuf};

use clap::Args;
use csv::ByteRecord;
use entrepot_application::{
    Error,
    product::{ImportRow, ProductService},
};

use self::{
    format::{Layout, Row, Source},
    records::{BadRecord, Records},
};
use super::{Failure, block_on, counted, explain, print_line};
use crate::{backend::Backend, compose, config::Config};

/// How many products one transaction takes.
const BATCH_SIZE: usize = 500;

#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// A CSV file in UTF-8 with the columns sku,name,price and, if you like, description,stock,currency; - is stdin.
    /// The columns may also be separated by semicolons, tabs or |
    file: PathBuf,
    /// Take prices as 2.95, with the digits of their currency, instead of minor units (295)
    #[arg(long)]
    decimal: bool,
    /// Take the product export of another program as it is: its variants become products
    #[arg(long, value_enum, value_name = "PROGRAM")]
    from: Option<Source>,
}

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    created: usize,
    updated: usize,
    refused: usize,
    /// How many rows were left out, by why.
    left_out: BTreeMap<&'static str, usize>,
}

pub(super) fn products(config: &Config, arguments: &ImportArguments) -> Result<(), Failure> {
    let (input, size) = input::open(&arguments.file)?;
    let progress = input::progress(size);
    let input = progress.wrap_read(input);
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let products = compose::compose(config, &backend).products;
    let layout = Layout { from: arguments.from, decimal: arguments.decimal, currency: config.default_currency };
    let refuse = |mistake: String| progress.suspend(|| eprintln!("{mistake}"));
    let outcome = Import { products: &products, refuse: &refuse, batch: Vec::new(), outcome: Outcome::default() }
        .run(input, layout);
    progress.finish_and_clear();
    backend.finish().map_err(Failure::failed)?;
    let outcome = outcome?;
    for line in outcome.summary() {
        print_line(&line);
    }
    match outcome.refused {
        0 => Ok(()),
        1 => Err(Failure::Failed("1 line was refused; the others are kept".to_owned())),
        refused => Err(Failure::Failed(format!("{refused} lines were refused; the others are kept"))),
    }
}

impl Outcome {
    fn summary(&self) -> Vec<String> {
        let Self { created, updated, refused, left_out } = self;
        let all = counted(created + updated, "product");
        let mut lines = vec![format!("{all}: {created} new, {updated} updated, {} refused", counted(*refused, "line"))];
        if !left_out.is_empty() {
            let left_out: Vec<_> = left_out.iter().map(|(why, count)| format!("{count} {why}")).collect();
            lines.push(format!("left out: {}", left_out.join(", ")));
        }
        lines
    }
}

/// An import that runs.
struct Import<'a> {
    products: &'a ProductService,
    /// Is told of each line that is refused.
    refuse: &'a dyn Fn(String),
    /// Products that are not kept yet, each with its line.
    batch: Vec<(u64, ImportRow)>,
    outcome: Outcome,
}

impl Import<'_> {
    /// Reads a file record by record and keeps what is good, a batch at a time.
    fn run(mut self, input: impl Read, layout: Layout) -> Result<Outcome, Failure> {
        let mut records = Records::new(input).map_err(Failure::failed)?;
        if let Some(format) = text::foreign_format(records.unread()) {
            let why = "this is no CSV in UTF-8: it looks like";
            return Err(Failure::Failed(format!("{why} {format}; save it as CSV in UTF-8 and import that")));
        }
        records.choose_delimiter(|header| layout.score(header)).map_err(Failure::failed)?;
        let mut record = ByteRecord::new();
        let (columns, mut format) = match records.next(&mut record).map_err(Failure::failed)? {
            Some(Ok(_)) => layout.open(&record).map_err(Failure::Failed)?,
            Some(Err(BadRecord { line, why })) => return Err(Failure::Failed(format!("line {line}: {why}"))),
            None => return Err(Failure::Failed("the file is empty; its first line must name the columns".to_owned())),
        };
        while let Some(read) = records.next(&mut record).map_err(Failure::failed)? {
            match read {
                Ok(line) => {
                    let row = columns.cells(&record).and_then(|cells| format.row(cells));
                    self.take(line, row)?;
                }
                Err(BadRecord { line, why }) => self.refuse(line, &why),
            }
        }
        self.keep()?;
        Ok(self.outcome)
    }

    fn take(&mut self, line: u64, row: Result<Row, Vec<String>>) -> Result<(), Failure> {
        match row {
            Ok(Row::Product(row)) => self.batch.push((line, *row)),
            Ok(Row::PartOfAnother) => {}
            Ok(Row::LeftOut(why)) => *self.outcome.left_out.entry(why).or_default() += 1,
            Err(mistakes) => self.refuse(line, &mistakes.join("; ")),
        }
        if self.batch.len() == BATCH_SIZE { self.keep() } else { Ok(()) }
    }

    fn refuse(&mut self, line: u64, why: &str) {
        self.outcome.refused += 1;
        (self.refuse)(format!("line {line}: {why}"));
    }

    /// Writes the batch to the store.
    fn keep(&mut self) -> Result<(), Failure> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let (lines, rows): (Vec<_>, Vec<_>) = self.batch.drain(..).unzip();
        let kept = block_on(self.products.import(rows))?;
        let kept = kept.map_err(|error: Error| Failure::Failed(explain(&error)))?;
        self.outcome.created += kept.created.len();
        self.outcome.updated += kept.updated.len();
        for (index, why) in kept.refused {
            self.refuse(lines.get(index).copied().unwrap_or_default(), &format!("price {why}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
