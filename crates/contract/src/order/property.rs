//! A property test that compares concurrently placed orders with the domain's decision.
//!
//! A store may place several orders in one statement or separately, and may decide in SQL. In any case there must be a
//! sequence of the same placements for which [`Order::place`], called one after the other, gives the same results and
//! the same products.

use std::{cell::Cell, collections::HashMap};

use chrono::Duration;
use entrepot_domain::{
    Money, ProductId, Timestamp, UserId,
    order::{Fingerprint, IdempotencyKey, Order, PlaceError, Placed, Placement, Refusal},
    product::{Product, ProductImport},
};
use entrepot_testkit::{at, at_key, cause, money, placement, product, product_import};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, Strategy, any},
    prop_oneof,
    test_runner::{Config, TestRunner},
};
use tokio::{runtime::Handle, task::block_in_place};

use super::buyer;
use crate::{Stores, at_once};

/// The number of generated shops, which takes some seconds in a debug build.
const CASES: u32 = 48;

/// The number of products of a shop. Baskets may also contain one that does not exist.
const PRODUCTS: u128 = 5;

/// The number of identifiers reserved per shop.
const IDS: u128 = 1_000;

#[derive(Debug, Clone)]
struct Shop {
    products: Vec<Stocked>,
    rounds: Vec<Round>,
}

#[derive(Debug, Clone)]
struct Stocked {
    price: i64,
    currency: &'static str,
    stock: i64,
    archived: bool,
}

/// Concurrent attempts.
#[derive(Debug, Clone)]
struct Round {
    /// Starts after all keys of the previous round have expired.
    days_later: bool,
    attempts: Vec<Attempt>,
}

#[derive(Debug, Clone)]
struct Attempt {
    buyer: bool,
    lines: Vec<(u128, i64)>,
    key: Option<u8>,
}

fn shops() -> impl Strategy<Value = Shop> {
    let price = prop_oneof![6 => 0..1_000_i64, 1 => Just(Money::MAX / 2), 1 => Just(Money::MAX)];
    let currency = prop_oneof![6 => Just("GBP"), 1 => Just("EUR"), 1 => Just("AED")];
    let stock = prop_oneof![5 => 0..8_i64, 2 => Just(1_000_000)];
    let archived = prop_oneof![7 => Just(false), 1 => Just(true)];
    let product = (price, currency, stock, archived);
    let product = product.prop_map(|(price, currency, stock, archived)| Stocked { price, currency, stock, archived });

    let quantity = prop_oneof![8 => 1..4_i64, 1 => Just(1_000_000)];
    let which = prop_oneof![12 => 0..PRODUCTS, 1 => Just(PRODUCTS)];
    let attempt = (any::<bool>(), vec((which, quantity), 1..5), option::weighted(0.4, 0..2_u8));
    let attempt = attempt.prop_map(|(buyer, lines, key)| Attempt { buyer, lines, key });
    let round = (any::<bool>(), vec(attempt, 1..7));
    let round = round.prop_map(|(days_later, attempts)| Round { days_later, attempts });

    let products = usize::try_from(PRODUCTS).unwrap();
    (vec(product, products), vec(round, 1..3)).prop_map(|(products, rounds)| Shop { products, rounds })
}

/// The result that a caller gets.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    Placed(Order),
    Replayed(Order),
    KeyReused,
    /// Another attempt with the key was in progress.
    InProgress,
    Refused(Refusal),
}

impl From<Result<Placed, PlaceError>> for Answer {
    fn from(result: Result<Placed, PlaceError>) -> Self {
        match result {
            Ok(Placed { order, replayed: false }) => Self::Placed(order),
            Ok(Placed { order, replayed: true }) => Self::Replayed(order),
            Err(PlaceError::KeyReused) => Self::KeyReused,
            Err(PlaceError::InProgress) => Self::InProgress,
            Err(PlaceError::Refused(refusal)) => Self::Refused(refusal),
            Err(PlaceError::Fault(fault)) => panic!("{:?}", anyhow::Error::new(fault)),
        }
    }
}

/// A model that places orders one after the other, with the domain's decision.
#[derive(Debug, Clone)]
struct Model {
    products: HashMap<ProductId, Product>,
    keys: HashMap<(UserId, IdempotencyKey), (Fingerprint, Timestamp, Order)>,
}

impl Model {
    fn place(&mut self, placement: &Placement) -> Answer {
        let draft = &placement.draft;
        let key = placement.idempotency.as_ref().map(|one| ((draft.user, one.key.clone()), one));
        if let Some((key, one)) = &key
            && let Some((fingerprint, expires_at, order)) = self.keys.get(key)
            && *expires_at > draft.at
        {
            return if *fingerprint == one.fingerprint { Answer::Replayed(order.clone()) } else { Answer::KeyReused };
        }
        let order = match Order::place(draft, self.products.values()) {
            Ok(order) => order,
            Err(refusal) => return Answer::Refused(refusal),
        };
        for line in &order.lines {
            let product = self.products.get_mut(&line.product).unwrap();
            product.stock = product.stock.take(line.quantity).unwrap();
            product.version = product.version.next();
            product.updated_at = draft.at;
        }
        if let Some((key, one)) = key {
            self.keys.insert(key, (one.fingerprint, one.expires_at, order.clone()));
        }
        Answer::Placed(order)
    }

    /// The model after a sequence of these placements that gives each its result, if there is one.
    fn after(&self, left: &[(&Placement, &Answer)]) -> Option<Self> {
        if left.is_empty() {
            return Some(self.clone());
        }
        (0..left.len()).find_map(|next| {
            let (placement, answer) = left[next];
            let mut model = self.clone();
            // Nothing was changed, whatever ran concurrently.
            let excused = *answer == Answer::InProgress && placement.idempotency.is_some();
            if !excused && model.place(placement) != *answer {
                return None;
            }
            model.after(&[&left[..next], &left[next + 1..]].concat())
        })
    }
}

/// With generated baskets, stocks, currencies, archived products and keys, the results and stocks are those that
/// [`Order::place`] gives in some sequence.
pub async fn concurrently_placed_orders_agree_with_the_domain(h: &impl Stores) {
    let buyers = [buyer(h, "ada").await, buyer(h, "bob").await];
    let config = Config { cases: CASES, max_shrink_iters: 256, failure_persistence: None, ..Config::default() };
    let tried = Cell::new(0_u128);
    // A failing shop is shrunk and tried again, so each run has its own identifiers.
    let check = |shop: Shop| {
        tried.set(tried.get() + 1);
        block_in_place(|| Handle::current().block_on(check(h, buyers, &shop, IDS * tried.get())));
        Ok(())
    };
    TestRunner::new(config).run(&shops(), check).unwrap();
}

async fn check(h: &impl Stores, buyers: [UserId; 2], shop: &Shop, base: u128) {
    let mut model = Model { products: open(h, shop, base).await, keys: HashMap::new() };
    let mut now = at(1);
    let mut order = base;
    for round in &shop.rounds {
        now += if round.days_later { Duration::days(2) } else { Duration::seconds(1) };
        let placements: Vec<_> = round
            .attempts
            .iter()
            .map(|attempt| {
                order += 1;
                attempt.placement(order, buyers, base, now)
            })
            .collect();
        let answers = at_once(placements.clone().into_iter().map(|placement| {
            let orders = h.orders();
            async move { Answer::from(orders.place(&placement).await) }
        }))
        .await;
        let told: Vec<_> = placements.iter().zip(&answers).collect();
        model = model.after(&told).unwrap_or_else(|| panic!("no sequence of {told:#?} explains the answers"));
        assert_kept(h, &model, &told).await;
    }
}

/// Inserts the products from `base` on, and returns those that are for sale.
async fn open(h: &impl Stores, shop: &Shop, base: u128) -> HashMap<ProductId, Product> {
    let products: Vec<_> = (base..)
        .zip(&shop.products)
        .map(|(n, stocked)| product(n).money(money(stocked.price, stocked.currency)).stock(stocked.stock).build())
        .collect();
    let import = |product: &Product| ProductImport { stock: Some(product.stock), ..product_import(product) };
    let imports: Vec<_> = products.iter().map(import).collect();
    h.products().upsert(&imports, &cause(at(0))).await.unwrap();
    let mut for_sale = HashMap::new();
    for (product, stocked) in products.into_iter().zip(&shop.products) {
        if stocked.archived {
            h.products().archive(product.id, None, &cause(at(1))).await.unwrap();
        } else {
            for_sale.insert(product.id, h.products().find(product.id).await.unwrap().unwrap());
        }
    }
    for_sale
}

impl Attempt {
    fn placement(&self, n: u128, buyers: [UserId; 2], base: u128, now: Timestamp) -> Placement {
        let lines: Vec<_> = self.lines.iter().map(|(product, quantity)| (base + product, *quantity)).collect();
        let placement = placement(n, buyers[usize::from(self.buyer)], &lines, now);
        match self.key {
            Some(key) => at_key(&format!("shop-{base}-key-{key}"), placement),
            None => placement,
        }
    }
}

/// Asserts that the products are those of the model, and that exactly the placed orders are found.
async fn assert_kept(h: &impl Stores, model: &Model, told: &[(&Placement, &Answer)]) {
    for (id, product) in &model.products {
        assert_eq!(h.products().find(*id).await.unwrap().as_ref(), Some(product), "after {told:#?}");
    }
    for (placement, answer) in told {
        let id = placement.draft.id;
        let kept = if let Answer::Placed(order) = answer { Some(order) } else { None };
        assert_eq!(h.orders().find(id).await.unwrap().as_ref(), kept, "after {told:#?}");
        assert_eq!(h.orders().events(id).await.unwrap().len(), usize::from(kept.is_some()), "after {told:#?}");
    }
}
