//! Files with this program's own columns.

use entrepot_domain::{
    Currency, Description,
    product::{ProductName, Sku},
};

use super::{Cells, Column, Format, PriceStyle, Row, product, stock};

pub(super) const COLUMNS: &[Column] = &[
    Column::required("sku", &["sku"]),
    Column::required("name", &["name"]),
    Column::required("price", &["price"]),
    Column::optional("description", &["description"]),
    Column::optional("stock", &["stock"]),
    Column::optional("currency", &["currency"]),
];

pub(super) struct Own {
    style: PriceStyle,
    currency: Currency,
}

impl Own {
    pub(super) const fn new(style: PriceStyle, currency: Currency) -> Self {
        Self { style, currency }
    }
}

impl Format for Own {
    fn row(&mut self, mut cells: Cells<'_>) -> Result<Row, Vec<String>> {
        let sku = cells.required("sku", Sku::parse);
        let name = cells.required("name", ProductName::parse);
        let currency = cells.optional("currency", |text| text.trim().parse());
        let price = cells.required("price", |text| self.style.parse(text, currency, self.currency));
        let description = cells.optional("description", Description::parse);
        let stock = cells.optional("stock", stock);
        product(cells, sku, name, price, description, stock)
    }
}
