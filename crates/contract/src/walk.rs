//! The contract of every list.

use std::{cmp::Ordering, fmt::Debug};

use entrepot_domain::{Direction, Limit, Listing, PageNumber, Sort, SortField, SortValue, Window};

/// A numbered page with this limit.
pub(crate) fn page(number: u64, limit: u64) -> Window {
    Window::Page { page: PageNumber::new(number).unwrap(), limit: Limit::new(limit).unwrap() }
}

/// Every sort order of one key, in both directions.
pub(crate) fn single_sorts<F: SortField>() -> Vec<Sort<F>> {
    let both = |(_, field): &(&str, F)| [Direction::Ascending, Direction::Descending].map(|way| Sort::by(*field, way));
    F::ALL.iter().flat_map(both).collect()
}

/// Reads a whole list, once by pages and once by keysets, a few items at a time, and expects the same `count` items
/// both times, in the order that the domain defines.
pub(crate) async fn assert_walks_agree<F>(sort: &Sort<F>, count: usize, list: impl AsyncFn(Window) -> Listing<F::Item>)
where
    F: SortField,
    F::Item: Clone + Debug + PartialEq,
{
    let (limit, total) = (Limit::new(3).unwrap(), Some(u64::try_from(count).unwrap()));
    let mut paged: Vec<F::Item> = Vec::new();
    for number in 1.. {
        let part = list(page(number, 3)).await;
        assert_eq!(part.total, total, "by {sort}");
        let uncounted = list(Window::UncountedPage { page: PageNumber::new(number).unwrap(), limit }).await;
        assert_eq!(uncounted, Listing { total: None, ..part.clone() }, "by {sort}, page {number}");
        paged.extend(part.items);
        assert_eq!(part.more, paged.len() < count, "by {sort}, page {number}");
        if !part.more {
            break;
        }
    }
    let beyond = list(page(1_000, 3)).await;
    assert_eq!(beyond, Listing { items: Vec::new(), total, more: false }, "by {sort}, beyond the last page");
    let mut walked: Vec<F::Item> = Vec::new();
    loop {
        let place = walked.last().map(|item| sort.keyset_of(item));
        let part = list(Window::After { place, limit }).await;
        assert_eq!(part.total, None, "by {sort}");
        walked.extend(part.items);
        assert_eq!(part.more, walked.len() < count, "by {sort}, after {}", walked.len());
        if !part.more {
            break;
        }
    }
    assert_eq!(paged.len(), count, "by {sort}");
    assert_eq!(walked, paged, "by {sort}");
    assert!(paged.is_sorted_by(|a, b| compare(sort, a, b) == Ordering::Less), "by {sort}: {paged:#?}");
}

fn compare<F: SortField>(sort: &Sort<F>, a: &F::Item, b: &F::Item) -> Ordering {
    let keys = sort.keys().iter().map(|(field, way)| towards(*way, compare_values(&field.value(a), &field.value(b))));
    let tie = towards(sort.tie(), F::id(a).cmp(&F::id(b)));
    keys.chain([tie]).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
}

fn towards(way: Direction, ordering: Ordering) -> Ordering {
    match way {
        Direction::Ascending => ordering,
        Direction::Descending => ordering.reverse(),
    }
}

fn compare_values(a: &SortValue, b: &SortValue) -> Ordering {
    match (a, b) {
        (SortValue::Text(a), SortValue::Text(b)) => a.chars().cmp(b.chars()),
        (SortValue::Integer(a), SortValue::Integer(b)) => a.cmp(b),
        (SortValue::Time(a), SortValue::Time(b)) => a.cmp(b),
        (a, b) => panic!("{a:?} and {b:?} do not compare"),
    }
}
