//! The lease: the right of an instance to serve from its near cache, and the task that renews it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use fred::types::Value;
use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, watch},
    time::{timeout, timeout_at},
};

use super::near_cache::NearCache;
use crate::{
    client::{
        connection::{Connection, micros, number_bytes},
        script::Script,
    },
    invalidation::log::{self, LEASE},
};

/// For how long an instance serves after a poll, counted from before it was sent. Less than the lease, because clocks
/// run at slightly different speeds.
const SERVE: Duration = Duration::from_micros(4_500);

/// How often an instance polls. Timers of tokio have a resolution of a millisecond: a lease is renewed long before it
/// ends.
const POLL_INTERVAL: Duration = Duration::from_micros(1_500);

/// How long polling continues when nothing is read.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_millis(100);

/// One lease for all values of the near cache.
pub(super) struct Lease {
    connection: Arc<Connection>,
    pub(super) near_cache: Arc<NearCache>,
    pub(super) holder: u64,
    poll: Script,
    /// Whether anything was served since the last poll.
    used: AtomicBool,
    poll_requested: Notify,
    pub(super) polled: watch::Sender<()>,
}

/// The position up to which the log was read.
pub(super) struct Position {
    /// The breaker's number of changes: entries from while it was open may be in another Redis.
    breaker_changes: u64,
    era: Bytes,
    at: i64,
}

impl Lease {
    pub(super) fn new(connection: Arc<Connection>, near_cache: Arc<NearCache>, holder: u64) -> Self {
        Self {
            connection,
            near_cache,
            holder,
            poll: Script::new(log::POLL),
            used: AtomicBool::new(false),
            poll_requested: Notify::new(),
            polled: watch::Sender::new(()),
        }
    }

    /// Notes that a value was served.
    #[inline]
    pub(super) fn note_use(&self) {
        // Reading does not take the cache line away from other cores.
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }

    /// Requests a poll and waits until one is over, which may have been under way already.
    pub(super) async fn poll_soon(&self) {
        let mut polled = self.polled.subscribe();
        self.poll_requested.notify_one();
        timeout(self.connection.command_timeout(), polled.changed()).await.ok();
    }

    /// Renews the lease while values are read; never ends.
    pub(super) async fn keep(self: Arc<Self>) {
        let mut position = None;
        loop {
            self.poll_requested.notified().await;
            let mut last_used = Instant::now();
            while last_used.elapsed() < IDLE_TIMEOUT {
                let began = Instant::now();
                if self.used.swap(false, Relaxed) {
                    last_used = began;
                }
                position = self.poll(position).await;
                // Requests from before the end of this poll are satisfied by it.
                self.poll_requested.notified().now_or_never();
                self.polled.send_replace(());
                timeout_at((began + POLL_INTERVAL).into(), self.poll_requested.notified()).await.ok();
            }
        }
    }

    /// Asks what was invalidated after a position; returns the next position, or `None` if it is unknown.
    pub(super) async fn poll(&self, before: Option<Position>) -> Option<Position> {
        let connection = &self.connection;
        let breaker_changes = connection.breaker.enter()?;
        let before = before.filter(|position| position.breaker_changes == breaker_changes);
        let (era, at) = before.as_ref().map_or((Bytes::new(), 0), |position| (position.era.clone(), position.at));
        let args = vec![
            Value::from(self.holder.to_string()),
            micros(LEASE),
            number_bytes(connection.unique.next()),
            Value::Bytes(era),
            Value::from(at.to_string()),
        ];
        // Redis counts the lease from later than this, however late the answer arrives.
        let sent = Instant::now();
        let answer = connection.run(&self.poll, connection.keys.log().into(), args).await?;
        if !connection.breaker.is_unchanged_since(breaker_changes) {
            return None;
        }
        let Some((era, at)) = self.apply(before, &answer) else {
            connection.note_unexpected(&answer);
            return None;
        };
        self.near_cache.serve_until(sent + SERVE);
        Some(Position { breaker_changes, era, at })
    }

    /// Removes the values that the answer names; returns the era and the position in it.
    fn apply(&self, before: Option<Position>, answer: &Value) -> Option<(Bytes, i64)> {
        match (answer, before) {
            (Value::Integer(0), Some(before)) => Some((before.era, before.at)),
            (Value::Array(parts), before) => {
                if let [Value::Integer(at), era] = parts.as_slice() {
                    self.near_cache.clear();
                    return Some((Bytes::copy_from_slice(era.as_bytes()?), *at));
                }
                let Position { era, at, .. } = before?;
                for entry in parts {
                    self.apply_entry(entry.as_bytes()?);
                }
                Some((era, at.checked_add(i64::try_from(parts.len()).ok()?)?))
            }
            _ => None,
        }
    }

    fn apply_entry(&self, entry: &[u8]) {
        // An entry or a key of a newer version may mean any value.
        let Some((holder, keys)) = log::parse_entry(entry) else { return self.near_cache.clear() };
        // Its own keys are removed when Redis has answered the invalidation.
        if holder == self.holder {
            return;
        }
        for key in keys {
            match key {
                Some(key) => self.near_cache.remove(key),
                None => self.near_cache.clear(),
            }
        }
    }
}
