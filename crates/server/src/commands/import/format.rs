//! The formats of catalogue files.

mod magento;
mod own;
mod shopify;
mod woocommerce;

use clap::ValueEnum;
use csv::ByteRecord;
use entrepot_application::product::ImportRow;
use entrepot_domain::{
    Currency, Description,
    product::{ImportPrice, ProductName, Sku, Stock},
};

use super::{
    columns::{Cells, Column, Columns, count_known},
    price::{PriceStyle, exported_stock, stock},
    text::from_html,
};

/// A program whose product export can be read as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::commands) enum Source {
    Shopify,
    #[value(name = "woocommerce")]
    WooCommerce,
    Magento,
}

impl Source {
    const ALL: [Self; 3] = [Self::Shopify, Self::WooCommerce, Self::Magento];

    const fn name(self) -> &'static str {
        match self {
            Self::Shopify => "Shopify",
            Self::WooCommerce => "WooCommerce",
            Self::Magento => "Magento",
        }
    }

    const fn option(self) -> &'static str {
        match self {
            Self::Shopify => "--from shopify",
            Self::WooCommerce => "--from woocommerce",
            Self::Magento => "--from magento",
        }
    }

    /// The message for a header with mistakes. `WooCommerce` translates its columns into the language of who exports.
    fn wrong_header(self, mistakes: &[String]) -> String {
        let why = format!("this is no product export of {}: {}", self.name(), mistakes.join("; "));
        match self {
            Self::WooCommerce => format!("{why}; if its columns are in another language, export it again in English"),
            Self::Shopify | Self::Magento => why,
        }
    }

    const fn columns(self) -> &'static [Column] {
        match self {
            Self::Shopify => shopify::COLUMNS,
            Self::WooCommerce => woocommerce::COLUMNS,
            Self::Magento => magento::COLUMNS,
        }
    }
}

/// What a row of a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    Product(Box<ImportRow>),
    /// More about a product of another row, such as a picture or a translation.
    PartOfAnother,
    /// Something that is not sold here, and why.
    LeftOut(&'static str),
}

/// Makes products of rows. It may remember what rows above said.
pub(super) trait Format {
    /// Reads a row; all that is wrong with it comes at once.
    fn row(&mut self, cells: Cells<'_>) -> Result<Row, Vec<String>>;
}

/// Which format a file is in, as the command line says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) from: Option<Source>,
    pub(super) decimal: bool,
    pub(super) currency: Currency,
}

impl Layout {
    fn columns(self) -> &'static [Column] {
        self.from.map_or(own::COLUMNS, Source::columns)
    }

    /// How well a header fits: by its columns that are known, then by how many it has.
    pub(super) fn score(self, header: &ByteRecord) -> usize {
        count_known(self.columns(), header) * 1_000 + header.len().min(999)
    }

    /// Reads a header; all that is wrong with it comes at once.
    pub(super) fn open(self, header: &ByteRecord) -> Result<(Columns, Box<dyn Format>), String> {
        let Some(source) = self.from else {
            return self.open_own(header);
        };
        let columns = Columns::read(source.columns(), header).map_err(|mistakes| source.wrong_header(&mistakes))?;
        let format: Box<dyn Format> = match source {
            Source::Shopify => Box::new(shopify::Shopify::new(self.currency)),
            Source::WooCommerce => Box::new(woocommerce::WooCommerce::new(self.currency)),
            Source::Magento => Box::new(magento::Magento::new(self.currency)),
        };
        Ok((columns, format))
    }

    fn open_own(self, header: &ByteRecord) -> Result<(Columns, Box<dyn Format>), String> {
        let mut mistakes = Columns::unknown(own::COLUMNS, header);
        let columns = Columns::read(own::COLUMNS, header);
        if let Err(more) = &columns {
            mistakes.extend_from_slice(more);
        }
        match columns {
            Ok(columns) if mistakes.is_empty() => {
                let style = if self.decimal { PriceStyle::Decimal } else { PriceStyle::Minor };
                Ok((columns, Box::new(own::Own::new(style, self.currency))))
            }
            _ => Err(foreign_header(header).unwrap_or_else(|| {
                let known: Vec<_> = own::COLUMNS.iter().map(|column| column.id).collect();
                format!("{}; the columns are {}", mistakes.join("; "), known.join(", "))
            })),
        }
    }
}

/// What there is to say of a header that another program writes.
fn foreign_header(header: &ByteRecord) -> Option<String> {
    let source = Source::ALL.into_iter().find(|source| Columns::read(source.columns(), header).is_ok())?;
    Some(format!("this looks like a product export of {}: use {}", source.name(), source.option()))
}

/// A product as the export of another program has it, whose column of prices is called `price` and so on.
struct Exported<'a> {
    sku: &'a str,
    name: &'a str,
    description: &'a str,
    stock: Option<Stock>,
    currency: Currency,
}

impl Exported<'_> {
    fn row(self, mut cells: Cells<'_>) -> Result<Row, Vec<String>> {
        let sku = cells.note("sku", Sku::parse(self.sku));
        let name = cells.note("name", ProductName::parse(self.name));
        let price = cells.required("price", |text| PriceStyle::Exported.parse(text, None, self.currency));
        let description = Some(self.description).filter(|text| !text.is_empty());
        let description = description.and_then(|text| cells.note("description", Description::parse(text)));
        product(cells, sku, name, price, description, self.stock)
    }
}

/// A product, if nothing is wrong with its row.
fn product(
    cells: Cells<'_>,
    sku: Option<Sku>,
    name: Option<ProductName>,
    price: Option<ImportPrice>,
    description: Option<Description>,
    stock: Option<Stock>,
) -> Result<Row, Vec<String>> {
    let mistakes = cells.finish();
    match (sku, name, price) {
        (Some(sku), Some(name), Some(price)) if mistakes.is_empty() => {
            Ok(Row::Product(Box::new(ImportRow { sku, name, price, description, stock })))
        }
        _ => Err(mistakes),
    }
}

/// What a row is that is about another one's product, if nothing is wrong with it.
fn part_of_another(cells: Cells<'_>) -> Result<Row, Vec<String>> {
    let mistakes = cells.finish();
    if mistakes.is_empty() { Ok(Row::PartOfAnother) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests;
