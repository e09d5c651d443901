//! How Redis, and through it the other instances, are told what to forget.

use std::time::{Duration, Instant};

use entrepot_domain::CacheKey;
use fred::{
    error::{Error, ErrorKind},
    interfaces::KeysInterface as _,
    types::{Key, Value, scan::Scanner as _},
};
use futures_util::{StreamExt as _, future::try_join_all};
use tokio::time::timeout;

use crate::{
    breaker::Owed,
    cache::{LEASE, log},
    moving::while_moving,
    redis::{Shared, micros, token},
    told::told,
};

/// How many keys one script forgets: few enough that Redis is not held up for long.
const CHUNK: usize = 256;

/// How many keys a page of a scan looks at.
const PAGE: u32 = 1_000;

fn late() -> Error {
    Error::new(ErrorKind::Timeout, "a scan took too long")
}

impl Shared {
    /// Makes Redis forget, and tells until when another instance than `holder` may serve any of it. If Redis cannot be
    /// told, it is told before it is asked again.
    pub(crate) async fn forget(&self, mut owed: Owed, holder: u64) -> Option<Instant> {
        let opened = loop {
            if self.breaker.enter().is_some() {
                match self.tell(&owed, holder).await {
                    Ok(until) => return until,
                    Err(error) => break self.breaker.open_owing(&told(&error), owed),
                }
            }
            match self.breaker.owe(owed) {
                Ok(opened) => break opened,
                Err(back) => owed = back,
            }
        };
        // Others that were cut off at the same time find out within a command's time-out, and the beat of their
        // watcher, which this one has had as well. From then on they neither serve nor ask until everybody had the time
        // to tell Redis.
        Some(opened + self.patience())
    }

    /// Tells Redis, whether it may be asked or not, and waits until nobody serves any of it.
    pub(crate) async fn pay(&self, owed: &Owed) -> Result<(), Error> {
        if let Some(until) = self.tell(owed, 0).await? {
            tokio::time::sleep_until(until.into()).await;
        }
        Ok(())
    }

    async fn tell(&self, owed: &Owed, holder: u64) -> Result<Option<Instant>, Error> {
        if owed.everything {
            // A value that was put during the first pass, by a load from before it, is found by the second.
            self.forget_all().await?;
            self.forget_all().await?;
            return self.log(&[], holder).await;
        }
        let keys: Vec<CacheKey> = owed.keys.iter().copied().collect();
        let told = try_join_all(keys.chunks(CHUNK).map(|keys| self.tell_of(keys, holder))).await?;
        Ok(told.into_iter().flatten().max())
    }

    async fn tell_of(&self, keys: &[CacheKey], holder: u64) -> Result<Option<Instant>, Error> {
        if self.clustered() {
            // They are in many places. Only when all are gone may it be known: who has heard of it does not ask again,
            // and must not find the old value.
            try_join_all(keys.iter().map(|key| self.unlink(vec![self.names.place(*key)]))).await?;
        }
        self.log(keys, holder).await
    }

    async fn forget_all(&self) -> Result<(), Error> {
        let client = self.client();
        let mut pages = if self.clustered() {
            client.scan_cluster(self.names.pattern(), Some(PAGE), None).left_stream()
        } else {
            client.scan(self.names.pattern(), Some(PAGE), None).right_stream()
        };
        // fred puts no end to the wait for a page.
        while let Some(page) = timeout(self.patience(), pages.next()).await.map_err(|_| late())? {
            let mut page = page?;
            let mut found = page.take_results().unwrap_or_default();
            found.retain(|key| self.names.is_cached(key.as_bytes()));
            for chunk in found.chunks(CHUNK) {
                // In a cluster each is a command of its own.
                let each = if self.clustered() { 1 } else { CHUNK };
                try_join_all(chunk.chunks(each).map(|keys| self.unlink(keys.to_vec()))).await?;
            }
            page.next();
        }
        Ok(())
    }

    async fn unlink(&self, keys: Vec<Key>) -> Result<(), Error> {
        let client = self.client();
        while_moving(&client, || client.unlink::<i64, _>(keys.clone())).await.map(drop)
    }

    /// Logs those keys, and forgets them in the same step where Redis is one; or logs that everything is forgotten, if
    /// there are none.
    async fn log(&self, forgotten: &[CacheKey], holder: u64) -> Result<Option<Instant>, Error> {
        let mut args = vec![
            Value::from(holder.to_string()),
            micros(LEASE),
            token(self.tokens.next()),
            Value::from(log::KEPT.to_string()),
        ];
        if !forgotten.is_empty() {
            let place = if self.clustered() { "" } else { self.names.cache() };
            args.extend([Value::from(place), Value::Bytes(log::entry(holder, forgotten))]);
        }
        let keys = self.names.log().into();
        match self.forgetting.run(&self.client(), keys, args).await? {
            Value::Integer(left) => Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(|left| {
                // Whatever happens to the clock of Redis, nobody waits for longer than a lease.
                Instant::now() + Duration::from_micros(left).min(LEASE)
            })),
            other => Err(Error::new(ErrorKind::Parse, format!("expected a number, not {:?}", other.kind()))),
        }
    }
}
