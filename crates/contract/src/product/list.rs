//! Lists of products.

use entrepot_domain::{
    Currency, Limit, Listing, Money, Sort, Window,
    product::{PriceRange, Product, ProductFilter, ProductQuery, ProductRepository, ProductSort},
};
use entrepot_testkit::{at, cause, product, product_id, product_import, stock_change};

use super::{find, insert, rename};
use crate::{
    Stores,
    walk::{assert_walks_agree, page, single_sorts},
};

pub(super) fn search(words: &str) -> ProductFilter {
    ProductFilter { search: Some(words.to_owned()), ..ProductFilter::default() }
}

async fn list(products: &dyn ProductRepository, filter: ProductFilter, sort: &str, window: Window) -> Listing<Product> {
    let query = ProductQuery { filter, sort: Sort::parse(sort).unwrap(), window };
    products.list(&query).await.unwrap()
}

/// The names of the first hundred products.
pub(super) async fn listed(products: &dyn ProductRepository, filter: ProductFilter, sort: &str) -> Vec<String> {
    let found = list(products, filter, sort, page(1, 100)).await;
    found.items.into_iter().map(|product| product.name.as_str().to_owned()).collect()
}

/// Matches name, sku and description; `%`, `_` and `\` have no special meaning.
pub async fn product_search_ignores_case_and_wildcards(h: &impl Stores) {
    let products = h.products();
    for (n, name, sku, description) in [
        (1, "Ærø 100% wool", "W1", ""),
        (2, "Plain", "gift_0001", "made of 1000 parts"),
        (3, "Other", "W3", "back\\slash\nnext line"),
    ] {
        insert(&*products, product(n).name(name).sku(sku).description(description).build()).await;
    }
    for (words, expected) in [
        ("æRØ", &["Ærø 100% wool"][..]),
        ("100%", &["Ærø 100% wool"]),
        ("GIFT_", &["Plain"]),
        ("_", &["Plain"]),
        ("\\", &["Other"]),
        ("NEXT LINE", &["Other"]),
        ("line  next", &["Other"]),
        ("w3\u{a0}other back", &["Other"]),
        ("wool\u{a0}", &["Ærø 100% wool"]),
        ("other nowhere", &[]),
        ("w3", &["Other"]),
        ("p%n", &[]),
        ("\0", &[]),
        ("plain\0", &[]),
        ("nothing", &[]),
    ] {
        assert_eq!(listed(&*products, search(words), "name").await, expected, "{words}");
    }
    products.update(product_id(2), &rename("Renamed"), None, &cause(at(1))).await.unwrap();
    assert_eq!(listed(&*products, search("plain"), "name").await, Vec::<String>::new());
    assert_eq!(listed(&*products, search("renamed"), "name").await, ["Renamed"]);
}

/// Whether a word is long enough for an index or not, and wherever in a text it is.
pub async fn words_of_every_length_are_found(h: &impl Stores) {
    let products = h.products();
    for (n, name) in [(1, "Blue mug"), (2, "Mug \"XL\""), (3, "茶碗 青"), (4, "a*b^c:d (e) -f"), (5, "Mugmug")] {
        insert(&*products, product(n).name(name).sku(&format!("K{n}")).build()).await;
    }
    for (words, expected) in [
        ("m", &["Blue mug", "Mug \"XL\"", "Mugmug"][..]),
        ("ue", &["Blue mug"]),
        ("ue ug", &["Blue mug"]),
        ("mug", &["Blue mug", "Mug \"XL\"", "Mugmug"]),
        ("ugm", &["Mugmug"]),
        ("mugmug", &["Mugmug"]),
        ("gmu mugm", &["Mugmug"]),
        ("mugmugmug", &[]),
        ("mug xl\"", &["Mug \"XL\""]),
        ("mug l", &["Blue mug", "Mug \"XL\""]),
        ("茶", &["茶碗 青"]),
        ("茶碗", &["茶碗 青"]),
        ("碗茶", &[]),
        ("a*b^c:d", &["a*b^c:d (e) -f"]),
        ("(e) -f", &["a*b^c:d (e) -f"]),
        ("\"mug\"", &[]),
        ("mug or blue", &[]),
        ("mug NOT", &[]),
        ("k", &["Blue mug", "Mug \"XL\"", "Mugmug", "a*b^c:d (e) -f", "茶碗 青"]),
    ] {
        let mut found = listed(&*products, search(words), "name").await;
        found.sort();
        assert_eq!(found, expected, "{words}");
    }
    let long = "mug".repeat(60);
    assert_eq!(listed(&*products, search(&long), "name").await, Vec::<String>::new());
}

/// Whatever became of it.
pub async fn only_what_is_for_sale_is_found(h: &impl Stores) {
    let products = h.products();
    insert(&*products, product(1).name("Teapot").build()).await;
    let found = async || listed(&*products, search("teapot"), "name").await;
    assert_eq!(found().await, ["Teapot"]);
    products.archive(product_id(1), None, &cause(at(1))).await.unwrap();
    assert_eq!(found().await, Vec::<String>::new());
    products.restore(product_id(1), None, &cause(at(2))).await.unwrap();
    assert_eq!(found().await, ["Teapot"]);
    products.archive(product_id(1), None, &cause(at(3))).await.unwrap();
    let again = product_import(&product(9).name("Red teapot").sku(product(1).build().sku.as_str()).build());
    products.upsert(&[again.clone(), again], &cause(at(4))).await.unwrap();
    assert_eq!(found().await, ["Red teapot"]);
    products.update(product_id(1), &rename("Red teapot"), None, &cause(at(5))).await.unwrap();
    products.adjust_stock(product_id(1), &stock_change(1, at(6)), None).await.unwrap();
    assert_eq!(found().await, ["Red teapot"]);
    products.update(product_id(1), &rename("Cup"), None, &cause(at(7))).await.unwrap();
    assert_eq!(found().await, Vec::<String>::new());
}

/// Pounds, with both ends within.
fn pounds(min: impl Into<Option<i64>>, max: impl Into<Option<i64>>) -> PriceRange {
    PriceRange { currency: Currency::default(), min: min.into(), max: max.into() }
}

/// Price bounds are inclusive.
pub async fn products_are_filtered_by_price_and_stock(h: &impl Stores) {
    let products = h.products();
    for (n, name, price, stock) in [(1, "a", 100, 0), (2, "b", 200, 1), (3, "c", 300, 0), (4, "d", 400, 9)] {
        insert(&*products, product(n).name(name).price(price).stock(stock).build()).await;
    }
    let filter = |in_stock, prices| ProductFilter { search: None, in_stock, prices };
    for (filter, expected) in [
        (filter(Some(true), None), &["b", "d"][..]),
        (filter(Some(false), None), &["a", "c"]),
        (filter(None, Some(pounds(200, None))), &["b", "c", "d"]),
        (filter(None, Some(pounds(None, 200))), &["a", "b"]),
        (filter(None, Some(pounds(200, 300))), &["b", "c"]),
        (filter(Some(true), Some(pounds(200, 300))), &["b"]),
        (filter(None, Some(pounds(300, 200))), &[]),
        (ProductFilter { in_stock: Some(false), ..search("sku-3") }, &["c"]),
    ] {
        let context = format!("{filter:?}");
        assert_eq!(listed(&*products, filter, "name").await, expected, "{context}");
    }
}

/// A pound is not a yen, so a range shows prices in its own currency alone.
pub async fn prices_are_compared_within_one_currency(h: &impl Stores) {
    let products = h.products();
    let yen: Currency = "JPY".parse().unwrap();
    for (n, name, price) in
        [(1, "a", Money::new(100, yen)), (2, "b", Money::new(300, yen)), (3, "c", Money::new(200, Currency::default()))]
    {
        insert(&*products, product(n).name(name).money(price.unwrap()).build()).await;
    }
    let within = |prices| ProductFilter { prices, ..ProductFilter::default() };
    let in_yen = |min, max| within(Some(PriceRange { currency: yen, min, max }));
    for (filter, expected) in [
        (in_yen(None, None), &["a", "b"][..]),
        (in_yen(Some(200), None), &["b"]),
        (in_yen(None, Some(200)), &["a"]),
        (in_yen(Some(200), Some(200)), &[]),
        (within(Some(pounds(None, None))), &["c"]),
        (within(Some(pounds(100, 300))), &["c"]),
        (within(None), &["a", "b", "c"]),
    ] {
        let context = format!("{filter:?}");
        assert_eq!(listed(&*products, filter, "name").await, expected, "{context}");
    }
}

/// The count of the filtered products; a page after the last one is empty.
pub async fn page_of_products_has_the_total_count(h: &impl Stores) {
    let products = h.products();
    for n in 1..=5 {
        insert(&*products, product(n).stock(i64::from(n > 1)).build()).await;
    }
    let in_stock = ProductFilter { in_stock: Some(true), ..ProductFilter::default() };
    for (number, expected, more) in [(1, 3, true), (2, 1, false), (3, 0, false)] {
        let part = list(&*products, in_stock.clone(), "-createdAt", page(number, 3)).await;
        assert_eq!((part.items.len(), part.total, part.more), (expected, Some(4), more), "page {number}");
    }
    let deepest = list(&*products, in_stock, "name", page(u64::from(u32::MAX), 100)).await;
    assert_eq!((deepest.items.len(), deepest.total, deepest.more), (0, Some(4), false));
}

/// Inserts two products of each name and price, so that some parts of lists end between the two.
async fn fill(products: &dyn ProductRepository, count: u128) {
    for n in 1..=count {
        let small = i64::try_from(n).unwrap();
        let name = ["Zoo", "apple", "Apple", "Ærø", "zoo"][usize::try_from(n % 5).unwrap()];
        let product = product(n * 7 % (count + 1))
            .name(name)
            .sku(&format!("{}{n}", ["b", "A", "_"][usize::try_from(n % 3).unwrap()]))
            .price(small % 3)
            .stock(small % 2)
            .created_at(at(small / 4));
        insert(products, product.build()).await;
    }
}

const SORTS: [&str; 5] = ["name,-price", "-name,price", "price,-name,createdAt", "-price,-name", "name,price,sku"];

fn all_sorts() -> Vec<Sort<ProductSort>> {
    let mut sorts = single_sorts();
    sorts.extend(SORTS.map(|text| Sort::parse(text).unwrap()));
    sorts
}

/// With every sort order, in both directions and mixed, with equal names, prices and times, and with names that differ
/// in case.
pub async fn keyset_and_page_listings_of_products_agree(h: &impl Stores) {
    let products = h.products();
    fill(&*products, 30).await;
    for sort in all_sorts() {
        assert_walks_agree(&sort, 30, async |window| {
            list(&*products, ProductFilter::default(), &sort.to_string(), window).await
        })
        .await;
    }
}

/// Their case is folded, and what is left compares by code point. The same name twice is in the order of identifiers.
pub async fn names_are_sorted_as_people_do(h: &impl Stores) {
    let products = h.products();
    let long = "\u{fdfa}".repeat(200);
    let names = ["zoo", "Apple", "ærø", "Zebra", "apple", "STRASSE 2", "Straße 1", "_", "１", long.as_str()];
    for (n, name) in (1..).zip(names) {
        insert(&*products, product(n).name(name).build()).await;
    }
    let mut sorted = ["１", "_", "Apple", "apple", "Straße 1", "STRASSE 2", "Zebra", "zoo", "ærø", long.as_str()];
    assert_eq!(listed(&*products, ProductFilter::default(), "name").await, sorted);
    sorted.reverse();
    assert_eq!(listed(&*products, ProductFilter::default(), "-name").await, sorted);
    products.update(product_id(1), &rename("Aardvark"), None, &cause(at(1))).await.unwrap();
    assert_eq!(listed(&*products, ProductFilter::default(), "name").await[2], "Aardvark");
}

pub async fn keyset_listings_apply_the_filter(h: &impl Stores) {
    let products = h.products();
    fill(&*products, 30).await;
    let filter = ProductFilter { in_stock: Some(true), prices: Some(pounds(0, 1)), ..search("o") };
    let count = list(&*products, filter.clone(), "name", page(1, 100)).await.items.len();
    assert_eq!(count, 4);
    for sort in all_sorts() {
        assert_walks_agree(&sort, count, async |window| {
            list(&*products, filter.clone(), &sort.to_string(), window).await
        })
        .await;
    }
}

pub async fn place_remains_valid_after_its_product_is_archived(h: &impl Stores) {
    let products = h.products();
    for (n, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        insert(&*products, product(n).name(name).build()).await;
    }
    let sort = Sort::<ProductSort>::parse("name").unwrap();
    let place = Some(sort.keyset_of(&find(&*products, product_id(2)).await));
    products.archive(product_id(2), None, &cause(at(1))).await.unwrap();
    let rest = list(&*products, ProductFilter::default(), "name", Window::After { place, limit: Limit::default() });
    let rest: Vec<_> = rest.await.items.into_iter().map(|product| product.id).collect();
    assert_eq!(rest, [product_id(3), product_id(4)]);
}
