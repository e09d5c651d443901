//! Bringing in a whole catalogue.

use entrepot_domain::{
    Description, ProductId,
    audit::Who,
    product::{ImportPrice, ProductImport, ProductName, Sku, Stock, Upserted},
};

use super::ProductService;
use crate::Error;

/// A product as a catalogue file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// By which it is found.
    pub sku: Sku,
    /// Its name.
    pub name: ProductName,
    /// Its price; without a currency of its own it is in the one that the product has.
    pub price: ImportPrice,
    /// Its description; `None` leaves it.
    pub description: Option<Description>,
    /// Its stock; `None` leaves it.
    pub stock: Option<Stock>,
}

impl ProductService {
    /// Makes or changes products by sku, all or none but for the rows in [`Upserted::refused`]. For the operator's
    /// command line, which asks for no actor.
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
