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
use futures_util::FutureExt;
pub(crate) use write::give_back;

use crate::PostgresStore;

#[async_trait]
impl ProductRepository for PostgresStore {
    async fn insert(&self, product: &Product, cause: &Cause) -> Result<(), ProductError> {
        self.write_events((product.clone(), cause.clone()), |connection, (product, cause)| {
            write::insert(connection, product, cause).boxed()
        })
        .await
    }

    async fn find(&self, id: ProductId) -> Result<Option<Product>, Fault> {
        self.read(id, |connection, id| row::find(connection, *id).boxed()).await
    }

    async fn find_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, Fault> {
        self.read(ids.to_vec(), |connection, ids| row::find_many(connection, ids).boxed()).await
    }

    async fn list(&self, query: &ProductQuery) -> Result<Listing<Product>, Fault> {
        self.list_from(query.clone(), |connection, query| list::list(connection, query).boxed()).await
    }

    async fn update(
        &self,
        id: ProductId,
        change: &ProductChange,
        expected: Option<Version>,
        cause: &Cause,
    ) -> Result<Product, ProductError> {
        self.write_events((id, change.clone(), expected, cause.clone()), |connection, (id, change, expected, cause)| {
            write::update(connection, *id, change, *expected, cause).boxed()
        })
        .await
    }

    async fn archive(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<(), ProductError> {
        self.write_events((id, expected, cause.clone()), |connection, (id, expected, cause)| {
            write::archive(connection, *id, *expected, cause).boxed()
        })
        .await
    }

    async fn restore(&self, id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<Product, ProductError> {
        self.write_events((id, expected, cause.clone()), |connection, (id, expected, cause)| {
            write::restore(connection, *id, *expected, cause).boxed()
        })
        .await
    }

    async fn adjust_stock(
        &self,
        id: ProductId,
        change: &StockChange,
        expected: Option<Version>,
    ) -> Result<Product, ProductError> {
        self.write_events((id, change.clone(), expected), |connection, (id, change, expected)| {
            write::adjust_stock(connection, *id, change, *expected).boxed()
        })
        .await
    }

    async fn upsert(&self, imports: &[ProductImport], cause: &Cause) -> Result<Upserted, Fault> {
        self.write_events((imports.to_vec(), cause.clone()), |connection, (imports, cause)| {
            write::upsert(connection, imports, cause).boxed()
        })
        .await
    }
}
