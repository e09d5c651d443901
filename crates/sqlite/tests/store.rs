//! The behaviour of this store besides the contract: file, threads and queue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{
    future::Future,
    path::PathBuf,
    pin::pin,
    sync::Barrier,
    task::{Context, Poll, Waker},
    thread,
};

use entrepot_domain::{
    Direction, Fault, HealthCheck, Limit, PageNumber, Sort, Version, Window,
    auth::SessionRepository,
    order::{OrderRepository, PlaceError, Refusal},
    product::{ProductError, ProductFilter, ProductQuery, ProductRepository, ProductSort},
    user::{UserError, UserRepository},
};
use entrepot_sqlite::{SqliteOptions, SqliteStore, pending_migrations};
use entrepot_testkit::{
    at, at_key, cause, new_user, order_id, placement, product, product_id, session, session_id, stock_change,
};
use tempfile::TempDir;

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("entrepot.db")
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(&SqliteOptions::new(file(folder))).unwrap()
}

/// A store with one buyer and a stock of product 1.
async fn shop(folder: &TempDir, stock: i64) -> SqliteStore {
    let store = open(folder);
    UserRepository::insert(&store, &new_user("ada"), &cause(at(0))).await.unwrap();
    ProductRepository::insert(&store, &product(1).stock(stock).build(), &cause(at(0))).await.unwrap();
    store
}

#[tokio::test]
async fn confirmed_changes_survive_reopening() {
    let folder = TempDir::new().unwrap();
    let ada = new_user("ada").user;
    let store = shop(&folder, 10).await;
    store.open(&session(1, ada.id, "token", at(0))).await.unwrap();
    let order = store.place(&at_key("key", placement(1, ada.id, &[(1, 4)], at(1)))).await.unwrap().order;
    let events = store.events(order.id).await.unwrap();
    store.close();
    drop(store);

    let store = open(&folder);
    assert_eq!(UserRepository::find(&store, ada.id).await.unwrap(), Some(ada.clone()));
    assert!(store.access(session_id(1), at(2)).await.unwrap().is_some());
    let mug = ProductRepository::find(&store, product_id(1)).await.unwrap().unwrap();
    assert_eq!((mug.stock.get(), mug.version), (6, Version(2)));
    assert_eq!(OrderRepository::find(&store, order.id).await.unwrap(), Some(order.clone()));
    assert_eq!(store.events(order.id).await.unwrap(), events);
    let again = store.place(&at_key("key", placement(2, ada.id, &[(1, 4)], at(3)))).await.unwrap();
    assert_eq!((again.order, again.replayed), (order, true));
}

#[tokio::test]
async fn confirmed_changes_are_visible_to_a_second_store() {
    let folder = TempDir::new().unwrap();
    let first = shop(&folder, 10).await;
    let second = open(&folder);
    second.adjust_stock(product_id(1), &stock_change(5, at(1)), None).await.unwrap();
    let changed = first.adjust_stock(product_id(1), &stock_change(5, at(2)), Some(Version(2))).await.unwrap();
    assert_eq!(changed.stock.get(), 20);
    assert_eq!(ProductRepository::find(&second, product_id(1)).await.unwrap(), Some(changed));
}

/// Like two processes that start at once.
#[test]
fn new_file_can_be_opened_concurrently() {
    const MANY: usize = 4;
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let together = Barrier::new(MANY);
        thread::scope(|scope| {
            let opened: Vec<_> = (0..MANY)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        SqliteStore::open(&SqliteOptions::new(file(&folder))).map(|store| store.close())
                    })
                })
                .collect();
            for opened in opened {
                opened.join().unwrap().unwrap();
            }
        });
        assert_eq!(pending_migrations(&file(&folder)).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn migrations_are_pending_until_the_store_was_opened() {
    let folder = TempDir::new().unwrap();
    let path = file(&folder);
    let pending = pending_migrations(&path).unwrap();
    assert!(!pending.is_empty());
    assert!(!path.exists(), "looking makes no file");
    std::fs::write(&path, "").unwrap();
    assert_eq!(pending_migrations(&path).unwrap(), pending);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0, "nor does it write to one");
    open(&folder).close();
    assert_eq!(pending_migrations(&path).unwrap(), Vec::<String>::new());
    // The second call does nothing.
    open(&folder).close();
}

#[test]
fn invalid_file_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(file(&folder), "not a database, but long enough to be asked whether it is one, ".repeat(20))
        .unwrap();
    let refused = SqliteStore::open(&SqliteOptions::new(file(&folder))).map(|_| ()).unwrap_err();
    assert!(format!("{refused:#}").contains("entrepot.db"), "{refused:#}");
    let nowhere = SqliteStore::open(&SqliteOptions::new(folder.path().join("none/entrepot.db")));
    assert!(nowhere.is_err());
}

#[tokio::test]
async fn closed_store_is_unavailable() {
    let folder = TempDir::new().unwrap();
    let store = shop(&folder, 10).await;
    let ada = new_user("ada").user.id;
    store.check().await.unwrap();
    store.close();
    // A second call does nothing and does not block.
    store.close();

    assert!(matches!(store.check().await, Err(Fault::Unavailable { dependency: "sqlite", .. })));
    let found = UserRepository::find(&store, ada).await;
    assert!(matches!(found, Err(Fault::Unavailable { .. })), "{found:?}");
    let placed = store.place(&placement(1, ada, &[(1, 1)], at(1))).await;
    assert!(matches!(placed, Err(PlaceError::Fault(Fault::Unavailable { .. }))), "{placed:?}");
    let user = UserRepository::insert(&store, &new_user("bob"), &cause(at(0))).await;
    assert!(matches!(user, Err(UserError::Fault(Fault::Unavailable { .. }))), "{user:?}");
    let stock = store.adjust_stock(product_id(1), &stock_change(1, at(1)), None).await;
    assert!(matches!(stock, Err(ProductError::Fault(Fault::Unavailable { .. }))), "{stock:?}");
}

/// Polls once: enough to queue the work; the result is usually not available yet.
fn poll_once<T>(work: impl Future<Output = T>) -> Poll<T> {
    pin!(work).poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn job_of_a_dropped_caller_is_completed() {
    let folder = TempDir::new().unwrap();
    let store = shop(&folder, 100).await;
    let ada = new_user("ada").user.id;
    for n in 1..=20 {
        // The future is dropped at the end of this line.
        let answer = poll_once(store.place(&placement(n, ada, &[(1, 2)], at(1))));
        assert!(!matches!(answer, Poll::Ready(Err(_))), "{answer:?}");
    }
    // The writer runs jobs in order, so earlier ones are complete now.
    store.place(&placement(21, ada, &[(1, 2)], at(2))).await.unwrap();
    for n in 1..=20 {
        let order = OrderRepository::find(&store, order_id(n)).await.unwrap();
        assert!(order.is_some(), "order {n}");
        assert_eq!(store.events(order_id(n)).await.unwrap().len(), 1, "order {n}");
    }
    let mug = ProductRepository::find(&store, product_id(1)).await.unwrap().unwrap();
    assert_eq!((mug.stock.get(), mug.version), (58, Version(22)));
}

#[tokio::test]
async fn closing_completes_queued_jobs() {
    let folder = TempDir::new().unwrap();
    let store = shop(&folder, 100).await;
    let ada = new_user("ada").user.id;
    for n in 1..=20 {
        let answer = poll_once(store.place(&placement(n, ada, &[(1, 1)], at(1))));
        assert!(!matches!(answer, Poll::Ready(Err(_))), "{answer:?}");
    }
    store.close();
    let store = open(&folder);
    let mug = ProductRepository::find(&store, product_id(1)).await.unwrap().unwrap();
    assert_eq!(mug.stock.get(), 80);
}

/// Concurrent orders, some of which are refused at first, and some of which fail after taking stock.
#[tokio::test]
async fn refused_job_is_rolled_back_alone() {
    let folder = TempDir::new().unwrap();
    let store = shop(&folder, 100).await;
    let ada = new_user("ada").user.id;
    ProductRepository::insert(&store, &product(2).stock(0).build(), &cause(at(0))).await.unwrap();
    let tasks: Vec<_> = (1..=200)
        .map(|n| {
            let store = store.clone();
            let asked: &[(u128, i64)] = if n % 4 == 0 { &[(1, 1), (2, 1)] } else { &[(1, 1)] };
            // An order that exists already fails after the stock was taken, which has to be rolled back.
            let placement = placement(if n % 10 == 1 { 1 } else { n }, ada, asked, at(1));
            tokio::spawn(async move { store.place(&at_key(&format!("key-{n}"), placement)).await })
        })
        .collect();
    let mut placed = 0;
    for (n, task) in (1..).zip(tasks) {
        let answer = task.await.unwrap();
        match &answer {
            Ok(_) => placed += 1,
            Err(PlaceError::Refused(Refusal::InsufficientStock(_)) | PlaceError::Fault(Fault::Unknown(_))) => {}
            Err(other) => panic!("order {n}: {other:?}"),
        }
    }
    // Every fourth is refused; of the twenty attempts at order 1 one is placed and nineteen fail; the others take the
    // stock of a hundred.
    assert_eq!(placed, 100);
    let mug = ProductRepository::find(&store, product_id(1)).await.unwrap().unwrap();
    assert_eq!((mug.stock.get(), mug.version), (0, Version(101)));
    let mut found = 0;
    for n in 1..=200 {
        found += i32::from(OrderRepository::find(&store, order_id(n)).await.unwrap().is_some());
    }
    assert_eq!(found, 100);
}

/// Data of an older version with another folding.
#[tokio::test]
async fn emails_and_search_texts_of_older_programs_are_folded_again() {
    use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let mut ada = new_user("ada");
    ada.user.email = entrepot_testkit::email("Ada@MÜNCHEN.example");
    UserRepository::insert(&store, &ada, &cause(at(0))).await.unwrap();
    let greek = product(1).name("ΜΑΥΡΟΣ").build();
    ProductRepository::insert(&store, &greek, &cause(at(0))).await.unwrap();
    store.close();
    drop(store);
    SqliteConnection::establish(file(&folder).to_str().unwrap())
        .unwrap()
        .batch_execute(
            "UPDATE users SET email_folded = 'ada@münchen.example', search = 'ada' || char(10) || 'ada@münchen.example';
             UPDATE products SET search = 'μαυρος' || char(10) || 'sku-1' || char(10);
             DELETE FROM __diesel_schema_migrations WHERE version = '20261128180000';",
        )
        .unwrap();

    let store = open(&folder);
    let punycode = entrepot_testkit::email("ada@xn--mnchen-3ya.example");
    assert_eq!(store.credentials_by_email(&punycode).await.unwrap().map(|known| known.user), Some(ada.user));
    let query = ProductQuery {
        filter: ProductFilter { search: Some("μαυρος".to_owned()), ..ProductFilter::default() },
        sort: Sort::by(ProductSort::Name, Direction::Ascending),
        window: Window::Page { page: PageNumber::default(), limit: Limit::default() },
    };
    assert_eq!(ProductRepository::list(&store, &query).await.unwrap().items, [greek]);
}

#[tokio::test]
async fn address_of_two_accounts_stays_with_the_verified_one() {
    use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let (older, newer) = (new_user("a"), new_user("bb"));
    for user in [&older, &newer] {
        UserRepository::insert(&store, user, &cause(at(0))).await.unwrap();
    }
    store.close();
    drop(store);
    SqliteConnection::establish(file(&folder).to_str().unwrap())
        .unwrap()
        .batch_execute(
            "UPDATE users SET email = 'x@xn--mnchen-3ya.example', email_folded = 'x@xn--mnchen-3ya.example',
                 email_verified = 0 WHERE name = 'a';
             UPDATE users SET email = 'x@münchen.example', email_folded = 'x@münchen.example',
                 search = 'bb' || char(10) || 'x@münchen.example', email_verified = 1 WHERE name = 'bb';
             DELETE FROM __diesel_schema_migrations WHERE version = '20261128180000';",
        )
        .unwrap();

    let store = open(&folder);
    let (older, newer) = (older.user.id, newer.user.id);
    assert!(older < newer);
    let address = entrepot_testkit::email("x@xn--mnchen-3ya.example");
    assert_eq!(store.credentials_by_email(&address).await.unwrap().unwrap().user.id, newer);
    assert_eq!(UserRepository::find(&store, older).await.unwrap().unwrap().email, address);
}
