//! Changes that are completed also if their client disconnects.

use std::cell::Cell;

use actix_web::rt;
use tracing::Instrument;

use crate::error::ApiError;

thread_local! {
    /// Each worker is a thread, and its changes run on it.
    static UNFINISHED: Cell<usize> = const { Cell::new(0) };
}

/// The number of changes that the current worker has started and not completed. Its thread must not end before this is
/// 0.
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

/// Runs `work` in a separate task and waits for it. When a client disconnects, the future of its request is dropped; a
/// change must not stop half-way, or the cache would keep the old value. A panic of `work` is logged, and returned as
/// [`ApiError::Internal`].
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
