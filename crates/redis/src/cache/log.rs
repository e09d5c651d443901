//! What instances tell each other through Redis: which keys were invalidated, and who may serve until when.
//!
//! A hash holds the `era`, how many entries were logged in it (`at`), and for each instance that reads the microsecond
//! at which its lease ends, on the clock of Redis. A list holds the last entries. Both may be lost, by eviction or a
//! restart: whoever finds no era begins a new one, in which everybody forgets everything, and in whose first moments
//! there may be leases that nobody knows of.

use std::fmt::Write as _;

use bytes::Bytes;
use entrepot_domain::CacheKey;

use crate::keys::{name, named};

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

/// Logs an entry (`ARGV[6]`), and takes away what it names, which begins with `ARGV[5]`, if that is not empty; without an
/// entry begins a new era. Tells for how many microseconds another instance than the caller may serve what it has not heard
/// of.
///
/// The entry alone says what is taken away: of the baskets of a busy second, thousands of keys would be told twice.
pub(crate) const FORGET: &str = with_era!(
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

/// Ends the leases of instances that read no more.
pub(crate) const LEAVE: &str = "return redis.call('HDEL', KEYS[1], unpack(ARGV))";

/// How many entries the log keeps: some seconds of a busy shop. Whoever is further behind forgets everything.
pub(crate) const KEPT: usize = 2_000;

/// What an instance tells at once, as a line of its own name, and a line for each key.
pub(crate) fn entry(holder: u64, keys: &[CacheKey]) -> Bytes {
    let mut entry = String::with_capacity(20 + 45 * keys.len());
    // Writing to a string does not fail.
    write!(entry, "{holder}").ok();
    for key in keys {
        entry.push('\n');
        name(&mut entry, *key);
    }
    entry.into()
}

/// The same read: who wrote it, and each key, or none where it makes no sense; none at all if nothing does.
pub(super) fn read(entry: &[u8]) -> Option<(u64, impl Iterator<Item = Option<CacheKey>>)> {
    let mut lines = str::from_utf8(entry).ok()?.split('\n');
    let holder = lines.next()?.parse().ok()?;
    Some((holder, lines.map(named)))
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{ProductId, SessionId, api_key::KeyPrefix};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let id = Uuid::from_u128(7);
        let prefix = KeyPrefix::from_bytes(b"0123456789").unwrap();
        let keys = [CacheKey::Product(ProductId(id)), CacheKey::Access(SessionId(id)), CacheKey::ApiKey(prefix)];
        let entry = entry(u64::MAX - 1, &keys);
        let (holder, told) = read(&entry).unwrap();
        assert_eq!((holder, told.collect::<Vec<_>>()), (u64::MAX - 1, keys.map(Some).to_vec()));
    }

    #[test]
    fn what_makes_no_sense_may_be_anything() {
        let of_tomorrow = b"7\nbasket:00000000-0000-0000-0000-000000000007\nproduct:7\n";
        let (holder, told) = read(of_tomorrow).unwrap();
        assert_eq!((holder, told.collect::<Vec<_>>()), (7, vec![None; 3]));
        assert!([&b""[..], b"x\nproduct:7", b"\xff"].into_iter().all(|bad| read(bad).is_none()));
    }
}
