//! What things are called in Redis.

use std::fmt::Write as _;

use entrepot_domain::{CacheKey, Subject};
use fred::types::Key;
use sha2::{Digest, Sha256};

/// The layout of what is kept. Raise it when the meaning of a key or of its bytes changes: old and new instances then
/// share nothing, and what the old ones left runs out.
const LAYOUT: &str = "v1";

/// The three keys of one cached thing. What stands in braces decides the slot of a cluster, so the three are
/// neighbours and one script may touch them all.
#[derive(Clone)]
pub(crate) struct Place {
    /// The value.
    pub(crate) value: Key,
    /// The token of a load that is under way.
    pub(crate) load: Key,
    /// Who may serve the value from its own memory just now.
    pub(crate) lease: Key,
}

impl Place {
    /// In the order in which the scripts take them.
    pub(crate) fn keys(self) -> [Key; 3] {
        [self.value, self.load, self.lease]
    }
}

/// What all keys begin with.
#[derive(Clone)]
pub(crate) struct Names {
    cache: String,
    limit: String,
    probe: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        // Braces of its own would decide the slot in place of ours.
        let prefix = prefix.replace(['{', '}'], "_");
        Self {
            cache: format!("{{{prefix}cache:{LAYOUT}:"),
            limit: format!("{prefix}limit:{LAYOUT}:"),
            probe: format!("{prefix}probe"),
        }
    }

    /// Where a cached thing is.
    pub(crate) fn place(&self, key: CacheKey) -> Place {
        Self::place_named(&match key {
            CacheKey::Product(id) => format!("{}product:{id}", self.cache),
            CacheKey::Access(id) => format!("{}access:{id}", self.cache),
        })
    }

    fn place_named(base: &str) -> Place {
        let part = |name: &str| Key::from(format!("{base}}}:{name}"));
        Place { value: part("value"), load: part("load"), lease: part("lease") }
    }

    /// Where the cached thing is to which a key belongs that was found; none if it is another's.
    pub(crate) fn place_of(&self, found: &[u8]) -> Option<Place> {
        let found = str::from_utf8(found).ok()?;
        let (base, part) = found.rsplit_once("}:")?;
        (base.starts_with(&self.cache) && part != "lease").then(|| Self::place_named(base))
    }

    /// Matches the keys of all cached things, and maybe others.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.cache.len() + 8);
        for c in self.cache.chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('*');
        pattern
    }

    /// Where somebody's count is. An address and a user are named; an email is not to be read in Redis.
    pub(crate) fn count(&self, subject: &Subject) -> Key {
        let mut name = self.limit.clone();
        // Writing to a string does not fail.
        match subject {
            Subject::Address(address) => write!(name, "address:{address}"),
            Subject::User(id) => write!(name, "user:{id}"),
            Subject::Login { address, email } => {
                write!(name, "login:{address}:").ok();
                Sha256::digest(email.as_bytes()).iter().take(16).try_for_each(|byte| write!(name, "{byte:02x}"))
            }
        }
        .ok();
        Key::from(name)
    }

    /// A key to try whether Redis takes writes.
    pub(crate) fn probe(&self) -> Key {
        Key::from(self.probe.as_str())
    }
}

#[cfg(test)]
mod tests {
    use entrepot_domain::{ProductId, SessionId, UserId};
    use fred::util::redis_keyslot;
    use uuid::Uuid;

    use super::*;

    fn text(key: &Key) -> &str {
        key.as_str().unwrap()
    }

    #[test]
    fn the_keys_of_one_thing_are_neighbours_in_a_cluster() {
        for prefix in ["entrepot:", "a{b}c:", "}{", ""] {
            let names = Names::new(prefix);
            let place = names.place(CacheKey::Product(ProductId(Uuid::from_u128(7))));
            let slots = [&place.value, &place.load, &place.lease].map(|key| redis_keyslot(key.as_bytes()));
            assert!(slots.iter().all(|slot| *slot == slots[0]), "{prefix}: {slots:?}");
            for key in [&place.value, &place.load] {
                assert_eq!(names.place_of(key.as_bytes()).unwrap().lease, place.lease);
            }
            assert!(names.place_of(place.lease.as_bytes()).is_none());
        }
    }

    #[test]
    fn keys_say_what_they_are_of_and_in_which_layout() {
        let names = Names::new("shop:");
        let id = Uuid::from_u128(1);
        assert_eq!(
            text(&names.place(CacheKey::Access(SessionId(id))).value),
            "{shop:cache:v1:access:00000000-0000-0000-0000-000000000001}:value"
        );
        assert_eq!(
            text(&names.count(&Subject::User(UserId(id)))),
            "shop:limit:v1:user:00000000-0000-0000-0000-000000000001"
        );
        assert!(names.place_of(b"{other:cache:v1:access:1}:value").is_none());
    }

    #[test]
    fn nobody_reads_an_email_in_redis() {
        let names = Names::new("shop:");
        let login = |email: &str| Subject::Login { address: [127, 0, 0, 1].into(), email: email.into() };
        let key = names.count(&login("ada@example.com"));
        assert!(text(&key).starts_with("shop:limit:v1:login:127.0.0.1:") && !text(&key).contains("ada"), "{key:?}");
        assert_eq!(text(&key).rsplit(':').next().unwrap().len(), 32);
        assert_ne!(key, names.count(&login("bob@example.com")));
    }

    #[test]
    fn a_prefix_is_no_pattern() {
        assert_eq!(Names::new("a*[b]?\\").pattern(), "{a\\*\\[b\\]\\?\\\\cache:v1:*");
    }
}
