//! A new product.

use entrepot_domain::{
    Description, Money, ProductId, Version,
    api_key::Scope,
    audit::Origin,
    auth::Actor,
    product::{Product, ProductName, Sku, Stock},
};

use super::{ProductService, require_staff};
use crate::{Error, error::product_error};

/// A product to be put up for sale.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// What the shop calls it.
    pub sku: Sku,
    /// What customers call it.
    pub name: ProductName,
    /// More about it.
    pub description: Description,
    /// The price of one.
    pub price: Money,
    /// How many there are.
    pub stock: Stock,
}

impl ProductService {
    /// Puts a product up for sale, for staff. [`Error::SkuTaken`] if the sku is used, by an archived product perhaps.
    pub async fn create(&self, actor: &Actor, new: NewProduct, origin: &Origin) -> Result<Product, Error> {
        require_staff(actor, Scope::ProductsWrite)?;
        let cause = self.cause(actor, Some(origin));
        let product = Product {
            id: ProductId(self.ports.ids.next()),
            sku: new.sku,
            name: new.name,
            description: new.description,
            price: new.price,
            stock: new.stock,
            version: Version::FIRST,
            created_at: cause.at,
            updated_at: cause.at,
        };
        self.ports.products.insert(&product, &cause).await.map_err(|error| product_error(error, product.id, 0))?;
        Ok(product)
    }
}
