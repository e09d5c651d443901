//! The contract suite of every port.
//!
//! Each case is a plain function over a harness, `pub async fn case(h: &impl Harness)`, and each adapter runs every one
//! of them as a named test of its own, in its `tests/contract.rs`. What is promised at the trait is shown here; a bug
//! found in one adapter becomes a case for all. The list of cases stands here too, in a macro for each port, so that no
//! adapter can leave one out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "a case that fails panics"
)]

pub mod api_key;
pub mod audit;
pub mod cache;
pub mod limit;
pub mod order;
pub mod product;
pub mod second_factor;
pub mod session;
pub mod user;
mod walk;

use std::sync::Arc;

use entrepot_domain::{
    api_key::ApiKeyRepository, audit::AuditLog, auth::SessionRepository, order::OrderRepository,
    product::ProductRepository, second_factor::SecondFactorRepository, user::UserRepository,
};
use futures_util::future::join_all;

/// An empty store, of which each port shows a side; the same one each time.
pub trait Stores {
    /// Where users are kept.
    fn users(&self) -> Arc<dyn UserRepository>;

    /// Where logins are kept.
    fn sessions(&self) -> Arc<dyn SessionRepository>;

    /// Where keys of machines are kept.
    fn api_keys(&self) -> Arc<dyn ApiKeyRepository>;

    /// Where second factors are kept.
    fn second_factors(&self) -> Arc<dyn SecondFactorRepository>;

    /// Where the catalogue is kept.
    fn products(&self) -> Arc<dyn ProductRepository>;

    /// Where orders are kept.
    fn orders(&self) -> Arc<dyn OrderRepository>;

    /// Where what was done is read.
    fn audit(&self) -> Arc<dyn AuditLog>;
}

/// Runs all of them at once, each in a task of its own, and waits for all answers.
async fn at_once<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = jobs.into_iter().map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

/// Makes a named test of each case of a module, each with a harness of its own.
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
