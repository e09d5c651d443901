//! What clients ask of the catalogue.

use async_graphql::InputObject;
use entrepot_api::search_text;
use entrepot_application::{Error, product::NewProduct};
use entrepot_domain::{
    Currency, Description, Direction, Invalid, Money, Sort,
    product::{
        PriceRange, ProductChange, ProductFilter, ProductName, ProductQuery, ProductSort, Sku, Stock, StockReason,
    },
};

use crate::{
    connection::{Part, PartArguments, Signature},
    fields::Fields,
    refusal::Refusal,
};

/// A price; a currency that is left out is the one that the product has, or the shop's own for a new one.
#[derive(InputObject)]
pub(super) struct MoneyInput {
    /// Minor units: pence, cents.
    amount: i64,
    /// ISO 4217.
    currency: Option<String>,
}

impl MoneyInput {
    fn read(&self, fields: &mut Fields, default: Currency) -> Option<Money> {
        let currency = fields.optional("price.currency", self.currency.as_deref(), str::parse).unwrap_or(default);
        fields.read("price.amount", Money::new(self.amount, currency))
    }
}

/// A product to be put up for sale.
#[derive(InputObject)]
pub(super) struct CreateProductInput {
    /// What the shop calls it; unique.
    sku: String,
    /// What customers call it.
    name: String,
    /// Nothing unless told.
    description: Option<String>,
    /// The price of one.
    price: MoneyInput,
    /// How many there are; none unless told.
    stock: Option<i64>,
}

impl CreateProductInput {
    pub(super) fn product(self, default_currency: Currency) -> Result<NewProduct, Error> {
        let mut fields = Fields::default();
        let sku = fields.read("sku", Sku::parse(&self.sku));
        let name = fields.read("name", ProductName::parse(&self.name));
        let description = fields.optional("description", self.description, |text| Description::parse(&text));
        let price = self.price.read(&mut fields, default_currency);
        let stock = fields.optional("stock", self.stock, Stock::new);
        fields.check()?;
        let (Some(sku), Some(name), Some(price)) = (sku, name, price) else { return Err(fields.error()) };
        let (description, stock) = (description.unwrap_or_default(), stock.unwrap_or_default());
        Ok(NewProduct { sku, name, description, price, stock })
    }
}

/// What to change of a product; what is left out stays.
#[derive(InputObject)]
pub(super) struct UpdateProductInput {
    sku: Option<String>,
    name: Option<String>,
    description: Option<String>,
    /// Another price, for orders from now on.
    price: Option<MoneyInput>,
}

impl UpdateProductInput {
    pub(super) fn change(self, default_currency: Currency) -> Result<ProductChange, Error> {
        let mut fields = Fields::default();
        let change = ProductChange {
            sku: fields.optional("sku", self.sku, |sku| Sku::parse(&sku)),
            name: fields.optional("name", self.name, |name| ProductName::parse(&name)),
            description: fields.optional("description", self.description, |text| Description::parse(&text)),
            keeps_currency: self.price.as_ref().is_some_and(|price| price.currency.is_none()),
            price: self.price.and_then(|price| price.read(&mut fields, default_currency)),
        };
        fields.check()?;
        Ok(change)
    }
}

/// Reads a change of the stock.
pub(super) fn stock_change(delta: i64, reason: &str) -> Result<(i64, StockReason), Error> {
    let mut fields = Fields::default();
    if delta == 0 {
        fields.refuse("delta", "must not be zero");
    }
    let reason = fields.read("reason", StockReason::parse(reason));
    fields.check()?;
    reason.map(|reason| (delta, reason)).ok_or_else(|| fields.error())
}

/// Which products are listed.
pub(super) struct ProductList {
    pub(super) q: Option<String>,
    pub(super) in_stock: Option<bool>,
    pub(super) min_price: Option<i64>,
    pub(super) max_price: Option<i64>,
    pub(super) sort: Option<String>,
    pub(super) part: PartArguments,
}

impl ProductList {
    pub(super) fn query(
        self,
        currency: Currency,
        keys: &[[u8; 32]],
    ) -> Result<(ProductQuery, Part<ProductSort>), Refusal> {
        let mut fields = Fields::default();
        let signature = Signature::default()
            .with("q", self.q.as_ref())
            .with("inStock", self.in_stock)
            .with("minPrice", self.min_price)
            .with("maxPrice", self.max_price)
            .with("sort", self.sort.as_ref());
        let search = fields.optional("q", self.q.filter(|q| !q.is_empty()), |q| search_text(&q));
        let min = fields.optional("minPrice", self.min_price, price_bound);
        let max = fields.optional("maxPrice", self.max_price, price_bound);
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            fields.refuse("minPrice", "must not be greater than maxPrice");
        }
        let sort = fields.optional("sort", self.sort.filter(|sort| !sort.is_empty()), |sort| Sort::parse(&sort));
        let limit = self.part.limit(&mut fields);
        fields.check()?;
        let sort = sort.unwrap_or_else(|| Sort::by(ProductSort::CreatedAt, Direction::Descending));
        let part = self.part.part(limit.unwrap_or_default(), "products", sort, &signature, keys)?;
        let prices = (min.is_some() || max.is_some()).then_some(PriceRange { currency, min, max });
        let filter = ProductFilter { search, in_stock: self.in_stock, prices };
        Ok((ProductQuery { filter, sort: part.sort.clone(), window: part.window.clone() }, part))
    }
}

fn price_bound(units: i64) -> Result<i64, Invalid> {
    if units < 0 { Err(Invalid::new("must be a whole number that is not negative")) } else { Ok(units) }
}
