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
    /// Minor units: pence, cents.
    #[schema(minimum = 0)]
    amount: i64,
    /// ISO 4217.
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

/// Something for sale.
#[derive(Serialize, ToSchema)]
#[schema(as = Product)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProductView<'a> {
    /// Names the product.
    id: Uuid,
    /// What the shop calls it.
    #[schema(example = "MUG-1")]
    sku: &'a str,
    /// What customers call it.
    #[schema(example = "Enamel mug")]
    name: &'a str,
    /// More about it.
    #[schema(example = "Holds tea.")]
    description: &'a str,
    /// The price of one.
    price: MoneyView,
    /// How many are left.
    #[schema(minimum = 0, example = 10)]
    stock: i64,
    /// Counts the changes, those of the stock included; the `ETag` says it too.
    #[schema(minimum = 1, example = 1)]
    version: i64,
    /// When it came into the catalogue.
    #[schema(value_type = String, format = DateTime)]
    created_at: Rfc3339,
    /// When it was last changed.
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
