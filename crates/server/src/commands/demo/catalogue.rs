//! The products of the demo shop.

use anyhow::Result;
use entrepot_domain::{
    Currency, Description, Invalid, Money, ProductId, Timestamp,
    product::{ImportPrice, ProductImport, ProductName, Sku, Stock},
};

use super::{Shop, cause, id_at};

/// How many products there are.
pub(super) const PRODUCTS: usize = 2_000;

/// How many products are written in one transaction.
const BATCH_SIZE: usize = 500;

const STYLES: [&str; 20] = [
    "Vintage", "Striped", "Dotted", "Plain", "Painted", "Woven", "Carved", "Small", "Large", "Folding", "Hanging",
    "Round", "Square", "Red", "Blue", "Green", "White", "Ivory", "Rustic", "Retro",
];

const MATERIALS: [&str; 10] =
    ["Wooden", "Enamel", "Ceramic", "Glass", "Cotton", "Linen", "Felt", "Copper", "Zinc", "Paper"];

const THINGS: [&str; 40] = [
    "Mug",
    "Bowl",
    "Plate",
    "Jug",
    "Vase",
    "Lantern",
    "Candle Holder",
    "Tray",
    "Basket",
    "Clock",
    "Doormat",
    "Cushion",
    "Apron",
    "Tea Towel",
    "Lunch Box",
    "Bottle",
    "Cake Stand",
    "Jar",
    "Tin",
    "Frame",
    "Mirror",
    "Hook",
    "Drawer Knob",
    "Coaster",
    "Bunting",
    "Garland",
    "Wreath",
    "Bell",
    "Ornament",
    "Notebook",
    "Pencil Case",
    "Gift Bag",
    "Stool",
    "Lamp",
    "Bird House",
    "Planter",
    "Watering Can",
    "Umbrella",
    "Bag",
    "Puzzle",
];

/// A product before it is stocked.
pub(super) struct Article {
    name: String,
    price: Money,
}

/// Different products in a fixed order: the first are the ones that sell best.
pub(super) fn products(random: &mut fastrand::Rng, currency: Currency) -> Vec<Article> {
    let mut names: Vec<String> = STYLES
        .iter()
        .flat_map(|style| MATERIALS.iter().map(move |material| (style, material)))
        .flat_map(|(style, material)| THINGS.iter().map(move |thing| format!("{style} {material} {thing}")))
        .collect();
    random.shuffle(&mut names);
    let article = |name| {
        // Most things are cheap, and prices end in 5.
        let amount = 95 + 10 * (random.i64(0..32) * random.i64(0..32));
        Article { name, price: Money::new(amount, currency).unwrap_or(Money::zero(currency)) }
    };
    names.into_iter().take(PRODUCTS).map(article).collect()
}

/// How many of a product the shop begins with: more of what sells well, and too few of some.
fn stock(place: usize) -> i64 {
    let rank = i64::try_from(place).unwrap_or(i64::MAX);
    let popular = 6_000 / (20 + rank);
    let scarce = if rank % 17 == 3 { 0 } else { 30 };
    3 + 6 * popular + scarce + rank % 23
}

impl Shop {
    /// Writes the products, and returns their identifiers in the same order.
    pub(super) async fn stock(&self, articles: Vec<Article>, opened: Timestamp) -> Result<Vec<ProductId>> {
        let import = |(place, article): (usize, Article)| {
            Ok(ProductImport {
                id: ProductId(id_at(opened)),
                sku: Sku::parse(&format!("DEMO-{:04}", place + 1))?,
                name: ProductName::parse(&article.name)?,
                description: Some(Description::parse(&format!("{}, made for a demo.", article.name))?),
                price: ImportPrice::from(article.price),
                stock: Some(Stock::new(stock(place))?),
            })
        };
        let imports = articles.into_iter().enumerate().map(import).collect::<Result<Vec<_>, Invalid>>()?;
        for batch in imports.chunks(BATCH_SIZE) {
            self.stores.products.upsert(batch, &cause(None, opened)).await?;
        }
        Ok(imports.into_iter().map(|import| import.id).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn products_are_different_and_the_same_each_time() {
        let names = || -> Vec<_> {
            let articles = products(&mut fastrand::Rng::with_seed(1), "GBP".parse().unwrap());
            articles.into_iter().map(|article| (article.name, article.price)).collect()
        };
        let first = names();
        assert_eq!(first, names());
        assert_eq!(first.iter().map(|(name, _)| name).collect::<HashSet<_>>().len(), PRODUCTS);
        assert!(first.iter().all(|(_, price)| price.amount() >= 95));
    }
}
