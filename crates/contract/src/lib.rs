//! The contract suite of every port.
//!
//! Each case is a function over a harness, `pub async fn case(h: &impl Harness)`, which every adapter runs as a
//! separate test in its `tests/contract.rs`. The cases check what the trait documents; a bug found in one adapter
//! becomes a case for all. A macro per port lists its cases, so that no adapter can omit one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case that fails panics"
)]

pub mod account_token;
pub mod api_key;
pub mod audit;
pub mod cache;
pub mod event;
pub mod job;
pub mod limit;
pub mod order;
pub mod product;
pub mod second_factor;
pub mod session;
pub mod ticket;
pub mod user;
mod walk;
pub mod webhook;

use std::sync::Arc;

use entrepot_domain::{
    api_key::ApiKeyRepository,
    audit::AuditLog,
    auth::{SessionRepository, TicketRepository},
    event::EventLog,
    job::{JobQueue, JobRepository},
    order::OrderRepository,
    product::ProductRepository,
    second_factor::SecondFactorRepository,
    user::{AccountTokenRepository, UserRepository},
    webhook::{DeliveryQueue, DeliveryRepository, WebhookRepository},
};
use futures_util::future::join_all;

/// An empty store. Each method returns the same store as one of its ports.
pub trait Stores {
    /// The adapter's type, which implements every store port.
    type Store: UserRepository
        + AccountTokenRepository
        + SessionRepository
        + TicketRepository
        + ApiKeyRepository
        + SecondFactorRepository
        + ProductRepository
        + OrderRepository
        + AuditLog
        + JobQueue
        + JobRepository
        + EventLog
        + WebhookRepository
        + DeliveryRepository
        + DeliveryQueue
        + 'static;

    /// The store.
    fn store(&self) -> &Arc<Self::Store>;

    /// The store of users.
    fn users(&self) -> Arc<dyn UserRepository> {
        self.store().clone()
    }

    /// The store of account tokens.
    fn account_tokens(&self) -> Arc<dyn AccountTokenRepository> {
        self.store().clone()
    }

    /// The store of sessions.
    fn sessions(&self) -> Arc<dyn SessionRepository> {
        self.store().clone()
    }

    /// The store of tickets.
    fn tickets(&self) -> Arc<dyn TicketRepository> {
        self.store().clone()
    }

    /// The store of API keys.
    fn api_keys(&self) -> Arc<dyn ApiKeyRepository> {
        self.store().clone()
    }

    /// The store of second factors.
    fn second_factors(&self) -> Arc<dyn SecondFactorRepository> {
        self.store().clone()
    }

    /// The store of products.
    fn products(&self) -> Arc<dyn ProductRepository> {
        self.store().clone()
    }

    /// The store of orders.
    fn orders(&self) -> Arc<dyn OrderRepository> {
        self.store().clone()
    }

    /// The queue of jobs.
    fn jobs(&self) -> Arc<dyn JobQueue> {
        self.store().clone()
    }

    /// The list of jobs.
    fn job_list(&self) -> Arc<dyn JobRepository> {
        self.store().clone()
    }

    /// The event log.
    fn events(&self) -> Arc<dyn EventLog> {
        self.store().clone()
    }

    /// The store of endpoints of webhooks.
    fn webhooks(&self) -> Arc<dyn WebhookRepository> {
        self.store().clone()
    }

    /// The list of deliveries.
    fn delivery_list(&self) -> Arc<dyn DeliveryRepository> {
        self.store().clone()
    }

    /// The queue of deliveries.
    fn deliveries(&self) -> Arc<dyn DeliveryQueue> {
        self.store().clone()
    }

    /// The audit log.
    fn audit(&self) -> Arc<dyn AuditLog> {
        self.store().clone()
    }
}

/// Runs the jobs concurrently, each in its own task, and returns their results.
async fn at_once<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = jobs.into_iter().map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// Generates a test per case of a module, each with its own harness.
#[macro_export]
macro_rules! suite {
    ($module:ident, $harness:expr, $($case:ident),+ $(,)?) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    let harness = $harness;
                    $crate::$module::$case(&harness).await;
                }
            )+
        }
    };
}
