//! Numbers what was committed, and wakes those who follow the log.

use std::{sync::Arc, time::Duration};

use entrepot_application::event::EventWake;
use entrepot_domain::{
    Fault,
    event::{EventLog, EventPosition, EventSignal},
};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long to wait between two numberings: what is committed meanwhile is numbered together.
const BATCH_INTERVAL: Duration = Duration::from_millis(20);

/// How often to look for what other processes have committed or numbered without telling.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How long to wait after the store has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The ports that a [`Relay`] holds.
pub struct RelayPorts {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Tells the other instances, and is told by them.
    pub signal: Arc<dyn EventSignal>,
    /// Wakes the followers in this process.
    pub wake: EventWake,
}

/// Numbers what was committed, and wakes those who follow the log. Every process that serves or works runs one; the store
/// lets one at a time number, and takes over from one that dies.
///
/// What this process commits is numbered at once, or at the end of the interval if something was numbered a moment ago.
/// What a process commits that dies right after is found by another one's look, within a second.
pub struct Relay {
    ports: RelayPorts,
    /// The end of the log, as far as it is known.
    head: Option<EventPosition>,
}

impl Relay {
    /// A relay over these ports.
    pub fn new(ports: RelayPorts) -> Self {
        Self { ports, head: None }
    }

    /// Runs until `stop` is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let began = Instant::now();
            let pause = match self.turn().await {
                Ok(()) => began + BATCH_INTERVAL,
                Err(fault) => {
                    tracing::debug!(error = %fault, "events could not be numbered");
                    began + PAUSE
                }
            };
            tokio::select! {
                () = self.next() => {}
                () = stop.cancelled() => break,
            }
            tokio::select! {
                () = sleep_until(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        // What was committed since is numbered by other instances; if there is none, by the next start.
        if let Err(fault) = self.turn().await {
            tracing::debug!(error = %fault, "the last events could not be numbered");
        }
    }

    /// Returns when there may be something to do.
    async fn next(&self) {
        tokio::select! {
            () = self.ports.log.written() => {}
            () = self.ports.signal.notified() => {}
            () = sleep(POLL_INTERVAL) => {}
        }
    }

    /// Numbers all that was committed, and wakes the followers if the log has grown.
    async fn turn(&mut self) -> Result<(), Fault> {
        let RelayPorts { log, signal, wake } = &self.ports;
        if let Some(mut numbered) = log.number().await? {
            wake.wake();
            while numbered.is_partial
                && let Some(more) = log.number().await?
            {
                numbered = more;
                wake.wake();
            }
            self.head = Some(numbered.head);
            signal.notify().await;
            return Ok(());
        }
        let head = log.head().await?;
        if self.head.replace(head) != Some(head) {
            wake.wake();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst},
    };

    use async_trait::async_trait;
    use entrepot_domain::event::{Event, EventId, EventQuery, Located, Numbered};
    use tokio::{sync::Notify, time::timeout};

    use super::*;

    /// A log of records that are committed and numbered, without what is in them.
    #[derive(Default)]
    struct Log {
        committed: AtomicI64,
        numbered: AtomicI64,
        written: Notify,
        numberings: AtomicUsize,
        is_down: Mutex<bool>,
    }

    impl Log {
        fn commit(&self) {
            self.committed.fetch_add(1, SeqCst);
        }
    }

    #[async_trait]
    impl EventLog for Log {
        async fn read(&self, _: &EventQuery) -> Result<Vec<Event>, Fault> {
            Ok(Vec::new())
        }

        async fn head(&self) -> Result<EventPosition, Fault> {
            Ok(EventPosition::after_record(self.numbered.load(SeqCst)))
        }

        async fn locate(&self, _: EventId) -> Result<Located, Fault> {
            Ok(Located::Unknown)
        }

        async fn number(&self) -> Result<Option<Numbered>, Fault> {
            if *self.is_down.lock().unwrap() {
                return Err(Fault::unavailable("store", anyhow::anyhow!("down")));
            }
            self.numberings.fetch_add(1, SeqCst);
            let committed = self.committed.load(SeqCst);
            let has_grown = self.numbered.swap(committed, SeqCst) != committed;
            let head = EventPosition::after_record(committed);
            Ok(has_grown.then_some(Numbered { head, is_partial: false }))
        }

        async fn written(&self) {
            self.written.notified().await;
        }

        async fn consumed(&self, _: &'static str) -> Result<EventPosition, Fault> {
            Ok(EventPosition::START)
        }

        async fn prune(&self, _: Duration, _: u32) -> Result<u32, Fault> {
            Ok(0)
        }
    }

    #[derive(Default)]
    struct Signal {
        sent: AtomicUsize,
        received: Notify,
    }

    #[async_trait]
    impl EventSignal for Signal {
        async fn notify(&self) {
            self.sent.fetch_add(1, SeqCst);
        }

        async fn notified(&self) {
            self.received.notified().await;
        }
    }

    struct Running {
        log: Arc<Log>,
        signal: Arc<Signal>,
        wake: EventWake,
        stop: CancellationToken,
    }

    /// A relay that has looked once.
    async fn run() -> Running {
        let (log, signal, wake) = (Arc::<Log>::default(), Arc::<Signal>::default(), EventWake::default());
        let (stop, mut first) = (CancellationToken::new(), wake.subscribe());
        let ports = RelayPorts { log: log.clone(), signal: signal.clone(), wake: wake.clone() };
        tokio::spawn(Relay::new(ports).run(stop.clone()));
        first.wakened().await;
        Running { log, signal, wake, stop }
    }

    #[tokio::test(start_paused = true)]
    async fn commits_are_numbered_and_told_at_once_and_then_together() {
        let relay = run().await;
        tokio::time::advance(BATCH_INTERVAL).await;
        let (began, mut follower) = (Instant::now(), relay.wake.subscribe());
        relay.log.commit();
        relay.log.written.notify_one();
        follower.wakened().await;
        assert_eq!((relay.log.numbered.load(SeqCst), began.elapsed()), (1, Duration::ZERO));
        let numberings = relay.log.numberings.load(SeqCst);
        for _ in 0..50 {
            relay.log.commit();
            relay.log.written.notify_one();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let spent = relay.log.numberings.load(SeqCst) - numberings;
        assert!(spent <= 4, "{spent} numberings in 50 ms");
        assert!(relay.log.numbered.load(SeqCst) >= 30);
        assert!(relay.signal.sent.load(SeqCst) >= 2, "other instances are told");
    }

    #[tokio::test(start_paused = true)]
    async fn commits_of_other_processes_are_found() {
        let relay = run().await;
        for is_told in [true, false] {
            tokio::time::advance(BATCH_INTERVAL).await;
            let (began, mut follower) = (Instant::now(), relay.wake.subscribe());
            relay.log.commit();
            if is_told {
                relay.signal.received.notify_one();
            }
            follower.wakened().await;
            let most = if is_told { Duration::ZERO } else { POLL_INTERVAL };
            assert!(began.elapsed() <= most, "{:?}", began.elapsed());
        }
        // One that another process has numbered.
        let mut follower = relay.wake.subscribe();
        relay.log.commit();
        relay.log.numbered.fetch_add(1, SeqCst);
        timeout(POLL_INTERVAL + BATCH_INTERVAL, follower.wakened()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn relay_goes_on_after_an_outage_and_numbers_the_rest_at_its_stop() {
        let relay = run().await;
        *relay.log.is_down.lock().unwrap() = true;
        relay.log.commit();
        relay.log.written.notify_one();
        tokio::time::sleep(2 * PAUSE).await;
        assert_eq!(relay.log.numbered.load(SeqCst), 0);
        *relay.log.is_down.lock().unwrap() = false;
        let mut follower = relay.wake.subscribe();
        timeout(PAUSE + POLL_INTERVAL, follower.wakened()).await.unwrap();
        assert_eq!(relay.log.numbered.load(SeqCst), 1);
        let mut follower = relay.wake.subscribe();
        relay.log.commit();
        relay.stop.cancel();
        follower.wakened().await;
        assert_eq!(relay.log.numbered.load(SeqCst), 2);
    }
}
