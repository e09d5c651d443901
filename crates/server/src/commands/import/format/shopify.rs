//! Product exports of Shopify, with the column names of today and those used before 2025.
//!
//! The rows of a product have its handle; what all variants share is in the first. A row with a price is a variant, and
//! becomes a product; the others are pictures.

use std::borrow::Cow;

use entrepot_domain::Currency;

use super::{Cells, Column, Exported, Format, Row, exported_stock, from_html, part_of_another};

pub(super) const COLUMNS: &[Column] = &[
    Column::required("handle", &["Handle", "URL handle"]),
    Column::required("name", &["Title"]),
    Column::required("price", &["Variant Price", "Price"]),
    Column::optional("description", &["Body (HTML)", "Description"]),
    Column::optional("sku", &["Variant SKU", "SKU"]),
    Column::optional("stock", &["Variant Inventory Qty", "Inventory quantity"]),
    Column::optional("option 1", &["Option1 Value"]),
    Column::optional("option 2", &["Option2 Value"]),
    Column::optional("option 3", &["Option3 Value"]),
    Column::optional("status", &["Status"]),
];

/// What Shopify calls the only variant of a product without options.
const ONLY_VARIANT: &str = "Default Title";

/// What the first row of a product says of all its variants.
#[derive(Default)]
struct Parent {
    handle: String,
    title: String,
    description: String,
    left_out: Option<&'static str>,
}

pub(super) struct Shopify {
    currency: Currency,
    parent: Parent,
}

impl Shopify {
    pub(super) fn new(currency: Currency) -> Self {
        Self { currency, parent: Parent::default() }
    }

    /// Takes note of the product that begins in this row, if one does.
    fn begin(&mut self, cells: &mut Cells<'_>) {
        let (handle, title) = (cells.filled("handle"), cells.filled("name"));
        let another = handle.is_some_and(|handle| handle != self.parent.handle);
        if !another && title.is_none() {
            return;
        }
        let left_out = cells.filled("status").and_then(|status| match status.to_lowercase().as_str() {
            "draft" => Some("draft"),
            "archived" => Some("archived"),
            _ => None,
        });
        self.parent = Parent {
            handle: handle.unwrap_or(&self.parent.handle).to_owned(),
            title: title.unwrap_or_default().to_owned(),
            description: cells.text("description").map(from_html).unwrap_or_default().into_owned(),
            left_out,
        };
    }
}

impl Format for Shopify {
    fn row(&mut self, mut cells: Cells<'_>) -> Result<Row, Vec<String>> {
        self.begin(&mut cells);
        let options = ["option 1", "option 2", "option 3"].into_iter().filter_map(|option| cells.filled(option));
        let options: Vec<&str> = options.filter(|option| *option != ONLY_VARIANT).collect();
        let sku = cells.filled("sku");
        if cells.filled("price").is_none() && sku.is_none() && options.is_empty() {
            return part_of_another(cells);
        }
        if let Some(why) = self.parent.left_out {
            return Ok(Row::LeftOut(why));
        }
        let Parent { handle, title, description, .. } = &self.parent;
        // A spreadsheet takes a number with an apostrophe before it for text.
        let sku = match sku {
            Some(sku) => Cow::Borrowed(sku.strip_prefix('\'').unwrap_or(sku)),
            None => Cow::Owned(made_sku(handle, &options)),
        };
        let name = if options.is_empty() || title.is_empty() {
            Cow::Borrowed(title.as_str())
        } else {
            Cow::Owned(format!("{title} - {}", options.join(" / ")))
        };
        let stock = cells.optional("stock", exported_stock);
        Exported { sku: &sku, name: &name, description, stock, currency: self.currency }.row(cells)
    }
}

/// The sku of a variant that has none: the handle, which no other product has, and the values of its options.
fn made_sku(handle: &str, options: &[&str]) -> String {
    let mut sku = handle.to_owned();
    for word in options.iter().flat_map(|option| option.split_whitespace()) {
        sku.push('-');
        sku.push_str(&word.to_lowercase());
    }
    sku
}
