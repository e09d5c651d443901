//! Imports a catalogue.

use entrepot_domain::{
    Description, ProductId,
    audit::Who,
    product::{ImportPrice, ProductImport, ProductName, Sku, Stock, Upserted},
};

use super::ProductService;
use crate::Error;

/// A product of a catalogue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// Identifies the product.
    pub sku: Sku,
    pub name: ProductName,
    /// Without a currency, the price is in the product's present one.
    pub price: ImportPrice,
    /// `None` keeps the present description.
    pub description: Option<Description>,
    /// `None` keeps the present stock.
    pub stock: Option<Stock>,
}

impl ProductService {
    /// Creates or updates products by sku, in one transaction, except for the rows in [`Upserted::refused`]. For the
    /// command line, which has no actor.
    pub async fn import(&self, rows: Vec<ImportRow>) -> Result<Upserted, Error> {
        let imports: Vec<_> = rows
            .into_iter()
            .map(|row| ProductImport {
                id: ProductId(self.ports.ids.next()),
                sku: row.sku,
                name: row.name,
                price: row.price,
                description: row.description,
                stock: row.stock,
            })
            .collect();
        Ok(self.ports.products.upsert(&imports, &self.cause(Who::CommandLine, None)).await?)
    }
}
