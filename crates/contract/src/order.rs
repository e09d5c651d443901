//! What every [`OrderRepository`](entrepot_domain::order::OrderRepository) promises.

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

/// Makes a test of each case: `entrepot_contract::order_suite!(harness())`.
#[macro_export]
macro_rules! order_suite {
    ($harness:expr) => {
        $crate::suite! { order, $harness,
            an_order_takes_stock_and_is_found,
            lines_keep_the_order_of_the_buyer,
            an_order_keeps_what_it_was_told,
            all_that_is_short_is_named_and_nothing_taken,
            unknown_products_are_all_named,
            an_archived_product_is_not_sold,
            several_currencies_are_refused,
            a_total_too_large_is_refused,
            an_order_of_nobody_takes_nothing,
            a_basket_may_have_two_thousand_lines,
            of_fifty_buyers_of_one_unit_one_wins,
            baskets_in_any_order_never_block_each_other,
            refusals_among_orders_at_once_are_undone_alone,
            orders_placed_at_once_agree_with_the_domain,
            a_repeated_try_is_replayed,
            a_replay_is_as_it_was_placed,
            another_request_under_a_key_is_refused,
            an_expired_key_is_forgotten,
            a_refused_try_leaves_no_key,
            a_key_belongs_to_its_user,
            tries_under_one_key_at_once_make_one_order,
            an_order_lives_its_life,
            what_cannot_be_done_is_refused,
            a_stale_version_of_an_order_is_refused,
            what_is_no_order_cannot_be_changed,
            cancelling_gives_the_stock_back,
            of_two_cancellations_at_once_one_gives_back,
            an_archived_product_gets_its_stock_back,
            stock_given_back_does_not_fail_at_the_most,
            of_two_actions_at_once_one_wins,
            events_are_numbered_in_order,
            lists_filter_by_user_and_status,
            lists_filter_by_time_both_ends_included,
            a_page_of_orders_counts_all,
            places_and_pages_of_orders_agree,
            a_list_shows_whole_orders,
        }
    };
}

/// A customer, who buys.
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

/// What is left of a product, and its version.
async fn left(h: &impl Stores, n: u128) -> (i64, i64) {
    let product = product_of(h, n).await;
    (product.stock.get(), product.version.0)
}

/// Places an order that cannot be refused.
async fn place(orders: &dyn OrderRepository, placement: &Placement) -> Order {
    let placed = orders.place(placement).await.unwrap();
    assert!(!placed.replayed);
    placed.order
}

/// Order 1: three of product 1, which cost 250 and of which there were ten.
async fn order_of_three(h: &impl Stores, user: UserId) -> Order {
    stock(h, [entrepot_testkit::product(1).price(250).stock(10).build()]).await;
    place(&*h.orders(), &placement(1, user, &[(1, 3)], at(10))).await
}

async fn assert_no_order(h: &impl Stores, id: OrderId) {
    assert_eq!(h.orders().find(id).await.unwrap(), None);
    assert_eq!(h.orders().events(id).await.unwrap(), []);
}
