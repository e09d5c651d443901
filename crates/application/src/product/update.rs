//! Changing, archiving and restoring a product.

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
    /// Changes a product, for staff. Orders that were placed keep what they know of it.
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

    /// Takes a product out of the catalogue, for staff. Orders that were placed keep it.
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

    /// Brings an archived product back into the catalogue, for staff.
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
