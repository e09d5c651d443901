//! Whether what the process needs is there.

use async_trait::async_trait;

use crate::Fault;

/// A dependency that can be asked how it is.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait HealthCheck: Send + Sync {
    /// What an operator calls it: `database`, `cache`.
    fn name(&self) -> &'static str;

    /// Whether the service cannot do its work without it.
    fn required(&self) -> bool;

    /// Asks it, within a second or so; an error says why it is not fit for work.
    async fn check(&self) -> Result<(), Fault>;

    /// Writes something without a trace; an error says why it cannot. Reads may still work then, as with a full disk.
    async fn check_writes(&self) -> Result<(), Fault> {
        Ok(())
    }
}
