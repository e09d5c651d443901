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

    /// Lists products, for anyone.
    pub async fn list(&self, query: &ProductQuery) -> Result<Listing<Product>, Error> {
        Ok(self.ports.products.list(query).await?)
    }
}
