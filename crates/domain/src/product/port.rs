//! Where the catalogue is kept.

use async_trait::async_trait;
use uuid::Uuid;

use super::{ImportPrice, Product, ProductName, Sku, Stock, StockReason};
use crate::{
    Currency, Description, Fault, Invalid, Listing, Money, ProductId, Sort, SortField, SortValue, UserId, Version,
    Window, audit::Cause,
};

/// What to change of a product; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductChange {
    /// Another sku.
    pub sku: Option<Sku>,
    /// Another name.
    pub name: Option<ProductName>,
    /// Another description.
    pub description: Option<Description>,
    /// Another price, for orders from now on.
    pub price: Option<Money>,
    /// That of it the amount alone counts: it is in the currency that the product has.
    pub keeps_currency: bool,
}

/// Stock that came, went or was counted anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockChange {
    /// How many more, or fewer below zero.
    pub delta: i64,
    /// Why.
    pub reason: StockReason,
    /// By whom, for the history of the stock.
    pub actor: UserId,
    /// Why, and when.
    pub cause: Cause,
}

/// A product as an import brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductImport {
    /// The identifier it gets if its sku is new.
    pub id: ProductId,
    /// By which it is found.
    pub sku: Sku,
    /// Its name.
    pub name: ProductName,
    /// Its price; without a currency of its own it is in the one that the product has.
    pub price: ImportPrice,
    /// Its description; `None` leaves it, or makes it empty.
    pub description: Option<Description>,
    /// Its stock; `None` leaves it, or makes it zero.
    pub stock: Option<Stock>,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upserted {
    /// Products that are new.
    pub created: Vec<ProductId>,
    /// Products that were there, archived ones among them, which are for sale again.
    pub updated: Vec<ProductId>,
    /// Imports that changed nothing because their product's currency cannot express their price: which of the slice.
    pub refused: Vec<(usize, Invalid)>,
}

/// Which products a list shows. Archived ones never.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductFilter {
    /// Part of name, sku or description, whatever its case.
    pub search: Option<String>,
    /// Those that have some left, or those that have not.
    pub in_stock: Option<bool>,
    /// Those whose price is in this range.
    pub prices: Option<PriceRange>,
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

/// What products can be sorted by. Not by stock nor by their last change: with each order an index of those would move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductSort {
    /// Their name, its case folded.
    Name,
    /// Their price in minor units, whatever the currency.
    Price,
    /// Their sku.
    Sku,
    /// When they came into the catalogue.
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

/// A part of the catalogue.
#[derive(Debug, Clone)]
pub struct ProductQuery {
    /// Which.
    pub filter: ProductFilter,
    /// In what order.
    pub sort: Sort<ProductSort>,
    /// Which part.
    pub window: Window,
}

/// Why a product was not written.
#[derive(Debug, thiserror::Error)]
pub enum ProductError {
    /// There is no such product, or not any more.
    #[error("no such product")]
    NotFound,
    /// Another product that is for sale has that sku.
    #[error("sku taken")]
    SkuTaken,
    /// So many are not there to be taken away.
    #[error("only {} left", .left.get())]
    InsufficientStock {
        /// How many are.
        left: Stock,
    },
    /// There would be more than [`Stock::MAX`].
    #[error("too much stock")]
    TooMuchStock,
    /// The product is not at the version that the caller has seen.
    #[error("another version")]
    VersionConflict,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Keeps the catalogue. Every method is atomic. An `expected` version that is not the present one refuses the change
/// with [`ProductError::VersionConflict`]; every change adds one to the version. Archived products are not found.
/// Every change but those by orders is audited, in one transaction with it: a refused one leaves no entry.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ProductRepository: Send + Sync {
    /// Keeps a new product, or refuses with [`ProductError::SkuTaken`]. The store judges that.
    async fn insert(&self, product: &Product, cause: &Cause) -> Result<(), ProductError>;

    /// Looks a product up.
    async fn find(&self, id: ProductId) -> Result<Option<Product>, Fault>;

    /// Lists products, in the order of `query.sort`.
    async fn list(&self, query: &ProductQuery) -> Result<Listing<Product>, Fault>;

    /// Changes a product. Errors: `NotFound`, `SkuTaken`, `VersionConflict`.
    async fn update(
        &self,
        id: ProductId,
        change: &ProductChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Product, ProductError>;

    /// Takes a product out of the catalogue; old orders keep it. Its sku is free for another one. Errors: `NotFound`,
    /// `VersionConflict`.
    async fn archive(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<(), ProductError>;

    /// Brings an archived product back into the catalogue, as it was. One that is for sale is returned as it is, and
    /// nothing is changed. Errors: `NotFound`, `SkuTaken`, `VersionConflict`.
    async fn restore(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<Product, ProductError>;

    /// Changes the stock and writes down why, in one. Changes at once add up: none is lost.
    /// Errors: `NotFound`, `InsufficientStock`, `TooMuchStock`, `VersionConflict`.
    async fn adjust_stock(
        &self,
        id: ProductId,
        change: &StockChange,
        expected: Option<Version>,
    ) -> Result<Product, ProductError>;

    /// Makes or changes products by sku, all or none, but for those that [`ProductImport::onto`] refuses: they are in
    /// [`Upserted::refused`]. A sku names the product that is for sale, else the one that was archived last, which is
    /// for sale again. A sku that comes twice ends as its last one says, and has one entry in the audit log.
    async fn upsert(&self, imports: &[ProductImport], cause: &Cause) -> Result<Upserted, Fault>;
}
