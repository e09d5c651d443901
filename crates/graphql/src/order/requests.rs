//! What clients ask of orders.

use async_graphql::{ID, InputObject};
use entrepot_application::Error;
use entrepot_domain::{
    Direction, Sort, UserId,
    auth::Actor,
    order::{Basket, BasketError, BasketLine, IdempotencyKey, OrderFilter, OrderQuery, OrderSort},
    product::Quantity,
};

use super::types::OrderStatus;
use crate::{
    connection::{Part, PartArguments, Signature},
    fields::Fields,
    refusal::Refusal,
    scalars::DateTime,
};

/// So many of one product. The price is the catalogue's.
#[derive(InputObject)]
pub(super) struct OrderItemInput {
    product_id: ID,
    quantity: i64,
}

/// Reads an order to be placed.
pub(super) fn placement(
    items: &[OrderItemInput],
    key: Option<&str>,
) -> Result<(Basket, Option<IdempotencyKey>), Error> {
    let mut fields = Fields::default();
    let key = fields.optional("idempotencyKey", key, IdempotencyKey::parse);
    if items.len() > Basket::MAX_LINES {
        fields.refuse("items", format!("must have at most {} entries", Basket::MAX_LINES));
        return Err(fields.error());
    }
    let mut lines = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let product = fields.read(format!("items[{place}].productId"), item.product_id.parse());
        let quantity = fields.read(format!("items[{place}].quantity"), Quantity::new(item.quantity));
        lines.extend(product.zip(quantity).map(|(product, quantity)| BasketLine { product, quantity }));
    }
    fields.check()?;
    let basket = Basket::new(lines).map_err(|why| {
        let field = match why {
            BasketError::LineCount => "items".to_owned(),
            BasketError::TooMany { line } => format!("items[{line}].quantity"),
        };
        Error::field(field, why.to_string())
    })?;
    Ok((basket, key))
}

/// Which orders are listed.
#[derive(Default)]
pub(super) struct OrderList {
    pub(super) user: Option<ID>,
    pub(super) status: Option<OrderStatus>,
    pub(super) from: Option<DateTime>,
    pub(super) to: Option<DateTime>,
}

impl OrderList {
    pub(super) fn query(
        self,
        part: &PartArguments,
        actor: &Actor,
        keys: &[[u8; 32]],
    ) -> Result<(OrderQuery, Part<OrderSort>), Refusal> {
        let mut fields = Fields::default();
        let status = self.status.map(entrepot_domain::order::OrderStatus::from);
        let signature = Signature::default()
            .with("userId", self.user.as_ref().map(|user| user.as_str()))
            .with("status", status)
            .with("from", self.from.map(DateTime::text))
            .with("to", self.to.map(DateTime::text));
        let user = fields.optional("userId", self.user, |user| user.parse::<UserId>());
        let (from, to) = (self.from.map(|DateTime(from)| from), self.to.map(|DateTime(to)| to));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            fields.refuse("from", "must not be later than to");
        }
        let limit = part.limit(&mut fields);
        fields.check()?;
        let (name, sort) = (format!("orders of {}", actor.user), Sort::by(OrderSort::CreatedAt, Direction::Descending));
        let part = part.part(limit.unwrap_or_default(), &name, sort, &signature, keys)?;
        let filter = OrderFilter { user, status, from, to };
        Ok((OrderQuery { filter, sort: part.sort.clone(), window: part.window.clone() }, part))
    }
}
