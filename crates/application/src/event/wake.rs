//! Wakes those who follow the event log in this process.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use event_listener::Event;

/// Wakes those who follow the event log in this process: there may be new events. A hint and nothing more; several calls
/// may wake them once.
#[derive(Debug, Clone, Default)]
pub struct EventWake(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    calls: AtomicU64,
    called: Event,
}

/// Waits for the next call of [`EventWake::wake`].
#[derive(Debug)]
pub struct Wakened {
    wake: EventWake,
    /// How many calls it has seen.
    seen: u64,
}

impl EventWake {
    /// Wakes everybody who waits.
    pub fn wake(&self) {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        self.0.called.notify(usize::MAX);
    }

    /// Follows the log from now on.
    pub fn subscribe(&self) -> Wakened {
        Wakened { wake: self.clone(), seen: self.0.calls.load(Ordering::SeqCst) }
    }
}

impl Wakened {
    /// Returns when there was a call since the last one returned, or since the subscription.
    pub async fn wakened(&mut self) {
        while !self.look() {
            // A call between the look and this line is seen by the next look.
            let called = self.wake.0.called.listen();
            if self.look() {
                return;
            }
            called.await;
        }
    }

    fn look(&mut self) -> bool {
        let calls = self.wake.0.calls.load(Ordering::SeqCst);
        std::mem::replace(&mut self.seen, calls) != calls
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn each_follower_is_woken_once_by_several_calls() {
        let wake = EventWake::default();
        wake.wake();
        let (mut one, mut two) = (wake.subscribe(), wake.subscribe());
        assert!(one.wakened().now_or_never().is_none(), "it was before the subscription");
        wake.wake();
        wake.wake();
        block_on(one.wakened());
        block_on(two.wakened());
        assert!(one.wakened().now_or_never().is_none());
    }

    #[test]
    fn waiting_follower_is_woken() {
        let wake = EventWake::default();
        let mut follower = wake.subscribe();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| block_on(follower.wakened()));
            wake.wake();
            waiting.join().unwrap();
        });
    }
}
