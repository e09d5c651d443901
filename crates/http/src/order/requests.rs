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
