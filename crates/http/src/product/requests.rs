//! What clients ask of the catalogue.

use entrepot_application::product::NewProduct;
use entrepot_domain::{
    Currency, Description, Invalid, Money,
    product::{ProductChange, ProductName, Sku, Stock, StockReason},
};
use utoipa::{
    ToSchema,
    openapi::{KnownFormat, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type},
};

use crate::request::{Fields, FromFields};

/// A price; a currency that is left out is the one that the product has, or the shop's own for a new one.
#[derive(ToSchema)]
#[schema(example = json!({"amount": 295, "currency": "GBP"}))]
pub(crate) struct PriceRequest {
    /// Minor units: pence, cents.
    #[schema(minimum = 0)]
    amount: i64,
    /// ISO 4217.
    #[schema(schema_with = currency, required = false)]
    currency: Option<Currency>,
}

impl PriceRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let amount =
            fields.integer(
                "amount",
                |amount| {
                    if amount < 0 { Err(Invalid::new("must not be negative")) } else { Ok(amount) }
                },
            );
        let currency = fields.optional_text("currency", str::parse::<Currency>);
        Some(Self { amount: amount?, currency: currency? })
    }

    /// The price, in the shop's own currency unless it names one.
    fn money(&self, default: Currency) -> Result<Money, Invalid> {
        Money::new(self.amount, self.currency.unwrap_or(default))
    }
}

/// A product to be put up for sale.
#[derive(ToSchema)]
#[schema(
    example = json!({"sku": "MUG-1", "name": "Enamel mug", "description": "Holds tea.",
        "price": {"amount": 295, "currency": "GBP"}, "stock": 10}),
)]
pub(crate) struct CreateProductRequest {
    /// What the shop calls it; unique. 1 to 64 printable ASCII characters.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[ -~]*[!-~][ -~]*$")]
    sku: Sku,
    /// What customers call it.
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = "line")]
    name: ProductName,
    /// More about it; nothing unless told.
    #[schema(value_type = Option<String>, nullable = false, max_length = 5000, pattern = "text")]
    description: Option<Description>,
    /// The price of one.
    price: PriceRequest,
    /// How many there are; none unless told.
    #[schema(value_type = Option<i64>, nullable = false, minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    stock: Option<Stock>,
}

impl FromFields for CreateProductRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let sku = fields.text("sku", Sku::parse);
        let name = fields.text("name", ProductName::parse);
        let description = fields.optional_text("description", Description::parse);
        let price = fields.object("price", PriceRequest::read);
        let stock = fields.optional_integer("stock", Stock::new);
        Some(Self { sku: sku?, name: name?, description: description?, price: price?, stock: stock? })
    }
}

impl CreateProductRequest {
    pub(super) fn product(self, default: Currency) -> Result<NewProduct, Invalid> {
        Ok(NewProduct {
            price: self.price.money(default)?,
            sku: self.sku,
            name: self.name,
            description: self.description.unwrap_or_default(),
            stock: self.stock.unwrap_or_default(),
        })
    }
}

/// What to change of a product; what is left out stays. The stock is changed by `POST /products/{id}/stock`, so that
/// two who count at once do not undo each other.
#[derive(ToSchema)]
#[schema(example = json!({"price": {"amount": 325, "currency": "GBP"}}))]
pub(crate) struct UpdateProductRequest {
    /// Another sku.
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 64, pattern = "^[ -~]*[!-~][ -~]*$")]
    sku: Option<Sku>,
    /// Another name.
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200, pattern = "line")]
    name: Option<ProductName>,
    /// Another description.
    #[schema(value_type = Option<String>, nullable = false, max_length = 5000, pattern = "text")]
    description: Option<Description>,
    /// Another price, for orders from now on.
    #[schema(nullable = false)]
    price: Option<PriceRequest>,
}

impl FromFields for UpdateProductRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let sku = fields.optional_text("sku", Sku::parse);
        let name = fields.optional_text("name", ProductName::parse);
        let description = fields.optional_text("description", Description::parse);
        let price = fields.optional_object("price", PriceRequest::read);
        Some(Self { sku: sku?, name: name?, description: description?, price: price? })
    }
}

impl UpdateProductRequest {
    pub(super) fn change(self, default: Currency) -> Result<ProductChange, Invalid> {
        let keeps_currency = self.price.as_ref().is_some_and(|price| price.currency.is_none());
        let price = self.price.map(|price| price.money(default)).transpose()?;
        Ok(ProductChange { sku: self.sku, name: self.name, description: self.description, price, keeps_currency })
    }
}

/// Stock that came, went or was counted anew.
#[derive(ToSchema)]
#[schema(example = json!({"delta": 25, "reason": "delivery 4711"}))]
pub(crate) struct StockRequest {
    /// How many more, or fewer below zero; not zero.
    #[schema(schema_with = not_zero)]
    pub(super) delta: i64,
    /// Why, for whoever reads the history.
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = "line")]
    pub(super) reason: StockReason,
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

impl FromFields for StockRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let delta =
            fields.integer("delta", |delta| if delta == 0 { Err(Invalid::new("must not be zero")) } else { Ok(delta) });
        let reason = fields.text("reason", StockReason::parse);
        Some(Self { delta: delta?, reason: reason? })
    }
}
