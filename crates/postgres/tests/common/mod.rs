//! A store in a temporary database.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::sync::Arc;

use entrepot_contract::Stores;
use entrepot_domain::{product::ProductRepository, user::UserRepository};
use entrepot_postgres::{PostgresOptions, PostgresStore, migrate};
use entrepot_testkit::{Database, at, cause, new_user, product};
use tokio::task::spawn_blocking;

/// An empty store, whose database is dropped after the test.
pub(crate) struct Shop {
    pub(crate) store: Arc<PostgresStore>,
    pub(crate) database: Database,
}

/// The options of a URL, with few connections: many tests run concurrently.
pub(crate) fn options(url: &str) -> PostgresOptions {
    PostgresOptions::parse(url).unwrap().pool_max(6)
}

/// An empty database with the schema.
pub(crate) async fn database() -> Database {
    Database::new(migrated).await.unwrap()
}

async fn migrated(url: String) -> anyhow::Result<()> {
    spawn_blocking(move || migrate(&options(&url))).await?.map(drop)
}

/// A separate connection for the test.
pub(crate) async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A store on this database.
pub(crate) async fn open(options: PostgresOptions) -> PostgresStore {
    spawn_blocking(move || PostgresStore::open(&options)).await.unwrap().unwrap()
}

impl Shop {
    pub(crate) async fn new() -> Self {
        let database = database().await;
        let store = Arc::new(open(options(database.url())).await);
        Self { store, database }
    }
}

impl Stores for Shop {
    type Store = PostgresStore;

    fn store(&self) -> &Arc<PostgresStore> {
        &self.store
    }
}

/// A store with one buyer and products with this stock.
pub(crate) async fn shop(products: u128, stock: i64) -> Shop {
    let shop = Shop::new().await;
    UserRepository::insert(&*shop.store, &new_user("ada"), &cause(at(0))).await.unwrap();
    for n in 1..=products {
        ProductRepository::insert(&*shop.store, &product(n).stock(stock).build(), &cause(at(0))).await.unwrap();
    }
    shop
}
