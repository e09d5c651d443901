//! What things are called in Redis.

use std::fmt::Write as _;

use entrepot_domain::{CacheKey, ProductId, SessionId, Subject};
use fred::types::Key;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The layout of what is cached, and of how instances tell each other. Raise it when the meaning of a key or of its
/// bytes changes: old and new instances then share nothing, and what the old ones left runs out.
const CACHE: &str = "v3";

/// The same for what is counted.
const LIMIT: &str = "v1";

/// What all keys begin with.
#[derive(Clone)]
pub(crate) struct Names {
    cache: String,
    log: String,
    limit: String,
    probe: String,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        // Braces of its own would decide the slot in place of ours.
        let prefix = prefix.replace(['{', '}'], "_");
        Self {
            cache: format!("{prefix}cache:{CACHE}:"),
            log: format!("{{{prefix}log:{CACHE}}}:"),
            limit: format!("{prefix}limit:{LIMIT}:"),
            probe: format!("{prefix}probe"),
        }
    }

    /// What the keys of all cached things begin with; their names follow.
    pub(crate) fn cache(&self) -> &str {
        &self.cache
    }

    /// Where a cached thing is.
    pub(crate) fn place(&self, key: CacheKey) -> Key {
        let mut place = String::with_capacity(self.cache.len() + 45);
        place.push_str(&self.cache);
        name(&mut place, key);
        Key::from(place)
    }

    /// Where instances tell each other what was invalidated: the state, and the list. What stands in braces decides the
    /// slot of a cluster, so the two are neighbours and one script may touch both.
    pub(crate) fn log(&self) -> [Key; 2] {
        ["state", "keys"].map(|part| Key::from(format!("{}{part}", self.log)))
    }

    /// Whether a key that was found belongs to a cached thing.
    pub(crate) fn is_cached(&self, found: &[u8]) -> bool {
        found.starts_with(self.cache.as_bytes())
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

    /// Where somebody's count is. An address, a user and a key are named; an email is not to be read in Redis.
    pub(crate) fn count(&self, subject: &Subject) -> Key {
        let mut name = self.limit.clone();
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

    /// A key to try whether Redis takes writes.
    pub(crate) fn probe(&self) -> Key {
        Key::from(self.probe.as_str())
    }
}

const PRODUCT: &str = "product:";
const ACCESS: &str = "access:";
const API_KEY: &str = "api-key:";

/// Writes the name of a cached thing: a line that says what it is.
pub(crate) fn name(to: &mut String, key: CacheKey) {
    // Writing to a string does not fail.
    match key {
        CacheKey::Product(id) => write!(to, "{PRODUCT}{id}"),
        CacheKey::Access(id) => write!(to, "{ACCESS}{id}"),
        CacheKey::ApiKey(prefix) => write!(to, "{API_KEY}{prefix}"),
    }
    .ok();
}

/// What has that name; none if this version knows of no such thing.
pub(crate) fn named(name: &str) -> Option<CacheKey> {
    let uuid = |text| Uuid::try_parse(text).ok();
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
    fn what_one_script_touches_are_neighbours_in_a_cluster() {
        for prefix in ["entrepot:", "a{b}c:", "}{", ""] {
            let names = Names::new(prefix);
            let [state, list] = names.log();
            assert_eq!(redis_keyslot(state.as_bytes()), redis_keyslot(list.as_bytes()), "{prefix}");
            assert!(names.is_cached(names.place(CacheKey::Product(ProductId(Uuid::from_u128(7)))).as_bytes()));
            assert!(!names.log().iter().any(|key| names.is_cached(key.as_bytes())), "{prefix}");
        }
    }

    #[test]
    fn keys_say_what_they_are_of_and_in_which_layout() {
        let names = Names::new("shop:");
        let id = Uuid::from_u128(1);
        let place = names.place(CacheKey::Access(SessionId(id)));
        assert_eq!(text(&place), "shop:cache:v3:access:00000000-0000-0000-0000-000000000001");
        let [state, _] = names.log();
        assert_eq!(text(&state), "{shop:log:v3}:state");
        assert_eq!(
            text(&names.count(&Subject::User(UserId(id)))),
            "shop:limit:v1:user:00000000-0000-0000-0000-000000000001"
        );
        assert!(!names.is_cached(b"other:cache:v3:access:1"));
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
        assert_eq!(Names::new("a*[b]?\\").pattern(), "a\\*\\[b\\]\\?\\\\cache:v3:*");
    }
}
