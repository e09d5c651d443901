//! Products and stock.

mod audit;
mod change;
mod import_price;
mod port;
mod values;

pub use import_price::{ImportAmount, ImportPrice};
#[cfg(feature = "mock")]
pub use port::MockProductRepository;
pub use port::{
    PriceRange, ProductChange, ProductError, ProductFilter, ProductImport, ProductQuery, ProductRepository,
    ProductSort, StockChange, Upserted,
};
pub use values::{ProductName, Quantity, Sku, Stock, StockReason};

use crate::{Description, Money, ProductId, Timestamp, Version, search_text};

/// A product. Archived products are not found any more; existing orders keep their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    pub id: ProductId,
    /// Unique among products that are for sale.
    pub sku: Sku,
    pub name: ProductName,
    pub description: Description,
    /// The price of one unit.
    pub price: Money,
    pub stock: Stock,
    /// Counts all changes, including those of the stock by orders, because `stock` is part of what a reader has seen.
    pub version: Version,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Product {
    /// Returns the text that searches match.
    pub fn search_text(&self) -> String {
        search_text(&[self.name.as_str(), self.sku.as_str(), self.description.as_str()])
    }
}
