//! The content of the file, as other programs see it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use entrepot_domain::{
    Direction, Limit, PageNumber, Sort, Window,
    order::OrderRepository,
    product::{ProductFilter, ProductQuery, ProductRepository, ProductSort},
    user::UserRepository,
};
use entrepot_sqlite::{FileLock, SqliteOptions, SqliteStore};
use entrepot_testkit::{at, cause, new_user, order_id, placement, product};
use tempfile::TempDir;

/// A file with a user, products, one of them archived, and an order.
async fn shop(folder: &TempDir) -> (SqliteStore, PathBuf) {
    let path = folder.path().join("entrepot.db");
    let store = SqliteStore::open(&SqliteOptions::new(&path)).unwrap();
    let ada = new_user("Adamantina");
    UserRepository::insert(&store, &ada, &cause(at(0))).await.unwrap();
    for n in 1..=3 {
        ProductRepository::insert(&store, &product(n).build(), &cause(at(0))).await.unwrap();
    }
    store.place(&placement(1, ada.user.id, &[(1, 1), (2, 1)], at(1))).await.unwrap();
    store.archive(product(2).build().id, None, &cause(at(2))).await.unwrap();
    (store, path)
}

/// Runs the `sqlite3` of the system, whose version may differ from ours.
fn sqlite3(file: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let started = Command::new("sqlite3")
        .arg("-bail")
        .arg(file)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut program = started.unwrap_or_else(|why| panic!("sqlite3: {why}; Debian has it in the package sqlite3"));
    program.stdin.take().unwrap().write_all(input).unwrap();
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success(), "sqlite3 {arguments:?}: {}", output.status);
    output.stdout
}

#[tokio::test]
async fn dump_of_another_sqlite_is_complete() {
    let folder = TempDir::new().unwrap();
    let (store, path) = shop(&folder).await;
    store.close();
    assert_eq!(sqlite3(&path, &["PRAGMA integrity_check; PRAGMA foreign_key_check"], b""), b"ok\n");

    let copy = folder.path().join("copy.db");
    let dump = sqlite3(&path, &[".dump"], b"");
    sqlite3(&copy, &[], &dump);
    assert_eq!(sqlite3(&copy, &["PRAGMA integrity_check; PRAGMA foreign_key_check"], b""), b"ok\n");
    let tables =
        "SELECT group_concat(name, ' ') FROM sqlite_schema WHERE sql LIKE 'CREATE TABLE%' AND name NOT LIKE 'sqlite%'";
    let tables = String::from_utf8(sqlite3(&path, &[tables], b"")).unwrap();
    assert!(tables.split_whitespace().count() > 10, "{tables}");
    for table in tables.split_whitespace() {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(sqlite3(&copy, &[&count], b""), sqlite3(&path, &[&count], b""), "{table}");
    }
    // The copy is a valid store.
    let store = SqliteStore::open(&SqliteOptions::new(&copy)).unwrap();
    assert!(OrderRepository::find(&store, order_id(1)).await.unwrap().is_some());
    let query = ProductQuery {
        filter: ProductFilter { search: Some("sku-3".to_owned()), ..ProductFilter::default() },
        sort: Sort::by(ProductSort::Name, Direction::Ascending),
        window: Window::Page { page: PageNumber::default(), limit: Limit::default() },
    };
    assert_eq!(ProductRepository::list(&store, &query).await.unwrap().items, [product(3).build()]);
    store.archive(product(3).build().id, None, &cause(at(3))).await.unwrap();
    assert_eq!(ProductRepository::list(&store, &query).await.unwrap().total, Some(0));
}

/// Closing any descriptor of a file releases SQLite's locks on it, so that of our lock stays open.
#[tokio::test]
async fn file_lock_does_not_affect_the_locks_of_sqlite() {
    let folder = TempDir::new().unwrap();
    let lock = FileLock::acquire(&folder.path().join("entrepot.db")).unwrap();
    let (store, path) = shop(&folder).await;
    // This requires exclusive access to the file.
    let leave_wal = || Command::new("sqlite3").arg(&path).arg("PRAGMA journal_mode = DELETE").output().unwrap();
    let refused = leave_wal();
    assert!(!refused.status.success(), "{refused:?}");
    store.close();
    drop(lock);
    assert_eq!(leave_wal().stdout, b"delete\n");
}

/// Neither in SQLite's free pages.
#[tokio::test]
async fn erased_user_is_not_in_the_file() {
    let folder = TempDir::new().unwrap();
    let (store, path) = shop(&folder).await;
    let has_name =
        |path: &Path| fs::read(path).unwrap().windows(10).any(|bytes| bytes.eq_ignore_ascii_case(b"adamantina"));
    store.close();
    assert!(has_name(&path));

    let store = SqliteStore::open(&SqliteOptions::new(&path)).unwrap();
    UserRepository::erase(&store, new_user("Adamantina").user.id, None, &cause(at(3))).await.unwrap();
    store.close();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let file = entry.unwrap().path();
        assert!(!has_name(&file), "{}", file.display());
    }
}
