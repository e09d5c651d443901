//! `entrepot import products`

mod row;

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use anyhow::Context;
use csv::{ByteRecord, ReaderBuilder};
use entrepot_application::{
    Error,
    product::{ImportRow, ProductService},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::row::Columns;
use super::{Failure, block_on, explain, print_line};
use crate::{backend::Backend, compose, config::Config};

/// How many products one transaction takes.
const TOGETHER: usize = 500;

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    created: usize,
    updated: usize,
    refused: usize,
}

pub(super) fn products(config: &Config, file: &Path) -> Result<(), Failure> {
    let (input, size) = open(file)?;
    let progress = progress(size);
    let input = progress.wrap_read(input);
    let backend = Backend::open(config).map_err(Failure::failed)?;
    let products = compose::compose(config, &backend).products;
    let refuse = |mistake: String| progress.suspend(|| eprintln!("{mistake}"));
    let outcome = import(&products, input, config, refuse);
    progress.finish_and_clear();
    backend.finish().map_err(Failure::failed)?;
    let Outcome { created, updated, refused } = outcome?;
    let all = created + updated;
    print_line(&format!("{all} products: {created} new, {updated} updated, {refused} lines refused"));
    if refused == 0 {
        Ok(())
    } else {
        Err(Failure::Failed(format!("{refused} lines were refused; the others are kept")))
    }
}

fn open(file: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if file == Path::new("-") {
        return Ok((Box::new(io::stdin()), None));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()));
    let opened = opened.map_err(Failure::failed)?;
    let size = opened.metadata().ok().map(|metadata| metadata.len());
    Ok((Box::new(opened), size))
}

fn progress(size: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(size, ProgressDrawTarget::stderr());
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Reads the file line by line, keeps what is good in batches, and tells `refuse` of each line that is not.
fn import(
    products: &ProductService,
    input: impl Read,
    config: &Config,
    refuse: impl Fn(String),
) -> Result<Outcome, Failure> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input);
    let mut record = ByteRecord::new();
    let columns = match reader.read_byte_record(&mut record) {
        Ok(true) => Columns::read(&record).map_err(Failure::Failed)?,
        Ok(false) => return Err(Failure::Failed("the file is empty; its first line must name the columns".to_owned())),
        Err(error) => return Err(Failure::failed(error)),
    };
    // The reader ends a line at its CR, and counts it at the LF, which it reads with the next one.
    let behind = u64::from(reader.position().line() == 1);
    let mut outcome = Outcome::default();
    let mut batch = Vec::with_capacity(TOGETHER);
    while reader.read_byte_record(&mut record).map_err(Failure::failed)? {
        let line = record.position().map_or(0, csv::Position::line) + behind;
        match columns.row(&record, config.default_currency) {
            Ok(row) => batch.push(row),
            Err(mistakes) => {
                outcome.refused += 1;
                refuse(format!("line {line}: {}", mistakes.join("; ")));
            }
        }
        if batch.len() == TOGETHER {
            keep(products, &mut batch, &mut outcome)?;
        }
    }
    keep(products, &mut batch, &mut outcome)?;
    Ok(outcome)
}

fn keep(products: &ProductService, batch: &mut Vec<ImportRow>, outcome: &mut Outcome) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    let kept = block_on(products.import(std::mem::take(batch)))?;
    let kept = kept.map_err(|error: Error| Failure::Failed(explain(&error)))?;
    outcome.created += kept.created.len();
    outcome.updated += kept.updated.len();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, sync::Arc};

    use entrepot_application::product::ProductPorts;
    use entrepot_domain::{
        MockClock, MockIdGenerator, Timestamp,
        product::{MockProductRepository, Upserted},
    };

    use super::*;

    /// Imports a text into a store that takes everything as new; the lines that were refused come with it.
    fn imported(text: &[u8]) -> (Result<Outcome, Failure>, Vec<String>) {
        let mut store = MockProductRepository::new();
        store.expect_upsert().returning(|imports, _| {
            Ok(Upserted { created: imports.iter().map(|import| import.id).collect(), updated: vec![] })
        });
        let (mut clock, mut ids) = (MockClock::new(), MockIdGenerator::new());
        clock.expect_now().returning(Timestamp::default);
        ids.expect_next().returning(Default::default);
        let products =
            ProductService::new(ProductPorts { products: Arc::new(store), clock: Arc::new(clock), ids: Arc::new(ids) });
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().to_str().unwrap().to_owned();
        let config = Config::from_vars(&|name| (name == "DATA_DIR").then(|| data_dir.clone())).unwrap();
        let refused = RefCell::new(Vec::new());
        let outcome = import(&products, text, &config, |mistake| refused.borrow_mut().push(mistake));
        (outcome, refused.into_inner())
    }

    #[test]
    fn bad_lines_are_told_by_number_and_good_ones_kept() {
        let (outcome, refused) = imported(
            b"sku,name,price,stock\r\nA,Mug,295,5\r\n,Cup,x,-1\r\nB,\"Two\nlines\",1,1\r\nC,Jug,100\r\nD,Pot,1.5,\r\nE,\xff,1,1\r\nF,Pan,7,\r\n",
        );
        assert_eq!(outcome.unwrap(), Outcome { created: 2, updated: 0, refused: 5 });
        assert_eq!(
            refused,
            [
                "line 3: sku must be 1 to 64 characters long; price must be a whole number of minor units; \
                 stock must be between 0 and 9007199254740991",
                "line 4: name must not contain control characters",
                "line 6: has 3 fields, not 4",
                "line 7: price must be a whole number of minor units",
                "line 8: name is not UTF-8",
            ]
        );
    }

    #[test]
    fn columns_may_come_in_any_order_after_a_byte_order_mark() {
        let (outcome, refused) = imported("\u{feff}Price, NAME ,sku,currency\n295,Mug,A,EUR\n".as_bytes());
        assert_eq!(outcome.unwrap().created, 1, "{refused:?}");
    }

    #[test]
    fn a_header_that_makes_no_sense_is_a_failure() {
        for header in ["", "sku,name\n", "sku,name,price,colour\n", "sku,sku,name,price\n"] {
            assert!(matches!(imported(header.as_bytes()).0, Err(Failure::Failed(_))), "{header}");
        }
    }
}
