//! Product exports of Magento 2 and 1.
//!
//! A variant has a row of its own, as a simple product; its configurable product is not sold by itself. A row of a store
//! view translates the row above, and one without a sku continues it. The price is the regular one, as a special one ends.

use entrepot_domain::Currency;

use super::{Cells, Column, Exported, Format, Row, exported_stock, from_html, part_of_another};

pub(super) const COLUMNS: &[Column] = &[
    Column::required("sku", &["sku"]),
    Column::required("name", &["name"]),
    Column::required("price", &["price"]),
    Column::required("store view", &["store_view_code", "_store"]),
    Column::optional("type", &["product_type", "_type"]),
    Column::optional("description", &["description"]),
    Column::optional("short description", &["short_description"]),
    Column::optional("enabled", &["product_online", "status"]),
    Column::optional("stock", &["qty"]),
];

pub(super) struct Magento {
    currency: Currency,
}

impl Magento {
    pub(super) const fn new(currency: Currency) -> Self {
        Self { currency }
    }
}

impl Format for Magento {
    fn row(&mut self, mut cells: Cells<'_>) -> Result<Row, Vec<String>> {
        let (sku, store_view) = (cells.filled("sku"), cells.filled("store view"));
        let (Some(sku), None) = (sku, store_view) else {
            return part_of_another(cells);
        };
        match cells.filled("type") {
            Some("configurable") => return Ok(Row::LeftOut("configurable (its variants are products)")),
            Some("grouped") => return Ok(Row::LeftOut("grouped")),
            Some("bundle") => return Ok(Row::LeftOut("bundle")),
            _ => {}
        }
        if matches!(cells.filled("enabled"), Some("0" | "2")) {
            return Ok(Row::LeftOut("disabled"));
        }
        let name = cells.filled("name").unwrap_or_default();
        let description = ["description", "short description"].into_iter().find_map(|column| cells.filled(column));
        let description = description.map(from_html).unwrap_or_default();
        let stock = cells.optional("stock", exported_stock);
        Exported { sku, name, description: &description, stock, currency: self.currency }.row(cells)
    }
}
