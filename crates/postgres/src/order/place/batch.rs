//! One statement with several orders, and their results.

use std::sync::{Arc, atomic::Ordering};

use diesel::{OptionalExtension, QueryDsl, delete, sql_query, sql_types::Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Description, Fault, Money, OrderId, ProductId, Timestamp, UserId, Version,
    order::{BasketLine, Draft, Idempotency, Order, PlaceError, Placed, Placement},
    product::{Product, ProductName, Sku, Stock},
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{sync::OwnedSemaphorePermit, task::yield_now};
use uuid::Uuid;

use super::{
    super::row::find,
    Executors, QueuedOrder,
    statement::{LockedProduct, PlaceOrders},
};
use crate::{
    error::{Failure, POSTGRES, broken_row, fault, fault_or_raced},
    schema::idempotency_keys,
    store::transaction::Begin,
    value::read,
};

/// How often placing an order is retried after the obstacle has gone.
const MAX_TRIES: usize = 5;

/// Expired keys are deleted after this number of inserted keys.
const SWEEP_INTERVAL_KEYS: usize = 256;

/// The products of a batch, as the statement has locked them.
struct LockedProducts {
    /// Sorted by identifier.
    rows: Vec<LockedProduct>,
    /// Whether the orders were placed.
    placed: bool,
}

/// The result of a batch.
enum BatchResult {
    /// All were placed; their results have to be sent.
    Placed(Vec<QueuedOrder>, LockedProducts),
    /// These have to be placed one by one. The others have their results.
    Left(Vec<QueuedOrder>),
}

impl LockedProducts {
    fn new(mut rows: Vec<LockedProduct>) -> Self {
        rows.sort_unstable_by_key(|(id, ..)| *id);
        let placed = matches!(rows.as_slice(), [(.., true), ..]);
        Self { rows, placed }
    }

    /// Decides on one of the orders, looking at its own products only: there may be hundreds of others.
    fn decide(&self, draft: &Draft) -> Result<Order, PlaceError> {
        let find = |line: &BasketLine| {
            let place = self.rows.binary_search_by_key(&line.product.0, |(id, ..)| *id).ok()?;
            self.rows.get(place).map(product)
        };
        let products: Vec<_> = draft.basket.lines().iter().filter_map(find).collect::<Result<_, _>>()?;
        Ok(Order::place(draft, &products)?)
    }
}

/// Places the orders and sends their results. Releases the permit as soon as the next statement may start: results are
/// sent while the server executes that one.
pub(super) async fn serve(executors: Arc<Executors>, queued: Vec<QueuedOrder>, permit: OwnedSemaphorePermit) {
    let latest = queued.iter().map(|order| order.placement.draft.at).max();
    let keys = queued.iter().filter(|order| order.placement.idempotency.is_some()).count();
    let result = if queued.len() > 1 { place_batch(&executors, queued).await } else { BatchResult::Left(queued) };
    match result {
        BatchResult::Placed(queued, locked) => {
            drop(permit);
            // The next batch is woken to run on this thread, and goes first.
            yield_now().await;
            for order in queued {
                let done = as_placed(&order.placement, &locked);
                order.answer(done);
            }
        }
        BatchResult::Left(queued) => {
            for order in queued {
                let done = place_one(&executors, &order.placement).await;
                order.answer(done);
            }
            drop(permit);
        }
    }
    let written = executors.keys.fetch_add(keys, Ordering::Relaxed) + keys;
    if written >= SWEEP_INTERVAL_KEYS
        && let Some(now) = latest
    {
        executors.keys.store(0, Ordering::Relaxed);
        sweep(&executors, now).await;
    }
}

/// Places all orders if there is no obstacle for any; otherwise sends the results that are certain.
async fn place_batch(executors: &Executors, queued: Vec<QueuedOrder>) -> BatchResult {
    let orders = PlaceOrders::new(queued.iter().map(|order| &order.placement));
    let locked: Result<LockedProducts, PlaceError> = executors.placing.once(Begin::Plain, &orders, run).await;
    match locked {
        Ok(locked) if locked.placed => BatchResult::Placed(queued, locked),
        Ok(locked) => {
            let mut left = Vec::new();
            for order in queued {
                match locked.decide(&order.placement.draft) {
                    // The decision holds for the time when all these rows were locked. But an order with the same key
                    // may exist.
                    Err(PlaceError::Refused(refusal)) if order.placement.idempotency.is_none() => {
                        order.answer(Err(refusal.into()));
                    }
                    _ => left.push(order),
                }
            }
            BatchResult::Left(left)
        }
        // Rolled back because of one order: try each separately.
        Err(error) if error.is_retryable() || matches!(error.fault(), Some(Fault::Unknown(_))) => {
            BatchResult::Left(queued)
        }
        // It is unknown whether it was committed.
        Err(error) => {
            for order in queued {
                let why = anyhow::anyhow!("{error}, when it was asked to place several orders");
                order.answer(Err(Fault::unavailable(POSTGRES, why).into()));
            }
            BatchResult::Left(Vec::new())
        }
    }
}

async fn place_one(executors: &Executors, placement: &Placement) -> Result<Placed, PlaceError> {
    let order = PlaceOrders::new([placement]);
    for _ in 0..MAX_TRIES {
        let locked: LockedProducts = executors.placing.run(Begin::Plain, &order, run).await?;
        if locked.placed {
            return as_placed(placement, &locked);
        }
        if let Some(idempotency) = &placement.idempotency {
            let wanted = (placement.draft.user, idempotency.clone(), placement.draft.at);
            if let Some(order) = executors.other.run(Begin::Write, &wanted, find_placed).await? {
                return Ok(Placed { order, replayed: true });
            }
        }
        // If it can be placed now, the obstacle is gone: an expired key, or a restored product.
        locked.decide(&placement.draft)?;
    }
    Err(Fault::unavailable(POSTGRES, anyhow::anyhow!("others were faster {MAX_TRIES} times")).into())
}

fn as_placed(placement: &Placement, locked: &LockedProducts) -> Result<Placed, PlaceError> {
    let order = locked.decide(&placement.draft).map_err(|why| match why {
        // The statement and the domain decide by the same rules; a difference would be a bug.
        PlaceError::Refused(why) => {
            Fault::unknown(anyhow::anyhow!("order {} was placed although {why}", placement.draft.id.0)).into()
        }
        other => other,
    })?;
    Ok(Placed { order, replayed: false })
}

fn run<'c>(
    connection: &'c mut AsyncPgConnection,
    orders: &'c PlaceOrders,
) -> BoxFuture<'c, Result<LockedProducts, PlaceError>> {
    async move {
        let rows = orders.load(connection).await.map_err(|error| fault_or_raced(error, "idempotency_keys_pkey"))?;
        Ok(LockedProducts::new(rows))
    }
    .boxed()
}

/// The fields of a product that the decision needs.
fn product((id, sku, name, amount, currency, stock, _): &LockedProduct) -> Result<Product, Fault> {
    const TABLE: &str = "products";
    let currency = read(TABLE, "currency", id, currency.parse())?;
    Ok(Product {
        id: ProductId(*id),
        sku: read(TABLE, "sku", id, Sku::parse(sku))?,
        name: read(TABLE, "name", id, ProductName::parse(name))?,
        description: Description::default(),
        price: read(TABLE, "amount", id, Money::new(*amount, currency))?,
        stock: read(TABLE, "stock", id, Stock::new(*stock))?,
        version: Version::FIRST,
        created_at: Timestamp::default(),
        updated_at: Timestamp::default(),
    })
}

/// The order that was placed with this key, as it was placed. Deletes an expired key.
fn find_placed<'c>(
    connection: &'c mut AsyncPgConnection,
    (user, idempotency, now): &'c (UserId, Idempotency, Timestamp),
) -> BoxFuture<'c, Result<Option<Order>, PlaceError>> {
    async move {
        let row = idempotency_keys::table.find((user.0, idempotency.key.as_str()));
        let found: Option<(Vec<u8>, Uuid, Timestamp)> = row
            .select((idempotency_keys::fingerprint, idempotency_keys::order_id, idempotency_keys::expires_at))
            .get_result(connection)
            .await
            .optional()
            .map_err(fault)?;
        let Some((fingerprint, order, expires_at)) = found else { return Ok(None) };
        if expires_at <= *now {
            delete(row).execute(connection).await.map_err(fault)?;
            return Ok(None);
        }
        if fingerprint != idempotency.fingerprint.0 {
            return Err(PlaceError::KeyReused);
        }
        let order = find(connection, OrderId(order))
            .await?
            .ok_or_else(|| broken_row("idempotency_keys", "order_id", order, "names no order"))?;
        Ok(Some(order.as_placed()))
    }
    .boxed()
}

/// A failure is only logged: the keys are deleted the next time.
async fn sweep(executors: &Executors, now: Timestamp) {
    let swept = executors.other.run(Begin::Plain, &now, |connection, now| {
        let expired = sql_query(
            "DELETE FROM idempotency_keys k USING (
                SELECT user_id, key FROM idempotency_keys WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1024
                FOR UPDATE SKIP LOCKED
            ) old WHERE k.user_id = old.user_id AND k.key = old.key",
        );
        let expired = expired.bind::<Timestamptz, _>(*now);
        async move { expired.execute(connection).await.map_err(fault) }.boxed()
    });
    if let Err(fault) = swept.await {
        tracing::warn!(error = %anyhow::Error::new(fault), "expired idempotency keys could not be removed");
    }
}
