//! Lists of orders.

use entrepot_domain::{
    ProductId, Sort, UserId, Window,
    order::{OrderAction, OrderFilter, OrderQuery, OrderStatus},
};
use entrepot_testkit::{at, placement, product, product_id, transition};

use super::{buyer, place, stock};
use crate::{
    Stores,
    walk::{assert_walks_agree, page, single_sorts},
};

fn query(filter: &OrderFilter, sort: &str, window: Window) -> OrderQuery {
    OrderQuery { filter: filter.clone(), sort: Sort::parse(sort).unwrap(), window }
}

/// The numbers of the listed orders, the newest first.
async fn listed(h: &impl Stores, filter: &OrderFilter) -> Vec<u128> {
    let found = h.orders().list(&query(filter, "-createdAt", page(1, 100))).await.unwrap();
    assert_eq!(found.total, Some(u64::try_from(found.items.len()).unwrap()));
    found.items.iter().map(|order| order.id.0.as_u128()).collect()
}

/// Inserts orders 1 to `count`, alternately of Ada and Bob, two per second; every third is paid.
async fn fill(h: &impl Stores, count: u128) -> (UserId, UserId) {
    let (ada, bob) = (buyer(h, "ada").await, buyer(h, "bob").await);
    stock(h, [product(1).build(), product(2).build()]).await;
    for n in 1..=count {
        let user = if n % 2 == 0 { ada } else { bob };
        let seconds = i64::try_from(n / 2).unwrap();
        let order = place(&*h.orders(), &placement(n, user, &[(2, 1), (1, 2)], at(seconds))).await;
        if n % 3 == 0 {
            h.orders().transition(order.id, &transition(OrderAction::Pay, user, at(100))).await.unwrap();
        }
    }
    (ada, bob)
}

pub async fn orders_are_filtered_by_user_and_status(h: &impl Stores) {
    let (ada, bob) = fill(h, 6).await;
    let filter = |user, status| OrderFilter { user, status, ..OrderFilter::default() };
    assert_eq!(listed(h, &filter(None, None)).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(listed(h, &filter(Some(ada), None)).await, [6, 4, 2]);
    assert_eq!(listed(h, &filter(Some(bob), None)).await, [5, 3, 1]);
    assert_eq!(listed(h, &filter(None, Some(OrderStatus::Paid))).await, [6, 3]);
    assert_eq!(listed(h, &filter(Some(ada), Some(OrderStatus::Pending))).await, [4, 2]);
    assert_eq!(listed(h, &filter(Some(ada), Some(OrderStatus::Shipped))).await, Vec::<u128>::new());
    let nobody = entrepot_testkit::user_id(404);
    assert_eq!(listed(h, &filter(Some(nobody), None)).await, Vec::<u128>::new());
}

/// The same orders as in the lists of each user.
pub async fn latest_orders_of_several_users_are_listed_at_once(h: &impl Stores) {
    let (ada, bob) = fill(h, 7).await;
    let latest = async |users: &[UserId], count| {
        let found = h.orders().latest_of(users, count).await.unwrap();
        let mut numbers = Vec::new();
        for order in found {
            assert_eq!(h.orders().find(order.id).await.unwrap().as_ref(), Some(&order));
            numbers.push(order.id.0.as_u128());
        }
        numbers
    };
    let nobody = entrepot_testkit::user_id(404);
    assert_eq!(latest(&[ada, nobody, bob], 2).await, [7, 6, 5, 4]);
    assert_eq!(latest(&[ada], 100).await, [6, 4, 2]);
    assert_eq!(latest(&[ada, ada], 1).await, [6]);
    assert_eq!(latest(&[nobody], 5).await, Vec::<u128>::new());
    assert_eq!(latest(&[], 5).await, Vec::<u128>::new());
}

pub async fn orders_are_filtered_by_time_inclusively(h: &impl Stores) {
    let (ada, _) = fill(h, 6).await;
    let filter = |from, to| OrderFilter { from, to, ..OrderFilter::default() };
    let instant = chrono::Duration::milliseconds(1);
    assert_eq!(listed(h, &filter(Some(at(1)), Some(at(2)))).await, [5, 4, 3, 2]);
    assert_eq!(listed(h, &filter(Some(at(1) + instant), Some(at(3)))).await, [6, 5, 4]);
    assert_eq!(listed(h, &filter(Some(at(1)), Some(at(2) - instant))).await, [3, 2]);
    assert_eq!(listed(h, &filter(Some(at(3)), None)).await, [6]);
    assert_eq!(listed(h, &filter(None, Some(at(0)))).await, [1]);
    assert_eq!(listed(h, &filter(Some(at(2)), Some(at(1)))).await, Vec::<u128>::new());
    let all = OrderFilter { user: Some(ada), status: Some(OrderStatus::Pending), ..filter(Some(at(2)), Some(at(3))) };
    assert_eq!(listed(h, &all).await, [4]);
}

/// The count of the filtered orders; a page after the last one is empty.
pub async fn page_of_orders_has_the_total_count(h: &impl Stores) {
    let (ada, _) = fill(h, 8).await;
    let filter = OrderFilter { user: Some(ada), ..OrderFilter::default() };
    for (number, expected, more) in [(1, 3, true), (2, 1, false), (3, 0, false)] {
        let part = h.orders().list(&query(&filter, "-createdAt", page(number, 3))).await.unwrap();
        assert_eq!((part.items.len(), part.total, part.more), (expected, Some(4), more), "page {number}");
    }
}

/// In both directions, with orders of equal times, and with every filter.
pub async fn keyset_and_page_listings_of_orders_agree(h: &impl Stores) {
    let (ada, _) = fill(h, 14).await;
    let all = OrderFilter::default();
    let filters = [
        (14, all.clone()),
        (7, OrderFilter { user: Some(ada), ..all.clone() }),
        (4, OrderFilter { status: Some(OrderStatus::Paid), ..all.clone() }),
        (5, OrderFilter { user: Some(ada), status: Some(OrderStatus::Pending), ..all.clone() }),
        (8, OrderFilter { from: Some(at(2)), to: Some(at(5)), ..all }),
    ];
    for (count, filter) in &filters {
        for sort in single_sorts() {
            assert_walks_agree(&sort, *count, async |window| {
                let query = OrderQuery { filter: filter.clone(), sort: sort.clone(), window };
                h.orders().list(&query).await.unwrap()
            })
            .await;
        }
    }
}

pub async fn list_contains_complete_orders(h: &impl Stores) {
    fill(h, 5).await;
    let found = h.orders().list(&query(&OrderFilter::default(), "createdAt", page(1, 100))).await.unwrap();
    assert_eq!(found.items.len(), 5);
    for order in found.items {
        let lines: Vec<ProductId> = order.lines.iter().map(|line| line.product).collect();
        assert_eq!(lines, [product_id(2), product_id(1)]);
        assert_eq!(h.orders().find(order.id).await.unwrap(), Some(order));
    }
}
