//! What clients ask of the catalogue.

use entrepot_application::product::NewProduct;
use entrepot_domain::{
    Currency, Description, Invalid, Money, Sort,
    product::{PriceRange, ProductChange, ProductFilter, ProductName, ProductSort, Sku, Stock, StockReason},
};
use garde::Validate;
use serde::Deserialize;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{KnownFormat, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type},
};

use crate::request::{Amount, Field, FromJson, ListParts, ListQuery, Parsed, Request, SearchText, natural};

/// A price; a currency that is left out is the one that the product has, or the shop's own for a new one.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"amount": 295, "currency": "GBP"}))]
pub(crate) struct PriceRequest {
    /// Minor units: pence, cents.
    #[garde(dive)]
    #[schema(value_type = i64, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    amount: Field<Amount>,
    /// ISO 4217.
    #[garde(dive)]
    #[schema(schema_with = currency, required = false)]
    currency: Field<Option<Currency>>,
}

impl Request for PriceRequest {}

impl PriceRequest {
    /// The price, in `default` unless it names a currency.
    fn money(self, default: Currency) -> Parsed<Money> {
        Ok(self.amount.value()?.of(self.currency.value()?.unwrap_or(default)))
    }
}

/// A product to be put up for sale.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(
    example = json!({"sku": "MUG-1", "name": "Enamel mug", "description": "Holds tea.",
        "price": {"amount": 295, "currency": "GBP"}, "stock": 10}),
)]
pub(crate) struct CreateProductRequest {
    /// The SKU, unique in the catalogue: 1 to 64 printable ASCII characters.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[ -~]*[!-~][ -~]*$")]
    sku: Field<Sku>,
    /// The name shown to customers.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = "line")]
    name: Field<ProductName>,
    /// More about it; nothing unless told.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 5000, pattern = "text")]
    description: Field<Option<Description>>,
    /// The price of one.
    #[garde(dive)]
    #[schema(value_type = PriceRequest)]
    price: Field<PriceRequest>,
    /// How many there are; none unless told.
    #[garde(dive)]
    #[schema(value_type = Option<i64>, nullable = false, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    stock: Field<Option<Stock>>,
}

impl Request for CreateProductRequest {}

impl CreateProductRequest {
    pub(super) fn product(self, default_currency: Currency) -> Parsed<NewProduct> {
        Ok(NewProduct {
            sku: self.sku.value()?,
            name: self.name.value()?,
            description: self.description.value()?.unwrap_or_default(),
            price: self.price.value()?.money(default_currency)?,
            stock: self.stock.value()?.unwrap_or_default(),
        })
    }
}

/// What to change of a product; what is left out stays. The stock is changed by `POST /products/{id}/stock`, so that
/// two who count at once do not undo each other.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"price": {"amount": 325, "currency": "GBP"}}))]
pub(crate) struct UpdateProductRequest {
    /// Another sku.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 64, pattern = "^[ -~]*[!-~][ -~]*$")]
    sku: Field<Option<Sku>>,
    /// Another name.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200, pattern = "line")]
    name: Field<Option<ProductName>>,
    /// Another description.
    #[garde(dive)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 5000, pattern = "text")]
    description: Field<Option<Description>>,
    /// Another price, for orders from now on.
    #[garde(dive)]
    #[schema(value_type = Option<PriceRequest>, nullable = false)]
    price: Field<Option<PriceRequest>>,
}

impl Request for UpdateProductRequest {}

impl UpdateProductRequest {
    pub(super) fn change(self, default_currency: Currency) -> Parsed<ProductChange> {
        let price = self.price.value()?;
        Ok(ProductChange {
            sku: self.sku.value()?,
            name: self.name.value()?,
            description: self.description.value()?,
            keeps_currency: price.as_ref().is_some_and(|price| matches!(price.currency.get(), Some(None))),
            price: price.map(|price| price.money(default_currency)).transpose()?,
        })
    }
}

/// Stock that came, went or was counted anew.
#[derive(Deserialize, Validate, ToSchema)]
#[schema(example = json!({"delta": 25, "reason": "delivery 4711"}))]
pub(crate) struct StockRequest {
    /// How many more, or fewer below zero; not zero.
    #[garde(dive, custom(is_not_zero))]
    #[schema(schema_with = not_zero)]
    pub(super) delta: Field<i64>,
    /// Why, for whoever reads the history.
    #[garde(dive)]
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = "line")]
    pub(super) reason: Field<StockReason>,
}

impl Request for StockRequest {}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "garde calls it so")]
fn is_not_zero(delta: &Field<i64>, (): &()) -> garde::Result {
    if delta.get() == Some(&0) { Err(garde::Error::new("must not be zero")) } else { Ok(()) }
}

fn currency() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("ISO 4217."))
        .enum_values(Some(Currency::codes()))
        .build()
}

fn not_zero() -> Schema {
    let integer =
        || ObjectBuilder::new().schema_type(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    OneOfBuilder::new()
        .item(integer().minimum(Some(1)).maximum(Some(Stock::MAX)))
        .item(integer().minimum(Some(-Stock::MAX)).maximum(Some(-1)))
        .build()
        .into()
}

/// Which products are listed.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductListQuery {
    /// Words in any order: name, sku or description must have all of them, whatever their case, also within other words
    #[garde(dive)]
    #[param(value_type = Option<String>, max_length = 200, pattern = r"^[^\x00-\x1F\x7F-\x9F]*$", example = "mug")]
    q: Field<Option<SearchText>>,
    /// Those that have some left, or those that have not
    #[garde(dive)]
    #[param(value_type = Option<bool>)]
    in_stock: Field<Option<bool>>,
    /// The least minor units of `currency`
    #[garde(dive, custom(is_at_most(&self.max_price)))]
    #[param(value_type = Option<i64>, minimum = 0)]
    min_price: Field<Option<PriceBound>>,
    /// The most minor units of `currency`
    #[garde(dive)]
    #[param(value_type = Option<i64>, minimum = 0)]
    max_price: Field<Option<PriceBound>>,
    /// Those whose price is in this currency (ISO 4217); beside `minPrice` and `maxPrice` the shop's own unless told
    #[garde(dive)]
    #[param(schema_with = currency, required = false)]
    currency: Field<Option<Currency>>,
    /// `name`, `price`, `sku`, `createdAt`, each with an optional minus
    #[garde(dive)]
    #[param(
        value_type = Option<String>,
        pattern = "^-?(name|price|sku|createdAt)(,-?(name|price|sku|createdAt))*$",
        example = "name,-price"
    )]
    sort: Field<Option<Sort<ProductSort>>>,
}

/// Minor units that prices are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct PriceBound(i64);

impl FromJson for PriceBound {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Parsed<Self> {
        let units = natural(text)?;
        Ok(Self(i64::try_from(units).map_err(|_| Invalid::new("is out of range"))?))
    }
}

fn is_at_most(max: &Field<Option<PriceBound>>) -> impl Fn(&Field<Option<PriceBound>>, &()) -> garde::Result {
    move |min, ()| match (min.get().copied().flatten(), max.get().copied().flatten()) {
        (Some(min), Some(max)) if min > max => Err(garde::Error::new("must not be greater than maxPrice")),
        _ => Ok(()),
    }
}

/// A filter whose prices may be in the shop's own currency.
pub(super) struct AskedProducts {
    search: Option<String>,
    in_stock: Option<bool>,
    min_price: Option<PriceBound>,
    max_price: Option<PriceBound>,
    currency: Option<Currency>,
}

impl AskedProducts {
    pub(super) fn filter(self, default_currency: Currency) -> ProductFilter {
        let [min, max] = [self.min_price, self.max_price].map(|bound| bound.map(|PriceBound(units)| units));
        let asked = self.currency.is_some() || min.is_some() || max.is_some();
        let currency = self.currency.unwrap_or(default_currency);
        let prices = asked.then_some(PriceRange { currency, min, max });
        ProductFilter { search: self.search, in_stock: self.in_stock, prices }
    }
}

impl ListQuery for ProductListQuery {
    type SortField = ProductSort;
    type Filter = AskedProducts;

    fn into_parts(self) -> Parsed<ListParts<AskedProducts, ProductSort>> {
        let asked = AskedProducts {
            search: self.q.value()?.map(|SearchText(words)| words),
            in_stock: self.in_stock.value()?,
            min_price: self.min_price.value()?,
            max_price: self.max_price.value()?,
            currency: self.currency.value()?,
        };
        Ok((asked, self.sort.value()?))
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{Direction, Keyset, SortValue};
    use uuid::Uuid;

    use super::*;
    use crate::{
        error::{ApiError, ApiResult},
        request::ListRequest,
    };

    /// Names were sorted as they are spelled.
    #[test]
    fn cursor_with_an_unfolded_name_is_refused() {
        let read = |cursor: &str| -> ApiResult<_> {
            let default = Sort::by(ProductSort::CreatedAt, Direction::Descending);
            let query = format!("sort=name&cursor={cursor}");
            ListRequest::read::<ProductListQuery>(&query, "products", default, &[[7; 32]]).map(|(_, asked)| asked)
        };
        let seal = read("").unwrap().seal;
        let cursor_of = |name: &str| {
            seal.close(&Keyset { values: vec![SortValue::Text(name.to_owned())], id: Uuid::nil() }).unwrap()
        };
        assert!(read(&cursor_of("enamel mug")).is_ok());
        assert!(matches!(read(&cursor_of("Enamel mug")), Err(ApiError::InvalidCursor)));
    }
}
