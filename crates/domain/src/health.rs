//! The health of dependencies.

use async_trait::async_trait;

use crate::Fault;

/// A dependency whose health can be checked.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// The name for operators: `database`, `cache`.
    fn name(&self) -> &'static str;

    /// Returns whether the service cannot work without it.
    fn required(&self) -> bool;

    /// Checks the dependency, within about a second.
    async fn check(&self) -> Result<(), Fault>;

    /// Checks that writes are possible, without leaving data behind. Reads may work if they are not, for example with a
    /// full disk.
    async fn check_writes(&self) -> Result<(), Fault> {
        Ok(())
    }
}
