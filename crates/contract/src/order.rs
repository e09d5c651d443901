//! The contract of [`OrderRepository`](entrepot_domain::order::OrderRepository).

mod key;
mod list;
mod place;
mod property;
mod transition;

use entrepot_domain::{
    OrderId, UserId,
    order::{Order, OrderRepository, Placement},
    product::Product,
};
use entrepot_testkit::{at, cause, placement, product_id};

use crate::{Stores, user};

pub use key::*;
pub use list::*;
pub use place::*;
pub use property::*;
pub use transition::*;

/// Generates a test per case: `entrepot_contract::order_suite!(harness())`.
#[macro_export]
macro_rules! order_suite {
    ($harness:expr) => {
        $crate::suite! { order, $harness,
            order_takes_stock_and_is_found,
            lines_keep_the_order_of_the_request,
            order_keeps_product_data_as_placed,
            every_short_product_is_listed_and_no_stock_taken,
            every_unknown_product_is_reported,
            archived_product_is_not_sold,
            several_currencies_are_refused,
            too_large_total_is_refused_by_the_store,
            order_of_an_unknown_user_takes_no_stock,
            basket_may_have_two_thousand_lines,
            one_of_fifty_buyers_gets_the_last_unit,
            baskets_in_different_orders_do_not_deadlock,
            refused_orders_do_not_affect_concurrent_ones,
            concurrently_placed_orders_agree_with_the_domain,
            repeated_request_returns_the_same_order,
            replayed_order_is_returned_as_it_was_placed,
            different_request_with_the_same_key_is_refused,
            expired_idempotency_key_is_deleted,
            refused_order_stores_no_key,
            idempotency_keys_of_users_are_independent,
            concurrent_requests_with_one_key_place_one_order,
            order_passes_through_its_life_cycle,
            invalid_action_is_refused,
            stale_version_of_an_order_is_refused,
            unknown_order_cannot_be_changed,
            cancelling_restores_the_stock,
            one_of_two_concurrent_cancellations_restores_the_stock,
            cancelling_restores_the_stock_of_archived_products,
            restoring_stock_above_the_maximum_succeeds,
            one_of_two_concurrent_actions_succeeds,
            events_are_numbered_in_order,
            events_of_several_orders_are_listed_at_once,
            orders_are_filtered_by_user_and_status,
            orders_are_filtered_by_time_inclusively,
            latest_orders_of_several_users_are_listed_at_once,
            page_of_orders_has_the_total_count,
            keyset_and_page_listings_of_orders_agree,
            list_contains_complete_orders,
        }
    };
}

/// Inserts a customer.
async fn buyer(h: &impl Stores, name: &str) -> UserId {
    user::insert(&*h.users(), name).await.id
}

async fn stock(h: &impl Stores, products: impl IntoIterator<Item = Product>) {
    for product in products {
        h.products().insert(&product, &cause(at(0))).await.unwrap();
    }
}

async fn product_of(h: &impl Stores, n: u128) -> Product {
    h.products().find(product_id(n)).await.unwrap().unwrap()
}

/// The stock of a product, and its version.
async fn left(h: &impl Stores, n: u128) -> (i64, i64) {
    let product = product_of(h, n).await;
    (product.stock.get(), product.version.0)
}

/// Places an order, which must succeed.
async fn place(orders: &dyn OrderRepository, placement: &Placement) -> Order {
    let placed = orders.place(placement).await.unwrap();
    assert!(!placed.replayed);
    placed.order
}

/// Places order 1: three of product 1, which costs 250 and has a stock of ten.
async fn order_of_three(h: &impl Stores, user: UserId) -> Order {
    stock(h, [entrepot_testkit::product(1).price(250).stock(10).build()]).await;
    place(&*h.orders(), &placement(1, user, &[(1, 3)], at(10))).await
}

async fn assert_no_order(h: &impl Stores, id: OrderId) {
    assert_eq!(h.orders().find(id).await.unwrap(), None);
    assert_eq!(h.orders().events(id).await.unwrap(), []);
}
