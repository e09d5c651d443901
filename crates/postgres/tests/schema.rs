//! The schema, and what it holds to whoever writes past the program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::{client, database, options, shop};
use entrepot_domain::{
    Direction, Limit, PageNumber, Sort, Window,
    order::OrderRepository,
    product::{ProductFilter, ProductQuery, ProductRepository, ProductSort},
};
use entrepot_postgres::{has_search_index, migrate, pending_migrations};
use entrepot_testkit::{Database, at, cause, new_user, placement, product};
use tokio::task::spawn_blocking;

#[tokio::test(flavor = "multi_thread")]
async fn schema_is_created_once_by_concurrent_starts() {
    let empty = Database::empty().await.unwrap();
    let url = empty.url().to_owned();
    let pending = {
        let url = url.clone();
        spawn_blocking(move || pending_migrations(&options(&url))).await.unwrap().unwrap()
    };
    assert!(!pending.is_empty());
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    let count = client(&url).await.query_one(tables, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(count, 0, "looking changes nothing");
    let runs = (0..4).map(|_| {
        let url = url.clone();
        spawn_blocking(move || migrate(&options(&url)).unwrap())
    });
    let mut done = 0;
    for run in runs.collect::<Vec<_>>() {
        done += run.await.unwrap();
    }
    assert_eq!(done, pending.len());
    let left = spawn_blocking(move || pending_migrations(&options(&url))).await.unwrap().unwrap();
    assert_eq!(left, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_migration_can_be_undone() {
    let database = database().await;
    let client = client(database.url()).await;
    let mut folders: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    for folder in folders.iter().rev() {
        client.batch_execute(&std::fs::read_to_string(folder.join("down.sql")).unwrap()).await.unwrap();
    }
    let left = "SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE nspname = 'public' AND relname NOT LIKE '\\_\\_diesel%'";
    let left = client.query(left, &[]).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    for folder in &folders {
        client.batch_execute(&std::fs::read_to_string(folder.join("up.sql")).unwrap()).await.unwrap();
    }
}

/// A role that may not make the extension gets the schema all the same, and the index once somebody has made it.
#[tokio::test(flavor = "multi_thread")]
async fn search_index_is_created_when_its_extension_is_available() {
    let empty = Database::empty().await.unwrap();
    let admin = client(empty.url()).await;
    let database: String = admin.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let role = format!("{database}_shop");
    admin
        .batch_execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'shop'; GRANT ALL ON SCHEMA public TO {role}"))
        .await
        .unwrap();
    let separator = if empty.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}user={role}&password=shop", empty.url());
    let migrated = async || {
        let url = url.clone();
        spawn_blocking(move || {
            let options = options(&url);
            migrate(&options).unwrap();
            has_search_index(&options).unwrap()
        })
        .await
        .unwrap()
    };
    let search = async |words: &str| {
        let store = common::open(options(&url)).await;
        let filter = ProductFilter { search: Some(words.to_owned()), ..ProductFilter::default() };
        let window = Window::Page { page: PageNumber::default(), limit: Limit::default() };
        let sort = Sort::by(ProductSort::Name, Direction::Ascending);
        ProductRepository::list(&store, &ProductQuery { filter, sort, window }).await.unwrap().total
    };
    assert!(!migrated().await);
    let store = common::open(options(&url)).await;
    ProductRepository::insert(&store, &product(1).name("Mug").build(), &cause(at(0))).await.unwrap();
    assert_eq!(search("mug").await, Some(1));
    // In a schema of its own, as some hosts have it.
    admin.batch_execute("CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions").await.unwrap();
    assert!(!migrated().await, "the role may not use that schema");
    admin.batch_execute(&format!("GRANT USAGE ON SCHEMA extensions TO {role}")).await.unwrap();
    assert!(migrated().await);
    assert_eq!(search("mug").await, Some(1));
    drop(store);
    admin.batch_execute(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")).await.unwrap();
}

/// Whoever writes past the program meets them.
#[tokio::test(flavor = "multi_thread")]
async fn constraints_are_the_last_line_of_defence() {
    let shop = shop(1, 1).await;
    let ada = new_user("ada").user;
    shop.store.place(&placement(1, ada.id, &[(1, 1)], at(1))).await.unwrap();
    let client = client(shop.database.url()).await;
    for (bad, constraint) in [
        ("UPDATE products SET stock = -1", "products_stock_check"),
        ("UPDATE products SET amount = -1", "products_amount_check"),
        ("UPDATE orders SET status = 'lost'", "orders_status_check"),
        ("UPDATE orders SET user_id = gen_random_uuid()", "orders_user_id_fkey"),
        ("UPDATE order_lines SET product_id = gen_random_uuid()", "order_lines_product_id_fkey"),
        ("UPDATE order_lines SET quantity = 0", "order_lines_quantity_check"),
        ("DELETE FROM products", "order_lines_product_id_fkey"),
        ("DELETE FROM users", "orders_user_id_fkey"),
        ("INSERT INTO products SELECT gen_random_uuid(), sku, name, description, amount, currency, stock, search,
            version, created_at, updated_at, archived_at FROM products", "products_sku_for_sale"),
        ("INSERT INTO users SELECT gen_random_uuid(), name, upper(email), 'other', password, roles, email_verified, search,
            version, created_at, updated_at, erased_at FROM users", "users_lower_email"),
    ] {
        let error = client.batch_execute(bad).await.unwrap_err();
        let refused = error.as_db_error().and_then(|error| error.constraint());
        assert_eq!(refused, Some(constraint), "{bad}: {error:?}");
    }
}

/// Not even past the program. Only what is erased with a user can be taken out.
#[tokio::test(flavor = "multi_thread")]
async fn audit_log_cannot_be_changed() {
    let shop = shop(1, 1).await;
    let client = client(shop.database.url()).await;
    for refused in [
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE audit_entries SET action = 'user.deleted'",
        "UPDATE audit_entries SET changes = '[]', personal = NULL",
        "UPDATE audit_entries SET personal = '[]'",
        "UPDATE audit_entries SET address = '::1'",
        "UPDATE audit_entries SET request_id = NULL",
    ] {
        let why = client.batch_execute(refused).await.unwrap_err();
        let why = why.as_db_error().map_or_else(|| why.to_string(), |error| error.message().to_owned());
        assert_eq!(why, "the audit log only grows", "{refused}");
    }
    client.batch_execute("UPDATE audit_entries SET personal = NULL, address = NULL").await.unwrap();
}
