//! The contract of [`EventLog`](entrepot_domain::event::EventLog), and what the other ports write into it.

mod consume;
mod follow;
mod write;

use entrepot_domain::{
    event::{Event, EventData, EventKinds, EventLog, EventPosition, EventQuery},
    order::{Order, Placement},
    product::Product,
};
use entrepot_testkit::{at, cause};

use crate::Stores;

pub use consume::*;
pub use follow::*;
pub use write::*;

/// Generates a test per case: `entrepot_contract::event_suite!(harness())`.
#[macro_export]
macro_rules! event_suite {
    ($harness:expr) => {
        $crate::suite! { event, $harness,
            order_is_told_with_its_stock,
            orders_of_one_product_are_told_in_the_order_of_its_versions,
            cancelled_order_tells_of_the_returned_stock,
            change_of_status_is_told,
            changes_of_products_are_told,
            import_is_told,
            users_are_told,
            refused_changes_are_not_told,
            events_are_read_in_parts,
            events_are_read_by_kind,
            identifiers_are_located,
            follower_misses_nothing_and_sees_nothing_twice,
            many_may_number_at_once,
            old_events_are_pruned_and_expire,
            waiting_reader_is_notified_of_events,
            consumer_begins_at_the_head,
            consumed_events_queue_their_jobs_once,
        }
    };
}

/// Numbers all that was committed.
async fn number(log: &dyn EventLog) {
    while log.number().await.unwrap().is_some() {}
}

fn query(after: EventPosition, limit: u32) -> EventQuery {
    EventQuery { after, kinds: EventKinds::ALL, limit }
}

/// The whole log.
async fn all(h: &impl Stores) -> Vec<Event> {
    let log = h.events();
    number(&*log).await;
    log.read(&query(EventPosition::START, 1_000_000)).await.unwrap()
}

/// What happened after the events that were there before.
async fn since(h: &impl Stores, before: usize) -> Vec<EventData> {
    all(h).await.into_iter().skip(before).map(|event| event.data).collect()
}

async fn insert(h: &impl Stores, product: Product) -> Product {
    h.products().insert(&product, &cause(at(0))).await.unwrap();
    product
}

async fn place(h: &impl Stores, placement: &Placement) -> Order {
    h.orders().place(placement).await.unwrap().order
}
