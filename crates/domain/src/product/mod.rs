//! What is for sale, and how much of it is left.

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

/// Something for sale. One that was archived is not found any more; old orders keep what they know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Never changes.
    pub id: ProductId,
    /// What the shop calls it; unique among products that are for sale.
    pub sku: Sku,
    /// What customers call it.
    pub name: ProductName,
    /// More about it; may be empty.
    pub description: Description,
    /// The price of one.
    pub price: Money,
    /// How many are left to sell.
    pub stock: Stock,
    /// Counts the changes, those of the stock by orders included: what `stock` says is part of what a reader has seen.
    pub version: Version,
    /// When it came into the catalogue.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Product {
    /// What a search looks through.
    pub fn search_text(&self) -> String {
        search_text(&[self.name.as_str(), self.sku.as_str(), self.description.as_str()])
    }
}
