//! Products as clients see them.

use entrepot_domain::{Money, product::Product};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::response::Rfc3339;

/// An amount of money: a whole number of minor units, and a currency.
#[derive(Serialize, ToSchema)]
#[schema(as = Money, example = json!({"amount": 295, "currency": "GBP"}))]
pub(crate) struct MoneyView {
    /// The amount in minor units, such as pence or cents.
    #[schema(minimum = 0)]
    amount: i64,
    /// The currency code of ISO 4217.
    #[schema(value_type = String, min_length = 3, max_length = 3)]
    #[serde(serialize_with = "code")]
    currency: entrepot_domain::Currency,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference in")]
fn code<S: Serializer>(currency: &entrepot_domain::Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.as_str())
}

impl From<Money> for MoneyView {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency() }
    }
}

/// A product.
#[derive(Serialize, ToSchema)]
#[schema(as = Product)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductView<'a> {
    /// The identifier of the product.
    id: Uuid,
    /// The SKU: the shop's own code for the product.
    #[schema(example = "MUG-1")]
    sku: &'a str,
    /// The name shown to customers.
    #[schema(example = "Enamel mug")]
    name: &'a str,
    /// The description.
    #[schema(example = "Holds tea.")]
    description: &'a str,
    /// The price of one unit.
    price: MoneyView,
    /// The number of units in stock.
    #[schema(minimum = 0, example = 10)]
    stock: i64,
    /// The version, which every change increases, changes of stock included; also the `ETag`.
    #[schema(minimum = 1, example = 1)]
    version: i64,
    /// The time at which the product was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// The time of the last change.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Rfc3339,
}

impl<'a> From<&'a Product> for ProductView<'a> {
    fn from(product: &'a Product) -> Self {
        Self {
            id: product.id.0,
            sku: product.sku.as_str(),
            name: product.name.as_str(),
            description: product.description.as_str(),
            price: product.price.into(),
            stock: product.stock.get(),
            version: product.version.0,
            created_at: Rfc3339(product.created_at),
            updated_at: Rfc3339(product.updated_at),
        }
    }
}
