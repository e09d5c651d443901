//! Adjusts stock.

use entrepot_domain::{
    ProductId, Version,
    api_key::Scope,
    audit::Origin,
    auth::Actor,
    product::{Product, StockChange, StockReason},
};

use super::{ProductService, require_staff};
use crate::{Error, error::product_error};

impl ProductService {
    /// Adds `delta` to the stock of a product, for staff. Returns [`Error::InsufficientStock`] if the stock would be
    /// negative.
    pub async fn adjust_stock(
        &self,
        actor: &Actor,
        id: ProductId,
        delta: i64,
        reason: StockReason,
        expected: Option<Version>,
        origin: &Origin,
    ) -> Result<Product, Error> {
        require_staff(actor, Scope::StockWrite)?;
        let change = StockChange { delta, reason, actor: actor.user, cause: self.cause(actor, Some(origin)) };
        let adjusted = self.ports.products.adjust_stock(id, &change, expected).await;
        adjusted.map_err(|error| product_error(error, id, delta))
    }
}
