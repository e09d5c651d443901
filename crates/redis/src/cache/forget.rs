//! How Redis is told what to forget.

use std::time::{Duration, Instant};

use fred::{
    error::{Error, ErrorKind},
    types::{Key, Value, scan::Scanner as _},
};
use futures_util::{StreamExt as _, future::try_join_all};
use tokio::time::timeout;

use crate::{
    breaker::Owed,
    cache::LEASE,
    keys::Place,
    redis::{Shared, told},
};

/// Takes the value and the load of each thing away, and tells for how many milliseconds another instance than the
/// caller may still serve one of the values; negative if none may.
pub(crate) const FORGET: &str = r"
local longest = -1
for i = 1, #KEYS, 3 do
  redis.call('UNLINK', KEYS[i], KEYS[i + 1])
  local holder = redis.call('GET', KEYS[i + 2])
  if holder and holder ~= ARGV[1] then
    longest = math.max(longest, redis.call('PTTL', KEYS[i + 2]))
  end
end
return longest
";

/// How many things one script forgets: few enough that Redis is not held up for long.
const CHUNK: usize = 64;

/// How many keys a page of a scan looks at.
const PAGE: u32 = 1_000;

fn late() -> Error {
    Error::new(ErrorKind::Timeout, "a scan took too long")
}

impl Shared {
    /// Makes Redis forget, and waits until no other instance than `holder` serves any of it. If Redis cannot be told,
    /// it is told before it is asked again.
    pub(crate) async fn forget(&self, mut owed: Owed, holder: u64) {
        let opened = loop {
            if self.breaker.enter().is_some() {
                match self.pay(&owed, holder).await {
                    Ok(()) => return,
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
        tokio::time::sleep_until((opened + self.patience()).into()).await;
    }

    /// Tells Redis, whether it may be asked or not, and waits for the leases of all but `holder`.
    pub(crate) async fn pay(&self, owed: &Owed, holder: u64) -> Result<(), Error> {
        let until = if owed.everything {
            // A value that was put during the first pass, by a load from before it, is found by the second.
            self.forget_all(holder).await?.max(self.forget_all(holder).await?)
        } else {
            let places: Vec<Place> = owed.keys.iter().map(|key| self.names.place(*key)).collect();
            self.forget_places(&places, holder).await?
        };
        if let Some(until) = until {
            tokio::time::sleep_until(until.into()).await;
        }
        Ok(())
    }

    async fn forget_all(&self, holder: u64) -> Result<Option<Instant>, Error> {
        let mut until = None;
        let client = self.client();
        let mut pages = if self.clustered() {
            client.scan_cluster(self.names.pattern(), Some(PAGE), None).left_stream()
        } else {
            client.scan(self.names.pattern(), Some(PAGE), None).right_stream()
        };
        // fred puts no end to the wait for a page.
        while let Some(page) = timeout(self.patience(), pages.next()).await.map_err(|_| late())? {
            let mut page = page?;
            let found = page.take_results().unwrap_or_default();
            let places: Vec<Place> = found.iter().filter_map(|key| self.names.place_of(key.as_bytes())).collect();
            until = until.max(self.forget_places(&places, holder).await?);
            page.next();
        }
        Ok(until)
    }

    /// Tells until when another instance may serve one of them.
    async fn forget_places(&self, places: &[Place], holder: u64) -> Result<Option<Instant>, Error> {
        let mut until = None;
        for chunk in places.chunks(CHUNK) {
            // In a cluster they are in many places, and each is a command of its own.
            let each = if self.clustered() { 1 } else { CHUNK };
            let told = try_join_all(chunk.chunks(each).map(|places| self.forget_together(places, holder))).await?;
            until = told.into_iter().fold(until, Option::max);
        }
        Ok(until)
    }

    async fn forget_together(&self, places: &[Place], holder: u64) -> Result<Option<Instant>, Error> {
        let keys: Vec<Key> = places.iter().cloned().flat_map(Place::keys).collect();
        let holder = Value::from(holder.to_string());
        match self.forgetting.run(&self.client(), keys, vec![holder]).await? {
            Value::Integer(left) => Ok(u64::try_from(left).ok().map(|left| {
                // The last millisecond counts whole. And whatever happens to the clock of Redis, nobody waits for long.
                Instant::now() + Duration::from_millis(left + 1).min(2 * LEASE)
            })),
            other => Err(Error::new(ErrorKind::Parse, format!("expected a number, not {:?}", other.kind()))),
        }
    }
}
