//! Keys that a cluster moves from one node to another.

use std::time::{Duration, Instant};

use fred::{clients::Client, error::Error, interfaces::ClientLike as _};

/// How long a node has until it is asked again.
const PAUSE: Duration = Duration::from_millis(2);

/// Does it again when a node said that the key is at another one, or is on its way there.
///
/// fred is not let follow such an answer. It would take the next answer that the other node gives for the one to its
/// ASKING, and if that was to somebody else's question, everybody after him would get another's answer. When it is told
/// that a slot has moved, it finds out where all of them are now before it gives up.
///
/// A slot of few keys moves in some milliseconds. One that takes longer than a command may is not waited for.
pub(crate) async fn while_moving<T, F>(client: &Client, ask: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let began = Instant::now();
    loop {
        let answer = ask().await;
        let moves = answer.as_ref().is_err_and(is_moving);
        if !moves || began.elapsed() > client.perf_config().default_command_timeout {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether it was not done because of a move: what fred says when it may not follow, and what a node says of keys that
/// are half here and half there.
fn is_moving(error: &Error) -> bool {
    let said = error.details();
    said == "Too many redirections." || said.starts_with("TRYAGAIN")
}
