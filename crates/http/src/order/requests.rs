//! What clients ask for.

use entrepot_domain::{
    ProductId, Sort, UserId,
    order::{Basket, BasketError, BasketLine, OrderFilter, OrderSort, OrderStatus},
    product::Quantity,
};
use garde::Validate;
use serde::{Deserialize, de::SeqAccess};
use utoipa::{IntoParams, ToSchema};

use crate::request::{
    EndOfDay, Field, FromJson, ListParts, ListQuery, Mistakes, Parsed, Request, StartOfDay, TimeOrDate, is_not_after,
    items,
};

/// An order to be placed.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(
    example = json!({"items": [{"productId": "019a2f6e-3a50-7c11-9c1e-0d3f0a1b2c3d", "quantity": 2}]}),
)]
pub(crate) struct PlaceOrderRequest {
    /// 1 to 2,000 lines; those of one product are added up.
    #[garde(dive)]
    #[schema(value_type = Vec<ItemRequest>, min_items = 1, max_items = 2000)]
    pub(super) items: Field<Basket>,
}

impl Request for PlaceOrderRequest {}

/// So many of one product. The price is the catalogue's.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ItemRequest {
    /// The product.
    #[garde(dive)]
    #[schema(value_type = Uuid)]
    product_id: Field<ProductId>,
    /// How many.
    #[garde(dive)]
    #[schema(value_type = u32, minimum = 1, maximum = 2_147_483_647)]
    quantity: Field<Quantity>,
}

impl Request for ItemRequest {}

impl TryFrom<ItemRequest> for BasketLine {
    type Error = Mistakes;

    fn try_from(item: ItemRequest) -> Parsed<Self> {
        Ok(Self { product: item.product_id.value()?, quantity: item.quantity.value()? })
    }
}

impl FromJson for Basket {
    const EXPECTED: &'static str = "a list";

    fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Parsed<Self>, A::Error> {
        Ok(items::<ItemRequest, A>(list, Self::MAX_LINES)?.and_then(basket))
    }
}

fn basket(items: Vec<ItemRequest>) -> Parsed<Basket> {
    let lines: Vec<BasketLine> = items.into_iter().map(BasketLine::try_from).collect::<Parsed<_>>()?;
    Basket::new(lines).map_err(|why| {
        let place = match why {
            BasketError::LineCount => String::new(),
            BasketError::TooMany { line } => format!("[{line}].quantity"),
        };
        Mistakes::at(place, why.to_string())
    })
}

/// Which orders are listed.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderListQuery {
    /// Those of this user; for staff
    #[garde(dive)]
    #[param(value_type = Option<Uuid>)]
    user_id: Field<Option<UserId>>,
    /// Those in this status
    #[garde(dive)]
    #[param(
        value_type = Option<String>,
        pattern = "^(pending|paid|shipped|delivered|cancelled|refunded)$",
        example = "pending"
    )]
    status: Field<Option<OrderStatus>>,
    /// Those placed then or later: RFC 3339, or a date
    #[garde(dive, custom(is_not_after(&self.to)))]
    #[param(value_type = Option<TimeOrDate>, inline, example = "2026-11-01")]
    from: Field<Option<StartOfDay>>,
    /// Those placed then or earlier: RFC 3339, or a date, which is meant whole
    #[garde(dive)]
    #[param(value_type = Option<TimeOrDate>, inline, example = "2026-11-30")]
    to: Field<Option<EndOfDay>>,
    /// `-createdAt` or `createdAt`
    #[garde(dive)]
    #[param(value_type = Option<String>, pattern = "^-?createdAt$", example = "-createdAt")]
    sort: Field<Option<Sort<OrderSort>>>,
}

impl ListQuery for OrderListQuery {
    type SortField = OrderSort;
    type Filter = OrderFilter;

    fn into_parts(self) -> Parsed<ListParts<OrderFilter, OrderSort>> {
        let filter = OrderFilter {
            user: self.user_id.value()?,
            status: self.status.value()?,
            from: self.from.value()?.map(|StartOfDay(from)| from),
            to: self.to.value()?.map(|EndOfDay(to)| to),
        };
        Ok((filter, self.sort.value()?))
    }
}

#[cfg(test)]
mod tests {
    use entrepot_application::Error;
    use proptest::prelude::*;
    use serde::de::value::MapDeserializer;
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
        fn body_is_a_basket_or_every_error_is_named(items in prop_oneof![anything(), lines()], more in anything()) {
            let mut body = Map::new();
            body.insert("items".to_owned(), items);
            if let Value::Object(more) = more {
                body.extend(more);
            }
            match PlaceOrderRequest::from_object(MapDeserializer::new(body.into_iter())).unwrap() {
                Ok(request) => {
                    let basket = request.items.value().unwrap();
                    prop_assert!((1..=Basket::MAX_LINES).contains(&basket.lines().len()));
                }
                Err(mistakes) => {
                    let Error::Validation(errors) = Error::from(mistakes) else { panic!() };
                    prop_assert!(!errors.is_empty() && errors.iter().all(|error| !error.message.is_empty()));
                }
            }
        }
    }
}
