//! Creates products.

use entrepot_domain::{
    Description, Money, ProductId, Version,
    api_key::Scope,
    audit::Origin,
    auth::Actor,
    product::{Product, ProductName, Sku, Stock},
};

use super::{ProductService, require_staff};
use crate::{Error, error::product_error};

/// The properties of a new product.
#[derive(Debug, Clone)]
pub struct NewProduct {
    pub sku: Sku,
    pub name: ProductName,
    pub description: Description,
    /// The price of one unit.
    pub price: Money,
    pub stock: Stock,
}

impl ProductService {
    /// Creates a product, for staff. Returns [`Error::SkuTaken`] if another product that is for sale has the sku.
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
