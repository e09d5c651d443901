//! Changes that are finished even if nobody waits for their answer any more.

use actix_web::rt;
use tracing::Instrument;

use crate::error::ApiError;

/// Runs `work` in a task of its own and waits for it. A client that vanishes drops the request's future, and a change
/// must not stop half way with it: what it leaves undone would be the cache that still has the old value.
/// A panic of `work` is logged, and [`ApiError::Internal`].
pub(crate) async fn outlive<T: 'static>(work: impl Future<Output = T> + 'static) -> Result<T, ApiError> {
    rt::spawn(work.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "a change did not come to its end");
        ApiError::Internal
    })
}
