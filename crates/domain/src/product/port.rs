//! The repository of products.

use async_trait::async_trait;
use uuid::Uuid;

use super::{ImportPrice, Product, ProductName, Sku, Stock, StockReason};
use crate::{
    Currency, Description, Fault, Invalid, Listing, Money, ProductId, Sort, SortField, SortValue, UserId, Version,
    Window, audit::Cause, search_words,
};

/// The changes of a product; `None` keeps a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductChange {
    pub sku: Option<Sku>,
    pub name: Option<ProductName>,
    pub description: Option<Description>,
    /// The price of future orders.
    pub price: Option<Money>,
    /// Whether only the amount of `price` counts, so that the product keeps its currency.
    pub keeps_currency: bool,
}

/// A stock adjustment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockChange {
    /// The change of the stock; negative to reduce it.
    pub delta: i64,
    pub reason: StockReason,
    /// The actor, for the history of the stock.
    pub actor: UserId,
    /// The context of the change.
    pub cause: Cause,
}

/// A product of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductImport {
    /// The identifier of the product, if its sku is new.
    pub id: ProductId,
    /// Identifies the product.
    pub sku: Sku,
    pub name: ProductName,
    /// Without a currency, the price is in the product's present one.
    pub price: ImportPrice,
    /// `None` keeps the present description; a new product gets an empty one.
    pub description: Option<Description>,
    /// `None` keeps the present stock; a new product gets zero.
    pub stock: Option<Stock>,
}

/// The result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upserted {
    pub created: Vec<ProductId>,
    /// Existing products, including archived ones, which were restored.
    pub updated: Vec<ProductId>,
    /// The indexes of imports that were refused because the product's currency cannot express their price.
    pub refused: Vec<(usize, Invalid)>,
}

/// The filter of a list of products. Archived ones are never listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductFilter {
    /// All words of this text must occur in the name, sku or description, ignoring case.
    pub search: Option<String>,
    /// Products with stock, or products without.
    pub in_stock: Option<bool>,
    /// Those whose price is in this range.
    pub prices: Option<PriceRange>,
}

impl ProductFilter {
    /// The folded words of the search, in any order; none without a search.
    pub fn words(&self) -> Vec<String> {
        self.search.as_deref().map(search_words).unwrap_or_default()
    }
}

/// Prices in one currency, for amounts in two do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRange {
    /// Of the prices and both bounds.
    pub currency: Currency,
    /// At least so many minor units.
    pub min: Option<i64>,
    /// At most so many minor units.
    pub max: Option<i64>,
}

/// The sort keys of products. The stock and the time of the last change are no sort keys, because every order would
/// move the entries of their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductSort {
    /// Their name, its case folded.
    Name,
    /// By minor units, whatever the currency.
    Price,
    Sku,
    CreatedAt,
}

impl SortField for ProductSort {
    type Item = Product;

    const ALL: &'static [(&'static str, Self)] =
        &[("name", Self::Name), ("price", Self::Price), ("sku", Self::Sku), ("createdAt", Self::CreatedAt)];

    fn value(self, product: &Product) -> SortValue {
        match self {
            Self::Name => SortValue::of_name(product.name.as_str()),
            Self::Price => SortValue::Integer(product.price.amount()),
            Self::Sku => SortValue::Text(product.sku.as_str().to_owned()),
            Self::CreatedAt => SortValue::Time(product.created_at),
        }
    }

    fn may_be(self, value: &SortValue) -> bool {
        self != Self::Name || value.is_of_name()
    }

    fn id(product: &Product) -> Uuid {
        product.id.0
    }
}

/// A query for a list of products.
#[derive(Debug, Clone)]
pub struct ProductQuery {
    pub filter: ProductFilter,
    pub sort: Sort<ProductSort>,
    pub window: Window,
}

/// Why a change of a product was refused.
#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    /// There is no such product, or it is archived.
    #[error("no such product")]
    NotFound,
    /// Another product that is for sale has this sku.
    #[error("sku taken")]
    SkuTaken,
    /// The stock would be negative.
    #[error("only {} left", .left.get())]
    InsufficientStock {
        /// The present stock.
        left: Stock,
    },
    /// The stock would exceed [`Stock::MAX`].
    #[error("too much stock")]
    TooMuchStock,
    /// The product has another version than expected.
    #[error("another version")]
    VersionConflict,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Stores products. Every method is atomic. An `expected` version that is not the present one refuses the change with
/// [`ProductError::VersionConflict`]; every change adds one to the version. Archived products are not found. Every
/// change except those by orders is audited, in the same transaction: a refused one leaves no entry.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ProductRepository: Send + Sync {
    /// Inserts a product, or returns [`ProductError::SkuTaken`]. The store decides that by a constraint.
    async fn insert(&self, product: &Product, cause: &Cause) -> Result<(), ProductError>;

    /// Returns a product.
    async fn find(&self, id: ProductId) -> Result<Option<Product>, Fault>;

    /// Returns those of these products that are for sale, in any order.
    async fn find_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, Fault>;

    /// Lists products, in the order of `query.sort`.
    async fn list(&self, query: &ProductQuery) -> Result<Listing<Product>, Fault>;

    /// Updates a product. Errors: `NotFound`, `SkuTaken`, `VersionConflict`.
    async fn update(
        &self,
        id: ProductId,
        change: &ProductChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Product, ProductError>;

    /// Archives a product. Existing orders keep it, and its sku may be used again. Errors: `NotFound`,
    /// `VersionConflict`.
    async fn archive(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<(), ProductError>;

    /// Restores an archived product, unchanged. A product that is for sale is returned without a change. Errors:
    /// `NotFound`, `SkuTaken`, `VersionConflict`.
    async fn restore(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<Product, ProductError>;

    /// Adjusts the stock and records the reason. Concurrent adjustments add up. Errors: `NotFound`,
    /// `InsufficientStock`, `TooMuchStock`, `VersionConflict`.
    async fn adjust_stock(
        &self,
        id: ProductId,
        change: &StockChange,
        expected: Option<Version>,
    ) -> Result<Product, ProductError>;

    /// Creates or updates products by sku, all or none, except for those that [`ProductImport::onto`] refuses: they are
    /// in [`Upserted::refused`]. A sku identifies the product that is for sale, else the one that was archived last,
    /// which is restored. If a sku occurs twice, the last occurrence counts, and the audit log has one entry.
    async fn upsert(&self, imports: &[ProductImport], cause: &Cause) -> Result<Upserted, Fault>;
}
