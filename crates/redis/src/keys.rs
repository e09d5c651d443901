//! The names of all keys in Redis.

use std::fmt::Write as _;

use entrepot_domain::{CacheKey, ProductId, SessionId, Subject};
use fred::types::Key;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The version of the cache's layout, the invalidation log included. Raise it when the meaning of a key or of its
/// bytes changes: old and new instances then share nothing, and the keys of the old ones expire.
const CACHE_VERSION: &str = "v3";

/// The same for the counters of the limits.
const LIMIT_VERSION: &str = "v1";

/// The names of this service's keys.
#[derive(Clone)]
pub(crate) struct KeyNames {
    cache_prefix: String,
    log_prefix: String,
    limit_prefix: String,
    probe: String,
    event_channel: String,
}

impl KeyNames {
    pub(crate) fn new(prefix: &str) -> Self {
        // Braces in the prefix would decide the slot of a key instead of ours.
        let prefix = prefix.replace(['{', '}'], "_");
        Self {
            cache_prefix: format!("{prefix}cache:{CACHE_VERSION}:"),
            log_prefix: format!("{{{prefix}log:{CACHE_VERSION}}}:"),
            limit_prefix: format!("{prefix}limit:{LIMIT_VERSION}:"),
            probe: format!("{prefix}probe"),
            event_channel: format!("{prefix}events"),
        }
    }

    /// The channel on which instances tell each other of events.
    pub(crate) fn event_channel(&self) -> &str {
        &self.event_channel
    }

    /// The common prefix of all cached values.
    pub(crate) fn cache_prefix(&self) -> &str {
        &self.cache_prefix
    }

    /// The key of a cached value.
    pub(crate) fn cached(&self, key: CacheKey) -> Key {
        let mut name = String::with_capacity(self.cache_prefix.len() + 45);
        name.push_str(&self.cache_prefix);
        write_cache_key(&mut name, key);
        Key::from(name)
    }

    /// The state and the list of the invalidation log. The part in braces decides the slot in a cluster, so both are on
    /// one node and one script may use both.
    pub(crate) fn log(&self) -> [Key; 2] {
        ["state", "keys"].map(|part| Key::from(format!("{}{part}", self.log_prefix)))
    }

    /// Whether a key is that of a cached value.
    pub(crate) fn is_cached(&self, key: &[u8]) -> bool {
        key.starts_with(self.cache_prefix.as_bytes())
    }

    /// A SCAN pattern that matches the keys of all cached values, and maybe others.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.cache_prefix.len() + 8);
        for c in self.cache_prefix.chars() {
            if matches!(c, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern.push('*');
        pattern
    }

    /// The key of a subject's counter. It names an address, a user or an API key, but never an email in plain text.
    pub(crate) fn counter(&self, subject: &Subject) -> Key {
        let mut name = self.limit_prefix.clone();
        // Writing to a string does not fail.
        match subject {
            Subject::Address(address) => write!(name, "address:{address}"),
            Subject::User(id) => write!(name, "user:{id}"),
            Subject::ApiKey(id) => write!(name, "api-key:{id}"),
            Subject::Password(id) => write!(name, "password:{id}"),
            Subject::Code(id) => write!(name, "code:{id}"),
            Subject::Login { address, email } => {
                write!(name, "login:{address}:").ok();
                Sha256::digest(email.as_bytes()).iter().take(16).try_for_each(|byte| write!(name, "{byte:02x}"))
            }
        }
        .ok();
        Key::from(name)
    }

    /// The key that is written to find out whether Redis takes writes.
    pub(crate) fn probe(&self) -> Key {
        Key::from(self.probe.as_str())
    }
}

const PRODUCT: &str = "product:";
const PRODUCT_COUNT: &str = "product-count";
const ACCESS: &str = "access:";
const API_KEY: &str = "api-key:";

/// Appends a cache key in its text form, which has no line break.
pub(crate) fn write_cache_key(to: &mut String, key: CacheKey) {
    // Writing to a string does not fail.
    match key {
        CacheKey::Product(id) => write!(to, "{PRODUCT}{id}"),
        CacheKey::ProductCount => write!(to, "{PRODUCT_COUNT}"),
        CacheKey::Access(id) => write!(to, "{ACCESS}{id}"),
        CacheKey::ApiKey(prefix) => write!(to, "{API_KEY}{prefix}"),
    }
    .ok();
}

/// Parses the text form of a cache key; `None` for a kind that this version does not know.
pub(crate) fn parse_cache_key(name: &str) -> Option<CacheKey> {
    let uuid = |text| Uuid::try_parse(text).ok();
    if name == PRODUCT_COUNT {
        return Some(CacheKey::ProductCount);
    }
    if let Some(id) = name.strip_prefix(PRODUCT) {
        return uuid(id).map(|id| CacheKey::Product(ProductId(id)));
    }
    if let Some(id) = name.strip_prefix(ACCESS) {
        return uuid(id).map(|id| CacheKey::Access(SessionId(id)));
    }
    name.strip_prefix(API_KEY)?.parse().ok().map(CacheKey::ApiKey)
}

#[cfg(test)]
mod tests {
    use entrepot_domain::UserId;
    use fred::util::redis_keyslot;
    use uuid::Uuid;

    use super::*;

    fn text(key: &Key) -> &str {
        key.as_str().unwrap()
    }

    #[test]
    fn both_keys_of_the_log_are_in_one_slot() {
        for prefix in ["entrepot:", "a{b}c:", "}{", ""] {
            let names = KeyNames::new(prefix);
            let [state, list] = names.log();
            assert_eq!(redis_keyslot(state.as_bytes()), redis_keyslot(list.as_bytes()), "{prefix}");
            assert!(names.is_cached(names.cached(CacheKey::Product(ProductId(Uuid::from_u128(7)))).as_bytes()));
            assert!(!names.log().iter().any(|key| names.is_cached(key.as_bytes())), "{prefix}");
        }
    }

    #[test]
    fn keys_contain_kind_and_version() {
        let names = KeyNames::new("shop:");
        let id = Uuid::from_u128(1);
        let cached = names.cached(CacheKey::Access(SessionId(id)));
        assert_eq!(text(&cached), "shop:cache:v3:access:00000000-0000-0000-0000-000000000001");
        let [state, _] = names.log();
        assert_eq!(text(&state), "{shop:log:v3}:state");
        assert_eq!(
            text(&names.counter(&Subject::User(UserId(id)))),
            "shop:limit:v1:user:00000000-0000-0000-0000-000000000001"
        );
        assert!(!names.is_cached(b"other:cache:v3:access:1"));
    }

    #[test]
    fn emails_are_hashed() {
        let names = KeyNames::new("shop:");
        let login = |email: &str| Subject::Login { address: [127, 0, 0, 1].into(), email: email.into() };
        let key = names.counter(&login("ada@example.com"));
        assert!(text(&key).starts_with("shop:limit:v1:login:127.0.0.1:") && !text(&key).contains("ada"), "{key:?}");
        assert_eq!(text(&key).rsplit(':').next().unwrap().len(), 32);
        assert_ne!(key, names.counter(&login("bob@example.com")));
    }

    #[test]
    fn special_characters_of_the_prefix_are_escaped_in_the_pattern() {
        assert_eq!(KeyNames::new("a*[b]?\\").pattern(), "a\\*\\[b\\]\\?\\\\cache:v3:*");
    }
}
