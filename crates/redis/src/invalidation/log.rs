//! The invalidation log in Redis: which keys were invalidated, and until when each instance may serve from memory.
//!
//! A hash holds the `era`, the number of entries logged in it (`at`), and for each instance that reads the microsecond
//! at which its lease ends, by the clock of Redis. A list holds the last entries. Both may be lost by eviction or a
//! restart. An instance that finds no era begins a new one, in which every instance drops everything; in its first
//! moments there may be leases of unknown instances.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use entrepot_domain::CacheKey;

use crate::keys::{parse_cache_key, write_cache_key};

/// For how long a write of another instance waits for one that has not read of it.
pub(crate) const LEASE: Duration = Duration::from_millis(5);

/// How many entries the log keeps: some seconds of a busy shop. An instance that is further behind drops everything.
pub(crate) const MAX_ENTRIES: usize = 2_000;

/// The common beginning of both scripts: reads the time, and begins an era if there is none.
macro_rules! with_era {
    ($rest:literal) => {
        concat!(
            r"
local holder, lease, fresh = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function is_served_until(who, ends)
  redis.call('HSET', KEYS[1], who, string.format('%.0f', ends))
end
local function begin()
  redis.call('UNLINK', KEYS[2])
  redis.call('HSET', KEYS[1], 'era', fresh, 'at', 0)
  redis.call('EXPIRE', KEYS[1], 86400)
end
local found = redis.call('HMGET', KEYS[1], 'era', 'at')
local era, at = found[1], tonumber(found[2] or 0)
if not era then
  begin()
  is_served_until('unknown', now + lease)
  era, at = fresh, 0
end
",
            $rest
        )
    };
}

/// Extends the lease of the caller and returns what was logged after its position: 0 if nothing was, the entries, or
/// the present position if the caller must drop everything.
pub(crate) const POLL: &str = with_era!(
    r"
is_served_until(holder, now + lease)
local behind = at - tonumber(ARGV[5])
if era ~= ARGV[4] or behind < 0 or behind > redis.call('LLEN', KEYS[2]) then
  return {at, era}
end
if behind == 0 then
  return 0
end
return redis.call('LRANGE', KEYS[2], -behind, -1)
"
);

/// Logs an entry (`ARGV[6]`) and, unless `ARGV[5]` is empty, deletes the keys that it names, with `ARGV[5]` as their
/// prefix. Without an entry, begins a new era. Returns for how many microseconds other instances may still serve values
/// from memory without having read the entry.
///
/// The keys are taken from the entry, not sent a second time: a busy second invalidates thousands.
pub(crate) const INVALIDATE: &str = with_era!(
    r"
local kept, place, entry = ARGV[4], ARGV[5], ARGV[6]
if entry then
  if place ~= '' then
    local gone = {}
    for name in string.gmatch(entry, '\n([^\n]+)') do
      gone[#gone + 1] = place .. name
    end
    redis.call('UNLINK', unpack(gone))
  end
  redis.call('RPUSH', KEYS[2], entry)
  redis.call('LTRIM', KEYS[2], -kept, -1)
  redis.call('HINCRBY', KEYS[1], 'at', 1)
  redis.call('EXPIRE', KEYS[1], 86400)
  redis.call('EXPIRE', KEYS[2], 86400)
else
  begin()
end
local longest = 0
local state = redis.call('HGETALL', KEYS[1])
for i = 1, #state, 2 do
  local who = state[i]
  if who ~= 'era' and who ~= 'at' then
    local left = state[i + 1] - now
    if left <= 0 then
      redis.call('HDEL', KEYS[1], who)
    elseif who ~= holder then
      longest = math.max(longest, left)
    end
  end
end
return longest
"
);

/// Ends the leases of an instance that closes.
pub(crate) const END_LEASES: &str = "return redis.call('HDEL', KEYS[1], unpack(ARGV))";

/// Writes an entry: a line with the lease holder's number, and a line for each key.
pub(crate) fn write_entry(holder: u64, keys: &[CacheKey]) -> Bytes {
    let mut entry = String::with_capacity(20 + 45 * keys.len());
    // Writing to a string does not fail.
    write!(entry, "{holder}").ok();
    for key in keys {
        entry.push('\n');
        write_cache_key(&mut entry, *key);
    }
    entry.into()
}

/// Parses an entry: the holder, and each key, or `None` for a key that this version does not know. `None` if the entry
/// is malformed.
pub(crate) fn parse_entry(entry: &[u8]) -> Option<(u64, impl Iterator<Item = Option<CacheKey>>)> {
    let mut lines = str::from_utf8(entry).ok()?.split('\n');
    let holder = lines.next()?.parse().ok()?;
    Some((holder, lines.map(parse_cache_key)))
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{ProductId, SessionId, api_key::KeyPrefix};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn entries_round_trip() {
        let id = Uuid::from_u128(7);
        let prefix = KeyPrefix::from_bytes(b"0123456789").unwrap();
        let (product, session) = (ProductId(id), SessionId(id));
        let keys =
            [CacheKey::Product(product), CacheKey::ProductCount, CacheKey::Access(session), CacheKey::ApiKey(prefix)];
        let entry = write_entry(u64::MAX - 1, &keys);
        let (holder, parsed) = parse_entry(&entry).unwrap();
        assert_eq!((holder, parsed.collect::<Vec<_>>()), (u64::MAX - 1, keys.map(Some).to_vec()));
    }

    #[test]
    fn unknown_keys_and_malformed_entries_are_reported() {
        let of_newer_version = b"7\nbasket:00000000-0000-0000-0000-000000000007\nproduct:7\n";
        let (holder, parsed) = parse_entry(of_newer_version).unwrap();
        assert_eq!((holder, parsed.collect::<Vec<_>>()), (7, vec![None; 3]));
        assert!([&b""[..], b"x\nproduct:7", b"\xff"].into_iter().all(|bad| parse_entry(bad).is_none()));
    }
}
