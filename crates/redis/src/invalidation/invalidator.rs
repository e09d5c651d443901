//! Tells Redis, and through it the other instances, which cached values were changed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use entrepot_domain::CacheKey;
use fred::{
    error::{Error, ErrorKind},
    interfaces::KeysInterface as _,
    types::{Key, Value, scan::Scanner as _},
};
use futures_util::{StreamExt as _, future::try_join_all};
use tokio::time::timeout;

use super::log::{self, LEASE};
use crate::client::{
    connection::{Connection, micros, number_bytes},
    error_message::error_message,
    pending::PendingInvalidations,
    script::Script,
    slot_migration::retry_while_slot_moves,
};

/// How many keys one script deletes: few enough that Redis is not blocked for long.
const MAX_KEYS_PER_SCRIPT: usize = 256;

/// How many keys SCAN looks at for one page.
const SCAN_PAGE: u32 = 1_000;

/// The holder of no lease.
const NO_HOLDER: u64 = 0;

/// Invalidates cached values in Redis and in all instances.
pub(crate) struct Invalidator {
    connection: Arc<Connection>,
    invalidate: Script,
    end_leases: Script,
    /// The caches of this process that may have leases.
    holders: Mutex<Vec<u64>>,
}

impl Invalidator {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            invalidate: Script::new(log::INVALIDATE),
            end_leases: Script::new(log::END_LEASES),
            holders: Mutex::default(),
        }
    }

    /// Registers a cache whose lease is to end when the connection is closed.
    pub(crate) fn register(&self, holder: u64) {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner).push(holder);
    }

    /// Ends the leases of all registered caches, so that no write of another instance waits for them.
    pub(crate) async fn end_leases(&self) {
        let holders = std::mem::take(&mut *self.holders.lock().unwrap_or_else(PoisonError::into_inner));
        let [state, _] = self.connection.keys.log();
        let args: Vec<Value> = holders.iter().map(|holder| Value::from(holder.to_string())).collect();
        if !args.is_empty() {
            let client = self.connection.client();
            // If it fails, they expire by themselves.
            timeout(self.connection.command_timeout(), self.end_leases.run(&client, vec![state], args)).await.ok();
        }
    }

    /// Deletes the values in Redis, and returns until when another instance than `holder` may serve any of them from
    /// memory. If Redis cannot be reached, they are deleted before it is used again.
    pub(crate) async fn invalidate(&self, mut changed: PendingInvalidations, holder: u64) -> Option<Instant> {
        let breaker = &self.connection.breaker;
        let opened = loop {
            if breaker.is_closed() {
                match self.send(&changed, holder).await {
                    Ok(until) => return until,
                    Err(error) => break breaker.open_with(&error_message(&error), changed),
                }
            }
            match breaker.defer(changed) {
                Ok(opened) => break opened,
                Err(back) => changed = back,
            }
        };
        // Other instances that were cut off at the same time notice it within the probe interval and a command's
        // time-out, as this one did. From then on they neither serve nor ask until all had the time to send theirs.
        Some(opened + self.connection.command_timeout())
    }

    /// Delivers invalidations of an outage, whether the breaker is closed or not, and waits until no instance serves
    /// any of the values.
    pub(crate) async fn deliver(&self, pending: &PendingInvalidations) -> Result<(), Error> {
        if let Some(until) = self.send(pending, NO_HOLDER).await? {
            tokio::time::sleep_until(until.into()).await;
        }
        Ok(())
    }

    async fn send(&self, changed: &PendingInvalidations, holder: u64) -> Result<Option<Instant>, Error> {
        if changed.everything {
            // The second pass finds a value that was put during the first, by a load from before it.
            self.delete_all().await?;
            self.delete_all().await?;
            return self.log(&[], holder).await;
        }
        let keys: Vec<CacheKey> = changed.keys.iter().copied().collect();
        let sent = try_join_all(keys.chunks(MAX_KEYS_PER_SCRIPT).map(|keys| self.send_keys(keys, holder))).await?;
        Ok(sent.into_iter().flatten().max())
    }

    async fn send_keys(&self, keys: &[CacheKey], holder: u64) -> Result<Option<Instant>, Error> {
        if self.connection.is_clustered() {
            // The keys are on several nodes. All must be deleted before the entry is logged: an instance that has read
            // the entry does not ask again, and must not find the old value.
            try_join_all(keys.iter().map(|key| self.unlink(vec![self.connection.keys.cached(*key)]))).await?;
        }
        self.log(keys, holder).await
    }

    async fn delete_all(&self) -> Result<(), Error> {
        let (client, names) = (self.connection.client(), &self.connection.keys);
        let mut pages = if self.connection.is_clustered() {
            client.scan_cluster(names.pattern(), Some(SCAN_PAGE), None).left_stream()
        } else {
            client.scan(names.pattern(), Some(SCAN_PAGE), None).right_stream()
        };
        // fred has no time-out for a page.
        while let Some(page) =
            timeout(self.connection.command_timeout(), pages.next()).await.map_err(|_| scan_timed_out())?
        {
            let mut page = page?;
            let mut keys = page.take_results().unwrap_or_default();
            keys.retain(|key| names.is_cached(key.as_bytes()));
            for chunk in keys.chunks(MAX_KEYS_PER_SCRIPT) {
                // The keys of one command must be on one node.
                let per_command = if self.connection.is_clustered() { 1 } else { MAX_KEYS_PER_SCRIPT };
                try_join_all(chunk.chunks(per_command).map(|keys| self.unlink(keys.to_vec()))).await?;
            }
            page.next();
        }
        Ok(())
    }

    async fn unlink(&self, keys: Vec<Key>) -> Result<(), Error> {
        let client = self.connection.client();
        retry_while_slot_moves(&client, || client.unlink::<i64, _>(keys.clone())).await.map(drop)
    }

    /// Logs these keys and, unless Redis is a cluster, deletes them in the same step. Without keys, begins a new era,
    /// in which every instance drops everything.
    async fn log(&self, changed: &[CacheKey], holder: u64) -> Result<Option<Instant>, Error> {
        let connection = &self.connection;
        let mut args = vec![
            Value::from(holder.to_string()),
            micros(LEASE),
            number_bytes(connection.unique.next()),
            Value::from(log::MAX_ENTRIES.to_string()),
        ];
        if !changed.is_empty() {
            let prefix = if connection.is_clustered() { "" } else { connection.keys.cache_prefix() };
            args.extend([Value::from(prefix), Value::Bytes(log::write_entry(holder, changed))]);
        }
        match self.invalidate.run(&connection.client(), connection.keys.log().into(), args).await? {
            Value::Integer(left) => Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(|left| {
                // Even if the clock of Redis jumps, no writer waits for longer than a lease.
                Instant::now() + Duration::from_micros(left).min(LEASE)
            })),
            other => Err(Error::new(ErrorKind::Parse, format!("expected a number, not {:?}", other.kind()))),
        }
    }
}

fn scan_timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "a scan took too long")
}
