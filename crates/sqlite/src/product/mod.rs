//! The catalogue.

mod list;
mod row;
mod write;

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Listing, ProductId, Timestamp, Version,
    product::{
        Product, ProductChange, ProductError, ProductImport, ProductQuery, ProductRepository, StockChange, Upserted,
    },
};
pub(crate) use row::find;
pub(crate) use write::give_back;

use crate::SqliteStore;

#[async_trait]
impl ProductRepository for SqliteStore {
    async fn insert(&self, product: &Product) -> Result<(), ProductError> {
        let product = product.clone();
        self.write(move |connection| write::insert(connection, &product)).await
    }

    async fn find(&self, id: ProductId) -> Result<Option<Product>, Fault> {
        self.read(move |connection| find(connection, id)).await
    }

    async fn list(&self, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
        let query = query.clone();
        self.read(move |connection| list::list(connection, &query)).await
    }

    async fn update(
        &self,
        id: ProductId,
        change: &ProductChange,
        expected: Option<Version>,
        now: Timestamp,
    ) -> Result<Product, ProductError> {
        let change = change.clone();
        self.write(move |connection| write::update(connection, id, change, expected, now)).await
    }

    async fn archive(&self, id: ProductId, expected: Option<Version>, now: Timestamp) -> Result<(), ProductError> {
        self.write(move |connection| write::archive(connection, id, expected, now)).await
    }

    async fn adjust_stock(
        &self,
        id: ProductId,
        change: &StockChange,
        expected: Option<Version>,
    ) -> Result<Product, ProductError> {
        let change = change.clone();
        self.write(move |connection| write::adjust_stock(connection, id, &change, expected)).await
    }

    async fn upsert(&self, imports: &[ProductImport], now: Timestamp) -> Result<Upserted, Fault> {
        let imports = imports.to_vec();
        self.write(move |connection| write::upsert(connection, imports, now)).await
    }
}
