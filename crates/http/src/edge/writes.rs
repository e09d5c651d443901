//! Changes that are finished even if no client waits for their answer any more.

use std::cell::Cell;

use actix_web::rt;
use tracing::Instrument;

use crate::error::ApiError;

thread_local! {
    /// A worker is a thread, and its changes run on it.
    static UNFINISHED: Cell<usize> = const { Cell::new(0) };
}

/// How many changes the current worker has begun and not finished. Its thread must not end before this is 0.
pub fn unfinished_changes() -> usize {
    UNFINISHED.get()
}

/// Counts a change until it is dropped.
struct Unfinished;

impl Unfinished {
    fn new() -> Self {
        UNFINISHED.set(UNFINISHED.get() + 1);
        Self
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        UNFINISHED.set(UNFINISHED.get().saturating_sub(1));
    }
}

/// Runs `work` in a task of its own and waits for it. The request's future is dropped when its client vanishes, and a
/// change must not stop half way with it: the cache would be left with the old value.
/// A panic of `work` is logged, and [`ApiError::Internal`].
pub(crate) async fn outlive<T: 'static>(work: impl Future<Output = T> + 'static) -> Result<T, ApiError> {
    let unfinished = Unfinished::new();
    let work = async move {
        let _unfinished = unfinished;
        work.await
    };
    rt::spawn(work.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "a change was not completed");
        ApiError::Internal
    })
}
