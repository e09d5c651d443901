//! Changes that are finished even if nobody waits for their answer any more.

use std::cell::Cell;

use actix_web::rt;
use tracing::Instrument;

use crate::error::ApiError;

thread_local! {
    /// A worker is a thread, and its changes run on it.
    static UNDER_WAY: Cell<usize> = const { Cell::new(0) };
}

/// How many changes this worker has begun and not finished. It must not end before.
pub(crate) fn changes_under_way() -> usize {
    UNDER_WAY.get()
}

/// A change that is counted until this is dropped.
struct UnderWay;

impl UnderWay {
    fn new() -> Self {
        UNDER_WAY.set(UNDER_WAY.get() + 1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get().saturating_sub(1));
    }
}

/// Runs `work` in a task of its own and waits for it. A client that vanishes drops the request's future, and a change
/// must not stop half way with it: what it leaves undone would be the cache that still has the old value.
/// A panic of `work` is logged, and [`ApiError::Internal`].
pub(crate) async fn outlive<T: 'static>(work: impl Future<Output = T> + 'static) -> Result<T, ApiError> {
    let under_way = UnderWay::new();
    let work = async move {
        let _under_way = under_way;
        work.await
    };
    rt::spawn(work.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "a change did not come to its end");
        ApiError::Internal
    })
}
