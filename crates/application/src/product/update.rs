//! Updates, archives and restores products.

use entrepot_domain::{
    ProductId, Version,
    api_key::Scope,
    audit::Origin,
    auth::Actor,
    product::{Product, ProductChange},
};

use super::{ProductService, require_staff};
use crate::{Error, error::product_error};

impl ProductService {
    /// Updates a product, for staff. Existing orders keep the old values.
    pub async fn update(
        &self,
        actor: &Actor,
        id: ProductId,
        change: &ProductChange,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<Product, Error> {
        require_staff(actor, Scope::ProductsWrite)?;
        let cause = self.cause(actor, Some(origin));
        self.ports.products.update(id, change, expected, &cause).await.map_err(|error| product_error(error, id, 0))
    }

    /// Archives a product, for staff. Existing orders keep it.
    pub async fn archive(
        &self,
        actor: &Actor,
        id: ProductId,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<(), Error> {
        require_staff(actor, Scope::ProductsWrite)?;
        let cause = self.cause(actor, Some(origin));
        self.ports.products.archive(id, expected, &cause).await.map_err(|error| product_error(error, id, 0))
    }

    /// Restores an archived product, for staff.
    pub async fn restore(
        &self,
        actor: &Actor,
        id: ProductId,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<Product, Error> {
        require_staff(actor, Scope::ProductsWrite)?;
        let cause = self.cause(actor, Some(origin));
        self.ports.products.restore(id, expected, &cause).await.map_err(|error| product_error(error, id, 0))
    }
}
