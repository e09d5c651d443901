//! What instances tell each other through Redis: which keys were invalidated, and who may serve until when.
//!
//! A hash holds the `era`, how many keys were logged in it (`at`), and for each instance that reads the microsecond at
//! which its lease ends, on the clock of Redis. A list holds the last keys. Both may be lost, by eviction or a restart:
//! whoever finds no era begins a new one, in which everybody forgets everything, and in whose first moments there may
//! be leases that nobody knows of.

use bytes::Bytes;
use entrepot_domain::{CacheKey, ProductId, SessionId, api_key::KeyPrefix};
use uuid::Uuid;

/// What both scripts begin with: the time, and an era if there is none.
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

/// Extends the lease of the caller, and gives what was logged after his position: 0 if nothing was, the entries, or
/// where the log is now if he has to forget everything.
pub(super) const POLL: &str = with_era!(
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

/// Takes values and loads away (`KEYS[3]` and on) and logs the entries (`ARGV[5]` and on); without entries begins a new
/// era. Tells for how many microseconds another instance than the caller may serve what it has not heard of.
pub(crate) const FORGET: &str = with_era!(
    r"
if #KEYS > 2 then
  redis.call('UNLINK', unpack(KEYS, 3))
end
if #ARGV > 4 then
  redis.call('RPUSH', KEYS[2], unpack(ARGV, 5))
  redis.call('LTRIM', KEYS[2], -ARGV[4], -1)
  redis.call('HINCRBY', KEYS[1], 'at', #ARGV - 4)
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

/// Ends the leases of instances that read no more.
pub(crate) const LEAVE: &str = "return redis.call('HDEL', KEYS[1], unpack(ARGV))";

/// How many entries the log keeps. Whoever is further behind forgets everything.
pub(crate) const KEPT: usize = 10_000;

const PRODUCT: u8 = 0;
const ACCESS: u8 = 1;
const API_KEY: u8 = 2;

/// A key in the log, and who put it there.
pub(crate) fn entry(holder: u64, key: CacheKey) -> Bytes {
    let holder = holder.to_be_bytes();
    let entry = |kind: u8, id: &[u8]| Bytes::from([holder.as_slice(), &[kind], id].concat());
    match key {
        CacheKey::Product(id) => entry(PRODUCT, id.0.as_bytes()),
        CacheKey::Access(id) => entry(ACCESS, id.0.as_bytes()),
        CacheKey::ApiKey(prefix) => entry(API_KEY, &prefix.bytes()),
    }
}

/// The same read; none if it makes no sense.
pub(super) fn read(entry: &[u8]) -> Option<(u64, CacheKey)> {
    let (holder, rest) = entry.split_first_chunk()?;
    let (kind, id) = rest.split_first()?;
    let uuid = || Uuid::from_slice(id).ok();
    let key = match *kind {
        PRODUCT => CacheKey::Product(ProductId(uuid()?)),
        ACCESS => CacheKey::Access(SessionId(uuid()?)),
        API_KEY => CacheKey::ApiKey(KeyPrefix::from_bytes(id).ok()?),
        _ => return None,
    };
    Some((u64::from_be_bytes(*holder), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let id = Uuid::from_u128(7);
        let prefix = KeyPrefix::from_bytes(b"0123456789").unwrap();
        for key in [CacheKey::Product(ProductId(id)), CacheKey::Access(SessionId(id)), CacheKey::ApiKey(prefix)] {
            assert_eq!(read(&entry(u64::MAX - 1, key)), Some((u64::MAX - 1, key)));
        }
        let mut of_tomorrow = entry(1, CacheKey::Product(ProductId(id))).to_vec();
        of_tomorrow[8] = 9;
        for bad in [&of_tomorrow[..], &of_tomorrow[..20], b""] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
