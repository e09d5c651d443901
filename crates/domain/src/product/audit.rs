//! The audit entries of changes of the catalogue.

use super::{Product, StockChange};
use crate::{
    Money,
    audit::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change},
};

impl Cause {
    /// The entry for a new product.
    pub fn product_created(&self, product: &Product) -> AuditEntry {
        self.entry(AuditAction::ProductCreated, AuditSubject::Product(product.id), all_of(product))
    }

    /// The entry for an updated product.
    pub fn product_updated(&self, was: &Product, is: &Product) -> AuditEntry {
        self.entry(AuditAction::ProductUpdated, AuditSubject::Product(is.id), difference(was, is))
    }

    /// The entry for an archived product.
    pub fn product_archived(&self, product: &Product) -> AuditEntry {
        self.entry(AuditAction::ProductArchived, AuditSubject::Product(product.id), Vec::new())
    }

    /// The entry for a restored product.
    pub fn product_restored(&self, product: &Product) -> AuditEntry {
        self.entry(AuditAction::ProductRestored, AuditSubject::Product(product.id), Vec::new())
    }

    /// The entry for a product that an import created or updated. An import writes several entries; `number` is the
    /// index of this one.
    pub fn product_imported(&self, number: u32, was: Option<&Product>, is: &Product) -> AuditEntry {
        let changes = was.map_or_else(|| all_of(is), |was| difference(was, is));
        self.entry_number(number, AuditAction::ProductImported, AuditSubject::Product(is.id), changes)
    }

    /// The entry for a stock adjustment.
    pub fn stock_adjusted(&self, was: &Product, is: &Product, change: &StockChange) -> AuditEntry {
        let mut changes = difference(was, is);
        changes.push(Change::to(AuditField::Reason, &change.reason));
        self.entry(AuditAction::StockAdjusted, AuditSubject::Product(is.id), changes)
    }
}

/// Formats a price as `295 GBP`: minor units, as in the API.
fn price(money: Money) -> String {
    format!("{} {}", money.amount(), money.currency())
}

fn values(product: &Product) -> [(AuditField, String); 5] {
    [
        (AuditField::Sku, product.sku.to_string()),
        (AuditField::Name, product.name.to_string()),
        (AuditField::Description, product.description.to_string()),
        (AuditField::Price, price(product.price)),
        (AuditField::Stock, product.stock.get().to_string()),
    ]
}

fn all_of(product: &Product) -> Vec<Change> {
    values(product).into_iter().map(|(field, value)| Change::to(field, &value)).collect()
}

fn difference(was: &Product, is: &Product) -> Vec<Change> {
    let pairs = values(was).into_iter().zip(values(is));
    pairs.filter_map(|((field, before), (_, after))| Change::between(field, &before, &after)).collect()
}
