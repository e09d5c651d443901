//! Retries while a cluster moves a slot from one node to another.

use std::time::{Duration, Instant};

use fred::{clients::Client, error::Error, interfaces::ClientLike as _};

/// The pause before a node is asked again.
const RETRY_INTERVAL: Duration = Duration::from_millis(2);

/// Repeats a command while a node answers that the key's slot is on another node, or is being moved there. Such a
/// command was not executed, so repeating it does nothing twice.
///
/// fred must not follow the redirection itself (`max_redirections` is 0). It would take the next answer of the other
/// node for the one to its ASKING; if that answer belonged to another command, every later command on the connection
/// would get the answer of the one before. When a slot has moved, fred reads the new slot map before it gives up.
///
/// A slot with few keys moves within milliseconds. A move that takes longer than the command time-out is an error.
pub(crate) async fn retry_while_slot_moves<T, F>(client: &Client, command: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let began = Instant::now();
    loop {
        let answer = command().await;
        let moves = answer.as_ref().is_err_and(is_slot_migration);
        if !moves || began.elapsed() > client.perf_config().default_command_timeout {
            return answer;
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Whether the command was refused because of a move: fred's error when it may not follow a redirection, or a node's
/// when some keys of the command have moved and others have not.
fn is_slot_migration(error: &Error) -> bool {
    let details = error.details();
    details == "Too many redirections." || details.starts_with("TRYAGAIN")
}
