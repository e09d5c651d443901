//! Products.

use entrepot_domain::{
    Description, Money, ProductId, Timestamp, Version,
    product::{Product, ProductImport, ProductName, Sku, Stock, StockChange, StockReason},
};

use crate::{at, by, gbp, id, user_id};

/// The identifier of the product with that number.
pub fn product_id(n: u128) -> ProductId {
    ProductId(id(n))
}

/// Builds a product.
#[derive(Debug, Clone)]
#[must_use]
pub struct ProductBuilder(Product);

/// Product number `n`: `SKU-7`, `Product 7`, one pound, a stock of a hundred.
pub fn product(n: u128) -> ProductBuilder {
    ProductBuilder(Product {
        id: product_id(n),
        sku: Sku::parse(&format!("SKU-{n}")).unwrap(),
        name: ProductName::parse(&format!("Product {n}")).unwrap(),
        description: Description::default(),
        price: gbp(100),
        stock: Stock::new(100).unwrap(),
        version: Version::FIRST,
        created_at: at(0),
        updated_at: at(0),
    })
}

impl ProductBuilder {
    /// Sets the sku.
    pub fn sku(mut self, sku: &str) -> Self {
        self.0.sku = Sku::parse(sku).unwrap();
        self
    }

    /// Sets the name.
    pub fn name(mut self, name: &str) -> Self {
        self.0.name = ProductName::parse(name).unwrap();
        self
    }

    /// Sets the description.
    pub fn description(mut self, description: &str) -> Self {
        self.0.description = Description::parse(description).unwrap();
        self
    }

    /// Sets the price, in pence.
    pub fn price(self, pence: i64) -> Self {
        self.money(gbp(pence))
    }

    /// Sets the price, in any currency.
    pub fn money(mut self, price: Money) -> Self {
        self.0.price = price;
        self
    }

    /// Sets the stock.
    pub fn stock(mut self, count: i64) -> Self {
        self.0.stock = Stock::new(count).unwrap();
        self
    }

    /// Sets the time of creation and of the last update.
    pub fn created_at(mut self, at: Timestamp) -> Self {
        self.0.created_at = at;
        self.0.updated_at = at;
        self
    }

    /// The product.
    pub fn build(self) -> Product {
        self.0
    }
}

/// An import of the product, without description and stock.
pub fn product_import(product: &Product) -> ProductImport {
    ProductImport {
        id: product.id,
        sku: product.sku.clone(),
        name: product.name.clone(),
        price: product.price.into(),
        description: None,
        stock: None,
    }
}

/// A stock adjustment by `delta` at this time.
pub fn stock_change(delta: i64, at: Timestamp) -> StockChange {
    let actor = user_id(1);
    StockChange { delta, reason: StockReason::parse("counted").unwrap(), actor, cause: by(actor, at) }
}
