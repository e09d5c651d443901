//! Products.

mod list;
mod row;
mod search;
mod write;

use async_trait::async_trait;
use entrepot_domain::{
    Fault, Listing, ProductId, Version,
    audit::Cause,
    product::{
        Product, ProductChange, ProductError, ProductImport, ProductQuery, ProductRepository, StockChange, Upserted,
    },
};
pub(crate) use row::find;
pub(crate) use write::give_back;

use crate::SqliteStore;

#[async_trait]
impl ProductRepository for SqliteStore {
    async fn insert(&self, product: &Product, cause: &Cause) -> Result<(), ProductError> {
        let (product, cause) = (product.clone(), cause.clone());
        self.write_events(move |connection| write::insert(connection, &product, &cause)).await
    }

    async fn find(&self, id: ProductId) -> Result<Option<Product>, Fault> {
        self.read(move |connection| find(connection, id)).await
    }

    async fn find_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, Fault> {
        let ids = ids.to_vec();
        self.read(move |connection| row::find_many(connection, &ids)).await
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
        cause: &Cause,
    ) -> Result<Product, ProductError> {
        let (change, cause) = (change.clone(), cause.clone());
        self.write_events(move |connection| write::update(connection, id, &change, expected, &cause)).await
    }

    async fn archive(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<(), ProductError> {
        let cause = cause.clone();
        self.write_events(move |connection| write::archive(connection, id, expected, &cause)).await
    }

    async fn restore(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<Product, ProductError> {
        let cause = cause.clone();
        self.write_events(move |connection| write::restore(connection, id, expected, &cause)).await
    }

    async fn adjust_stock(
        &self,
        id: ProductId,
        change: &StockChange,
        expected: Option<Version>,
    ) -> Result<Product, ProductError> {
        let change = change.clone();
        self.write_events(move |connection| write::adjust_stock(connection, id, &change, expected)).await
    }

    async fn upsert(&self, imports: &[ProductImport], cause: &Cause) -> Result<Upserted, Fault> {
        let (imports, cause) = (imports.to_vec(), cause.clone());
        self.write_events(move |connection| write::upsert(connection, &imports, &cause)).await
    }
}
