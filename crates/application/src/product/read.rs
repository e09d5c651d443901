//! Reads the catalogue.

use entrepot_domain::{
    Listing, ProductId,
    product::{Product, ProductQuery},
};

use super::ProductService;
use crate::Error;

impl ProductService {
    /// Returns a product, for anyone.
    pub async fn get(&self, id: ProductId) -> Result<Product, Error> {
        self.ports.products.find(id).await?.ok_or(Error::NotFound)
    }

    /// Returns those of these products that are for sale, in any order; for anyone.
    pub async fn find_many(&self, ids: &[ProductId]) -> Result<Vec<Product>, Error> {
        Ok(self.ports.products.find_many(ids).await?)
    }

    /// Lists products, for anyone.
    pub async fn list(&self, query: &ProductQuery) -> Result<Listing<Product>, Error> {
        Ok(self.ports.products.list(query).await?)
    }
}
