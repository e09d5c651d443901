//! Products that are cached.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::{
    Cache, CacheKey, Description, Fault, Listing, MetricSource, Money, ProductId, Sample, Timestamp, Version, Window,
    audit::Cause,
    product::{
        Product, ProductChange, ProductError, ProductFilter, ProductImport, ProductName, ProductQuery,
        ProductRepository, Sku, Stock, StockChange, Upserted,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    keys,
    read_through::{Codec, ReadThrough, to_bytes},
};

/// For how long the number of products is cached. Every change of it by this service invalidates it; this bounds for how
/// long a change by other means goes unnoticed, such as one by an instance of a version that does not cache it.
const COUNT_TTL: Duration = Duration::from_secs(1);

/// Caches products and the number of all of them, and invalidates them before a change returns.
pub struct CachedProducts {
    inner: Arc<dyn ProductRepository>,
    cache: ReadThrough,
    counts: ReadThrough,
}

impl CachedProducts {
    /// A decorator of `inner` that caches a product for at most `ttl`.
    pub fn new(inner: Arc<dyn ProductRepository>, cache: Arc<dyn Cache>, ttl: Duration) -> Self {
        let counts = ReadThrough::new(cache.clone(), ttl.min(COUNT_TTL));
        Self { inner, cache: ReadThrough::new(cache, ttl), counts }
    }

    async fn invalidate(&self, id: ProductId) {
        self.cache.invalidate(&[CacheKey::Product(id)]).await;
    }

    /// A page of the whole catalogue. The store counts all products only if their number is not cached.
    async fn page_of_all(&self, query: &ProductQuery, uncounted: Window) -> Result<Listing<Product>, Fault> {
        let mut counted = None;
        let slot = &mut counted;
        let load = || async move {
            let listing = self.inner.list(query).await?;
            let total = listing.total;
            *slot = Some(listing);
            Ok(total)
        };
        let total = self.counts.get(CacheKey::ProductCount, load).await?;
        if let Some(listing) = counted {
            return Ok(listing);
        }
        let listing = self.inner.list(&ProductQuery { window: uncounted, ..query.clone() }).await?;
        Ok(Listing { total, ..listing })
    }
}

impl MetricSource for CachedProducts {
    fn samples(&self) -> Vec<Sample> {
        self.cache.samples("product")
    }
}

/// A product borrows from the bytes until it is parsed, which saves three allocations a read.
const CODEC: Codec<Product> = Codec {
    decode: |bytes| postcard::from_bytes::<ProductRecord<'_>>(bytes).ok()?.parse(),
    encode: |product| to_bytes(&ProductRecord::of(product, product.price.currency().as_str())),
};

/// The layout of a cached product.
#[derive(Serialize, Deserialize)]
struct ProductRecord<'a> {
    id: Uuid,
    sku: &'a str,
    name: &'a str,
    description: &'a str,
    amount: i64,
    currency: &'a str,
    stock: i64,
    version: i64,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

impl<'a> ProductRecord<'a> {
    fn of(product: &'a Product, currency: &'a str) -> Self {
        Self {
            id: product.id.0,
            sku: product.sku.as_str(),
            name: product.name.as_str(),
            description: product.description.as_str(),
            amount: product.price.amount(),
            currency,
            stock: product.stock.get(),
            version: product.version.0,
            created_at: product.created_at.timestamp_millis(),
            updated_at: product.updated_at.timestamp_millis(),
        }
    }

    fn parse(&self) -> Option<Product> {
        Some(Product {
            id: ProductId(self.id),
            sku: Sku::parse(self.sku).ok()?,
            name: ProductName::parse(self.name).ok()?,
            description: Description::parse(self.description).ok()?,
            price: Money::new(self.amount, self.currency.parse().ok()?).ok()?,
            stock: Stock::new(self.stock).ok()?,
            version: Version(self.version),
            created_at: Timestamp::from_timestamp_millis(self.created_at)?,
            updated_at: Timestamp::from_timestamp_millis(self.updated_at)?,
        })
    }
}

#[async_trait]
impl ProductRepository for CachedProducts {
    async fn insert(&self, product: &Product, cause: &Cause) -> Result<(), ProductError> {
        self.inner.insert(product, cause).await?;
        self.cache.invalidate(&[CacheKey::ProductCount]).await;
        Ok(())
    }

    async fn find(&self, id: ProductId) -> Result<Option<Product>, Fault> {
        self.cache.get_with(&CODEC, CacheKey::Product(id), || self.inner.find(id)).await
    }

    // One statement of the store costs less than a look-up in the cache for each.
    async fn find_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, Fault> {
        self.inner.find_many(ids).await
    }

    async fn list(&self, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
        match query.window {
            Window::Page { page, limit } if query.filter == ProductFilter::default() => {
                self.page_of_all(query, Window::UncountedPage { page, limit }).await
            }
            _ => self.inner.list(query).await,
        }
    }

    async fn update(
        &self,
        id: ProductId,
        change: &ProductChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Product, ProductError> {
        let product = self.inner.update(id, change, expected, cause).await?;
        self.invalidate(id).await;
        Ok(product)
    }

    async fn archive(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<(), ProductError> {
        self.inner.archive(id, expected, cause).await?;
        self.cache.invalidate(&[CacheKey::Product(id), CacheKey::ProductCount]).await;
        Ok(())
    }

    async fn restore(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<Product, ProductError> {
        let product = self.inner.restore(id, expected, cause).await?;
        self.cache.invalidate(&[CacheKey::Product(id), CacheKey::ProductCount]).await;
        Ok(product)
    }

    async fn adjust_stock(
        &self,
        id: ProductId,
        change: &StockChange,
        expected: Option<Version>,
    ) -> Result<Product, ProductError> {
        let product = self.inner.adjust_stock(id, change, expected).await?;
        self.invalidate(id).await;
        Ok(product)
    }

    async fn upsert(&self, imports: &[ProductImport], cause: &Cause) -> Result<Upserted, Fault> {
        let upserted = self.inner.upsert(imports, cause).await?;
        let mut changed = keys::of_products(upserted.updated.iter().copied());
        if !upserted.created.is_empty() || !upserted.updated.is_empty() {
            changed.push(CacheKey::ProductCount);
        }
        self.cache.invalidate(&changed).await;
        Ok(upserted)
    }
}
