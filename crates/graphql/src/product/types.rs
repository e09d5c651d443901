//! Products as clients see them.

use async_graphql::{ID, SimpleObject};
use entrepot_domain::product as domain;

use crate::{
    connection::connection,
    scalars::{DateTime, Money},
};

/// Something for sale.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Product {
    id: ID,
    /// What the shop calls it.
    sku: String,
    /// What customers call it.
    name: String,
    description: String,
    /// The price of one.
    price: Money,
    /// How many are left.
    stock: i64,
    /// Counts the changes.
    version: i64,
    created_at: DateTime,
    updated_at: DateTime,
}

impl From<domain::Product> for Product {
    fn from(product: domain::Product) -> Self {
        Self {
            id: product.id.to_string().into(),
            sku: product.sku.as_str().to_owned(),
            name: product.name.as_str().to_owned(),
            description: product.description.as_str().to_owned(),
            price: product.price.into(),
            stock: product.stock.get(),
            version: product.version.0,
            created_at: DateTime(product.created_at),
            updated_at: DateTime(product.updated_at),
        }
    }
}

connection!(ProductConnection, ProductEdge, Product, domain::Product);
