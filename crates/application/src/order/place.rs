//! Places orders.

use entrepot_domain::{
    OrderId, ProductId,
    api_key::Scope,
    auth::Actor,
    order::{Basket, Draft, Idempotency, IdempotencyKey, PlaceError, Placed, Placement, Refusal, Shortage},
    saturating_add,
};

use super::{IDEMPOTENCY_TTL, OrderService};
use crate::{Error, FieldError, Shortfall, permission::require_scope};

impl OrderService {
    /// Places an order for the actor, at the present prices. If the idempotency key was used for the same basket,
    /// returns the order that was placed then.
    ///
    /// Errors: [`Error::Validation`] on `items[n].productId` for a product that is not for sale or has another
    /// currency, [`Error::InsufficientStock`] with every short product, [`Error::IdempotencyKeyReused`],
    /// [`Error::IdempotencyInProgress`].
    pub async fn place(&self, actor: &Actor, basket: Basket, key: Option<IdempotencyKey>) -> Result<Placed, Error> {
        require_scope(actor, Scope::OrdersWrite)?;
        let at = self.ports.clock.now();
        let idempotency = key.map(|key| Idempotency {
            key,
            fingerprint: basket.fingerprint(),
            expires_at: saturating_add(at, IDEMPOTENCY_TTL),
        });
        let draft = Draft { id: OrderId(self.ports.ids.next()), user: actor.user, basket, at };
        let placement = Placement { draft, idempotency };
        self.ports.orders.place(&placement).await.map_err(|error| explain(error, &placement.draft.basket))
    }
}

/// Converts an error to one that refers to the lines of the request.
fn explain(error: PlaceError, basket: &Basket) -> Error {
    match error {
        PlaceError::Refused(Refusal::UnknownProducts(products)) => {
            bad_products(basket, &products, "is not a product for sale")
        }
        PlaceError::Refused(Refusal::MixedCurrencies(products)) => {
            bad_products(basket, &products, "has a price in another currency than the first product")
        }
        PlaceError::Refused(Refusal::TotalTooLarge(product)) => {
            let fields = basket.positions_of(product).map(|place| {
                FieldError::new(format!("items[{place}].quantity"), "makes the total too large to be counted")
            });
            Error::Validation(fields.collect())
        }
        PlaceError::Refused(Refusal::InsufficientStock(short)) => {
            Error::InsufficientStock(short.into_iter().map(|shortage| shortfall(basket, shortage)).collect())
        }
        PlaceError::KeyReused => Error::IdempotencyKeyReused,
        PlaceError::InProgress => Error::IdempotencyInProgress,
        PlaceError::Fault(fault) => Error::Fault(fault),
    }
}

fn bad_products(basket: &Basket, products: &[ProductId], message: &str) -> Error {
    let places = products.iter().flat_map(|product| basket.positions_of(*product));
    let mut places: Vec<_> = places.collect();
    places.sort_unstable();
    let fields = places.into_iter().map(|place| FieldError::new(format!("items[{place}].productId"), message));
    Error::Validation(fields.collect())
}

fn shortfall(basket: &Basket, short: Shortage) -> Shortfall {
    let place = basket.positions_of(short.product).next().unwrap_or_default();
    Shortfall {
        field: format!("items[{place}].quantity"),
        product: short.product,
        sku: Some(short.sku),
        wanted: u64::from(short.wanted.get()),
        left: short.left,
    }
}
