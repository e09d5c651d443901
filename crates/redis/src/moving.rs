//! Keys that a cluster moves from one node to another.

use std::time::{Duration, Instant};

use fred::error::Error;

/// For how long it is tried again. A slot of few keys moves in some milliseconds.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a node has until it is asked again.
const PAUSE: Duration = Duration::from_millis(2);

/// Does it again when a node said that the key is at another one, or is on its way there.
///
/// fred is not let follow such an answer. It would take the next answer that the other node gives for the one to its
/// ASKING, and if that was to somebody else's question, everybody after him would get another's answer. When it is told
/// that a slot has moved, it finds out where all of them are now before it gives up.
pub(crate) async fn while_moving<T, F: Future<Output = Result<T, Error>>>(ask: impl Fn() -> F) -> Result<T, Error> {
    let began = Instant::now();
    loop {
        match ask().await {
            Err(error) if is_moving(&error) && began.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

/// Whether it was not done because of a move: what fred says when it may not follow, and what a node says of keys that
/// are half here and half there.
fn is_moving(error: &Error) -> bool {
    let said = error.details();
    said == "Too many redirections." || said.starts_with("TRYAGAIN")
}
