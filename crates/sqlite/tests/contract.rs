//! The contract suites of every store port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::sync::Arc;

use entrepot_contract::Stores;
use entrepot_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// A store in a temporary folder.
struct Sqlite {
    store: Arc<SqliteStore>,
    _folder: TempDir,
}

impl Sqlite {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
        Self { store: Arc::new(store), _folder: folder }
    }
}

impl Stores for Sqlite {
    type Store = SqliteStore;

    fn store(&self) -> &Arc<SqliteStore> {
        &self.store
    }
}

entrepot_contract::user_suite!(Sqlite::new());
entrepot_contract::account_token_suite!(Sqlite::new());
entrepot_contract::session_suite!(Sqlite::new());
entrepot_contract::ticket_suite!(Sqlite::new());
entrepot_contract::api_key_suite!(Sqlite::new());
entrepot_contract::second_factor_suite!(Sqlite::new());
entrepot_contract::product_suite!(Sqlite::new());
entrepot_contract::order_suite!(Sqlite::new());
entrepot_contract::audit_suite!(Sqlite::new());
entrepot_contract::job_suite!(Sqlite::new());
entrepot_contract::event_suite!(Sqlite::new());
entrepot_contract::webhook_suite!(Sqlite::new());
