//! The contract suites of every store port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use common::Shop;

entrepot_contract::user_suite!(Shop::new().await);
entrepot_contract::account_token_suite!(Shop::new().await);
entrepot_contract::session_suite!(Shop::new().await);
entrepot_contract::ticket_suite!(Shop::new().await);
entrepot_contract::api_key_suite!(Shop::new().await);
entrepot_contract::second_factor_suite!(Shop::new().await);
entrepot_contract::product_suite!(Shop::new().await);
entrepot_contract::order_suite!(Shop::new().await);
entrepot_contract::audit_suite!(Shop::new().await);
entrepot_contract::job_suite!(Shop::new().await);
entrepot_contract::event_suite!(Shop::new().await);
entrepot_contract::webhook_suite!(Shop::new().await);
