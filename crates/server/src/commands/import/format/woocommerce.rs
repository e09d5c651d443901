//! Product exports of `WooCommerce`.
//!
//! A variation has a row of its own and becomes a product; the row of its variable product says what they share. The
//! price is the regular one, as a sale ends. Stock that is not counted there, or only for all variations together, is
//! not taken.

use std::{borrow::Cow, collections::HashMap};

use entrepot_domain::{Currency, product::Stock};

use super::{Cells, Column, Exported, Format, Row, exported_stock, from_html};

pub(super) const COLUMNS: &[Column] = &[
    Column::required("type", &["Type"]),
    Column::required("sku", &["SKU"]),
    Column::required("name", &["Name"]),
    Column::required("price", &["Regular price"]),
    Column::optional("id", &["ID"]),
    Column::optional("parent", &["Parent"]),
    Column::optional("published", &["Published"]),
    Column::optional("description", &["Description"]),
    Column::optional("short description", &["Short description"]),
    Column::optional("in stock", &["In stock?"]),
    Column::optional("stock", &["Stock"]),
    Column::optional("attribute 1", &["Attribute 1 value(s)"]),
    Column::optional("attribute 2", &["Attribute 2 value(s)"]),
    Column::optional("attribute 3", &["Attribute 3 value(s)"]),
];

/// What a variable product says of its variations.
struct Parent {
    name: String,
    description: String,
    published: bool,
}

pub(super) struct WooCommerce {
    currency: Currency,
    /// The variable products so far, as their variations refer to them: by sku, or by `id:` and the ID.
    parents: HashMap<String, Parent>,
}

impl WooCommerce {
    pub(super) fn new(currency: Currency) -> Self {
        Self { currency, parents: HashMap::new() }
    }
}

impl Format for WooCommerce {
    fn row(&mut self, mut cells: Cells<'_>) -> Result<Row, Vec<String>> {
        let kinds = cells.filled("type").unwrap_or_default().to_lowercase();
        let is = |wanted| kinds.split(',').any(|kind| kind.trim() == wanted);
        let published = cells.filled("published").is_none_or(|published| published == "1");
        let name = cells.filled("name").map(unescape).unwrap_or_default();
        let description = ["description", "short description"].into_iter().find_map(|column| cells.filled(column));
        let description = description.map(plain).unwrap_or_default();
        let sku = sku(&mut cells);
        if is("variable") {
            self.parents.insert(sku.into_owned(), Parent { name: name.to_owned(), description, published });
            return Ok(Row::LeftOut("variable (its variations are products)"));
        }
        if is("grouped") {
            return Ok(Row::LeftOut("grouped"));
        }
        if is("external") {
            return Ok(Row::LeftOut("external"));
        }
        let parent = cells.filled("parent").filter(|_| is("variation"));
        let parent = parent.and_then(|parent| self.parents.get(unescape(parent)));
        if !published || parent.is_some_and(|parent| !parent.published) {
            return Ok(Row::LeftOut("not published"));
        }
        let name = variation_name(name, parent, &mut cells);
        let description = match parent {
            Some(parent) if description.is_empty() => &parent.description,
            _ => &description,
        };
        let stock = stock(&mut cells);
        Exported { sku: &sku, name: &name, description, stock, currency: self.currency }.row(cells)
    }
}

/// The sku, or else the ID as `WooCommerce` itself refers to products without a sku.
fn sku<'a>(cells: &mut Cells<'a>) -> Cow<'a, str> {
    match cells.filled("sku") {
        Some(sku) => Cow::Borrowed(unescape(sku)),
        None => cells.filled("id").map(|id| Cow::Owned(format!("id:{id}"))).unwrap_or_default(),
    }
}

/// The name of a product. A variation may have the name of its parent: its attributes tell it from the others.
fn variation_name<'a>(name: &'a str, parent: Option<&Parent>, cells: &mut Cells<'_>) -> Cow<'a, str> {
    let Some(parent) = parent.filter(|parent| name.is_empty() || name == parent.name) else {
        return Cow::Borrowed(name);
    };
    let attributes = ["attribute 1", "attribute 2", "attribute 3"];
    let attributes: Vec<_> = attributes.into_iter().filter_map(|attribute| cells.filled(attribute)).collect();
    Cow::Owned(if attributes.is_empty() {
        parent.name.clone()
    } else {
        format!("{} - {}", parent.name, attributes.join(", "))
    })
}

fn stock(cells: &mut Cells<'_>) -> Option<Stock> {
    match cells.filled("stock") {
        Some("parent") => None,
        Some(stock) => cells.note("stock", exported_stock(unescape(stock))),
        None => cells.filled("in stock").filter(|there_is| *there_is == "0").map(|_| Stock::default()),
    }
}

/// `WooCommerce` puts an apostrophe before what a spreadsheet would take for a formula.
fn unescape(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(formula) if formula.starts_with(['=', '+', '-', '@']) => formula,
        _ => text,
    }
}

/// The text of a description, in which `WooCommerce` writes `\n` for a line end, and `\\n` for a backslash and an n.
fn plain(description: &str) -> String {
    let lines: Vec<_> = unescape(description).split("\\\\n").map(|text| text.replace("\\n", "\n")).collect();
    let text = lines.join("\\n");
    if text.contains(['<', '&']) {
        // Beside its HTML, WordPress takes a blank line for a new paragraph.
        let html = text.replace('\r', "").replace("\n\n", "<p>").replace('\n', "<br>");
        return from_html(&html).into_owned();
    }
    text.trim().to_owned()
}
