//! The contract of [`ApiKeyRepository`].

use entrepot_domain::{
    ApiKeyId, Fault, Timestamp, UserId,
    api_key::{ApiKey, ApiKeyError, ApiKeyName, ApiKeySecret, KeyAccess, NewApiKey, Scope, Scopes},
    user::{Role, Roles},
};
use entrepot_testkit::{at, cause, id, user_id};

use crate::{Stores, at_once, user::insert};

/// Generates a test per case: `entrepot_contract::api_key_suite!(harness())`.
#[macro_export]
macro_rules! api_key_suite {
    ($harness:expr) => {
        $crate::suite! { api_key, $harness,
            inserted_key_is_found_by_its_prefix,
            list_has_the_live_keys_newest_first,
            key_expires,
            expired_key_is_returned_for_a_day,
            revoking_ends_only_that_key,
            only_the_user_of_a_key_revokes_it,
            one_of_two_concurrent_revocations_succeeds,
            last_use_is_recorded,
            key_access_follows_the_roles_of_the_user,
            keys_of_an_erased_user_have_no_access,
            unknown_key_has_no_access,
            maximum_number_of_live_keys_is_enforced,
            maximum_number_of_keys_holds_for_concurrent_inserts,
            prefixes_of_keys_are_unique,
        }
    };
}

const MAX_LIVE: u32 = 50;

fn key_id(n: u128) -> ApiKeyId {
    ApiKeyId(id(n))
}

fn secret(n: u8) -> ApiKeySecret {
    ApiKeySecret::from_random([n; 32])
}

/// Key number `n`, created `n` seconds after the start of 2026.
fn key(n: u8, user: UserId) -> NewApiKey {
    let key = ApiKey {
        id: key_id(n.into()),
        user,
        name: ApiKeyName::parse(&format!("key {n}")).unwrap(),
        prefix: secret(n).prefix(),
        scopes: Scopes::new([Scope::OrdersRead, Scope::UsersRead]).unwrap(),
        created_at: at(n.into()),
        expires_at: None,
        last_used_at: None,
    };
    NewApiKey { key, hash: secret(n).hash() }
}

fn expiring_at(mut new: NewApiKey, expires_at: Timestamp) -> NewApiKey {
    new.key.expires_at = Some(expires_at);
    new
}

async fn ada(h: &impl Stores) -> UserId {
    insert(&*h.users(), "ada").await.id
}

async fn access(h: &impl Stores, n: u8) -> Option<KeyAccess> {
    h.api_keys().access(secret(n).prefix()).await.unwrap()
}

pub async fn inserted_key_is_found_by_its_prefix(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    let expires_at = at(100) + chrono::Duration::milliseconds(7);
    let (one, two) = (key(1, ada), expiring_at(key(2, ada), expires_at));
    keys.insert(&one, MAX_LIVE, &cause(at(0))).await.unwrap();
    keys.insert(&two, MAX_LIVE, &cause(at(0))).await.unwrap();
    let expected = KeyAccess {
        key: key_id(2),
        user: ada,
        roles: Roles::CUSTOMER,
        scopes: two.key.scopes,
        hash: two.hash,
        expires_at: Some(expires_at),
    };
    assert_eq!(access(h, 2).await, Some(expected));
    assert_eq!(access(h, 1).await.unwrap().expires_at, None);
    assert_eq!(access(h, 3).await, None);
}

pub async fn list_has_the_live_keys_newest_first(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    let bob = insert(&*h.users(), "bob").await.id;
    let mut all = key(2, ada);
    all.key.scopes = Scopes::new(Scope::ALL).unwrap();
    for new in [&key(1, ada), &all, &key(3, bob)] {
        keys.insert(new, MAX_LIVE, &cause(at(0))).await.unwrap();
    }
    assert_eq!(keys.list(ada, at(9)).await.unwrap(), [all.key, key(1, ada).key]);
    assert_eq!(keys.list(user_id(404), at(9)).await.unwrap(), []);
}

/// The key is live until the last millisecond before.
pub async fn key_expires(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&expiring_at(key(1, ada), at(10)), MAX_LIVE, &cause(at(0))).await.unwrap();
    let last = at(10) - chrono::Duration::milliseconds(1);
    assert_eq!(keys.list(ada, last).await.unwrap().len(), 1);
    assert_eq!(keys.list(ada, at(10)).await.unwrap(), []);
    assert_eq!(keys.revoke(ada, key_id(1), &cause(at(10))).await.unwrap(), None);
    assert!(access(h, 1).await.is_some(), "that it has expired is for the caller to tell");
    assert_eq!(keys.revoke(ada, key_id(1), &cause(last)).await.unwrap(), Some(secret(1).prefix()));
}

/// Also if other keys are created meanwhile.
pub async fn expired_key_is_returned_for_a_day(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&expiring_at(key(1, ada), at(10)), MAX_LIVE, &cause(at(0))).await.unwrap();
    let mut later = key(2, ada);
    later.key.created_at = at(23 * 3_600);
    keys.insert(&later, MAX_LIVE, &cause(at(0))).await.unwrap();
    assert!(access(h, 1).await.is_some());
    let mut prefixes = keys.prefixes(ada).await.unwrap();
    prefixes.sort_unstable();
    let mut expected = [secret(1).prefix(), secret(2).prefix()];
    expected.sort_unstable();
    assert_eq!(prefixes, expected);
    assert_eq!(keys.prefixes(user_id(404)).await.unwrap(), []);
}

pub async fn revoking_ends_only_that_key(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&key(1, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    keys.insert(&key(2, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    assert_eq!(keys.revoke(ada, key_id(1), &cause(at(9))).await.unwrap(), Some(secret(1).prefix()));
    assert_eq!(keys.revoke(ada, key_id(1), &cause(at(9))).await.unwrap(), None);
    assert_eq!(keys.revoke(ada, key_id(404), &cause(at(9))).await.unwrap(), None);
    assert_eq!(access(h, 1).await, None);
    assert!(access(h, 2).await.is_some());
    assert_eq!(keys.list(ada, at(9)).await.unwrap(), [key(2, ada).key]);
}

pub async fn only_the_user_of_a_key_revokes_it(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    let bob = insert(&*h.users(), "bob").await.id;
    keys.insert(&key(1, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    assert_eq!(keys.revoke(bob, key_id(1), &cause(at(9))).await.unwrap(), None);
    assert!(access(h, 1).await.is_some());
}

pub async fn one_of_two_concurrent_revocations_succeeds(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&key(1, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    let answers = at_once((0..4).map(|_| {
        let keys = keys.clone();
        async move { keys.revoke(ada, key_id(1), &cause(at(9))).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.iter().flatten().count(), 1, "{answers:?}");
}

/// In whatever order uses are recorded.
pub async fn last_use_is_recorded(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&key(1, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    keys.insert(&key(2, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    for (now, last) in [(10, 10), (70, 70), (20, 70)] {
        keys.used(key_id(1), at(now)).await.unwrap();
        let list = keys.list(ada, at(9)).await.unwrap();
        assert_eq!(list.iter().map(|key| key.last_used_at).collect::<Vec<_>>(), [None, Some(at(last))]);
    }
    keys.used(key_id(404), at(10)).await.unwrap();
}

pub async fn key_access_follows_the_roles_of_the_user(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&key(1, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    let roles = Roles::new([Role::Staff, Role::Admin]).unwrap();
    h.users().set_roles(ada, roles, None, &cause(at(1))).await.unwrap();
    assert_eq!(access(h, 1).await.unwrap().roles, roles);
}

/// Its prefix is still listed, so that caches can forget it; its name is erased.
pub async fn keys_of_an_erased_user_have_no_access(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&key(1, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    h.users().erase(ada, None, &cause(at(9))).await.unwrap();
    assert_eq!(access(h, 1).await, None);
    assert_eq!(keys.list(ada, at(9)).await.unwrap(), []);
    assert_eq!(keys.prefixes(ada).await.unwrap(), [secret(1).prefix()]);
    let refused = keys.insert(&key(2, ada), MAX_LIVE, &cause(at(0))).await;
    assert!(matches!(refused, Err(ApiKeyError::Fault(Fault::Unknown(_)))), "{refused:?}");
}

/// An unknown user is a fault, not a refusal.
pub async fn unknown_key_has_no_access(h: &impl Stores) {
    let refused = h.api_keys().insert(&key(1, user_id(404)), MAX_LIVE, &cause(at(0))).await;
    assert!(matches!(refused, Err(ApiKeyError::Fault(Fault::Unknown(_)))), "{refused:?}");
    assert_eq!(access(h, 1).await, None);
}

/// Expired and revoked keys do not count, and neither do keys of others.
pub async fn maximum_number_of_live_keys_is_enforced(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    let bob = insert(&*h.users(), "bob").await.id;
    keys.insert(&expiring_at(key(1, ada), at(3)), 2, &cause(at(0))).await.unwrap();
    keys.insert(&key(2, ada), 2, &cause(at(0))).await.unwrap();
    keys.insert(&key(3, ada), 2, &cause(at(0))).await.unwrap();
    let refused = keys.insert(&key(4, ada), 2, &cause(at(0))).await;
    assert!(matches!(refused, Err(ApiKeyError::TooMany)), "{refused:?}");
    assert_eq!(access(h, 4).await, None);
    keys.insert(&key(5, bob), 2, &cause(at(0))).await.unwrap();
    keys.revoke(ada, key_id(2), &cause(at(9))).await.unwrap();
    keys.insert(&key(4, ada), 2, &cause(at(0))).await.unwrap();
}

pub async fn maximum_number_of_keys_holds_for_concurrent_inserts(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    let answers = at_once((1..=8).map(|n| {
        let keys = keys.clone();
        async move { keys.insert(&key(n, ada), 3, &cause(at(0))).await }
    }))
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(ApiKeyError::TooMany))), "{answers:?}");
    assert_eq!(keys.list(ada, at(9)).await.unwrap().len(), 3);
}

/// The second insert with the same prefix is refused; a retry has a new prefix.
pub async fn prefixes_of_keys_are_unique(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    keys.insert(&key(1, ada), MAX_LIVE, &cause(at(0))).await.unwrap();
    let mut same = key(2, ada);
    same.key.prefix = secret(1).prefix();
    let refused = keys.insert(&same, MAX_LIVE, &cause(at(0))).await;
    assert!(matches!(refused, Err(ApiKeyError::Fault(Fault::Unavailable { .. }))), "{refused:?}");
    assert_eq!(access(h, 1).await.unwrap().key, key_id(1));
}
