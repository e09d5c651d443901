//! Wakes those who follow the event log in this process.

use tokio::sync::watch;

/// Wakes those who follow the event log in this process: there may be new events. A hint and nothing more; several calls
/// may wake them once.
#[derive(Debug)]
pub struct EventWake(watch::Sender<()>);

/// Waits for the next call of [`EventWake::wake`].
#[derive(Debug)]
pub struct Wakened(watch::Receiver<()>);

impl Default for EventWake {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl EventWake {
    /// Wakes everybody who waits.
    pub fn wake(&self) {
        self.0.send_replace(());
    }

    /// Follows the log from now on.
    pub fn subscribe(&self) -> Wakened {
        Wakened(self.0.subscribe())
    }
}

impl Wakened {
    /// Returns when there was a call since the last one returned, or since it was subscribed. Waits for ever when there
    /// can be none any more.
    pub async fn wakened(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_call_wakes_each_follower_once() {
        let wake = EventWake::default();
        wake.wake();
        let (mut one, mut two) = (wake.subscribe(), wake.subscribe());
        assert!(one.wakened().now_or_never().is_none(), "it was before the subscription");
        wake.wake();
        wake.wake();
        block_on(one.wakened());
        block_on(two.wakened());
        assert!(one.wakened().now_or_never().is_none());
        drop(wake);
        assert!(two.wakened().now_or_never().is_none());
    }
}
