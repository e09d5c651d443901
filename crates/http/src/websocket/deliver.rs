//! Handing messages to clients that may not read.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::time::{Instant, timeout};

/// How often a client that takes nothing is looked at.
const STALL_INTERVAL: Duration = Duration::from_millis(500);

/// For how long a client may take nothing.
pub(crate) const MAX_STALL: Duration = Duration::from_secs(15);

/// Hands something to the connection, which takes it when the client has read enough of what came before. While the client
/// takes nothing, `look` is asked how it goes on, and given for how long that has been so; `gone` is returned if the
/// connection is closed.
pub(crate) async fn deliver<C>(
    sending: impl Future<Output = bool>,
    gone: C,
    look: impl Fn(Duration) -> Result<(), C>,
) -> Result<(), C> {
    let mut sending = pin!(sending);
    // Most often there is room, and no timer is needed.
    let mut sent = match poll_fn(|cx| Poll::Ready(sending.as_mut().poll(cx))).await {
        Poll::Ready(sent) => Some(sent),
        Poll::Pending => None,
    };
    let began = Instant::now();
    while sent.is_none() {
        sent = timeout(STALL_INTERVAL, &mut sending).await.ok();
        if sent.is_none() {
            look(began.elapsed())?;
        }
    }
    if sent == Some(true) { Ok(()) } else { Err(gone) }
}
