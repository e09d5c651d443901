//! What clients ask for.

use entrepot_domain::{
    order::{Basket, BasketError, BasketLine},
    product::Quantity,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::request::{Fields, FromFields};

/// An order to be placed.
#[derive(ToSchema)]
#[schema(
    example = json!({"items": [{"productId": "019a2f6e-3a50-7c11-9c1e-0d3f0a1b2c3d", "quantity": 2}]}),
)]
pub(crate) struct PlaceOrderRequest {
    /// 1 to 2,000 lines; those of one product are added up.
    #[schema(value_type = Vec<ItemRequest>, min_items = 1, max_items = 2000)]
    pub(super) items: Basket,
}

/// So many of one product. The price is the catalogue's.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "names the fields of a line for the document; a line is read into the domain's own")]
pub(crate) struct ItemRequest {
    /// Which product.
    product_id: Uuid,
    /// How many.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    quantity: u32,
}

impl FromFields for PlaceOrderRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let lines = fields.objects("items", Basket::MAX_LINES, |item| {
            let product = item.text("productId", str::parse);
            let quantity = item.integer("quantity", Quantity::new);
            Some(BasketLine { product: product?, quantity: quantity? })
        })?;
        match Basket::new(lines) {
            Ok(items) => Some(Self { items }),
            Err(why) => {
                let field = match why {
                    BasketError::LineCount => "items".to_owned(),
                    BasketError::TooMany { line } => format!("items[{line}].quantity"),
                };
                fields.refuse(&field, why.to_string());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
            Just(json!("019a2f6e-3a50-7c11-9c1e-0d3f0a1b2c3d")),
        ];
        leaf.prop_recursive(3, 32, 6, |inner| {
            let name =
                prop_oneof![Just("items".to_owned()), Just("productId".into()), Just("quantity".into()), ".{0,10}"];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..6).prop_map(|fields| fields.into_iter().collect::<Value>()),
            ]
        })
    }

    /// Lines that are nearly right, or right.
    fn lines() -> impl Strategy<Value = Value> {
        let id = prop_oneof![3 => Just(json!("019a2f6e-3a50-7c11-9c1e-0d3f0a1b2c3d")), 1 => anything()];
        let quantity = prop_oneof![3 => (-1..2_147_483_649_i64).prop_map(Value::from), 1 => anything()];
        let line = (id, quantity).prop_map(|(id, quantity)| json!({"productId": id, "quantity": quantity}));
        prop::collection::vec(line, 0..5).prop_map(Value::from)
    }

    proptest! {
        #[test]
        fn a_body_is_a_basket_or_every_mistake_is_named(items in prop_oneof![anything(), lines()], more in anything()) {
            let mut body = Map::new();
            body.insert("items".to_owned(), items);
            if let Value::Object(more) = more {
                body.extend(more);
            }
            let mut errors = Vec::new();
            let mut fields = Fields::new(body, &mut errors);
            let request = PlaceOrderRequest::read(&mut fields);
            fields.finish();
            match request {
                Some(request) => prop_assert!((1..=Basket::MAX_LINES).contains(&request.items.lines().len()) || !errors.is_empty()),
                None => prop_assert!(!errors.is_empty()),
            }
            prop_assert!(errors.iter().all(|error| !error.message.is_empty()));
        }
    }
}
