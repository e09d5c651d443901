//! API keys and second factors.

use entrepot_domain::{
    ApiKeyId, UserId,
    api_key::{ApiKey, ApiKeyName, ApiKeySecret, NewApiKey, Scope, Scopes},
    second_factor::{Confirmation, RecoveryHash, SealedSecret, TimeStep},
};
use entrepot_testkit::{at, by, cause, id, new_user, session, session_id};

use super::{about, all};
use crate::Stores;

async fn ada(h: &impl Stores) -> UserId {
    let new = new_user("ada");
    h.users().insert(&new, &cause(at(0))).await.unwrap();
    new.user.id
}

fn key(n: u8, user: UserId) -> NewApiKey {
    let secret = ApiKeySecret::from_random([n; 32]);
    let key = ApiKey {
        id: ApiKeyId(id(n.into())),
        user,
        name: ApiKeyName::parse("the till of Grace").unwrap(),
        prefix: secret.prefix(),
        scopes: Scopes::new([Scope::OrdersRead, Scope::StockWrite]).unwrap(),
        created_at: at(1),
        expires_at: None,
        last_used_at: None,
    };
    NewApiKey { key, hash: secret.hash() }
}

/// The entry has the identifier and the prefix, and not the name. Refused changes and uses of keys are not logged.
pub async fn changes_of_keys_are_logged(h: &impl Stores) {
    let (keys, ada) = (h.api_keys(), ada(h).await);
    let (new, made, revoked) = (key(1, ada), by(ada, at(1)), by(ada, at(2)));
    keys.insert(&new, 1, &made).await.unwrap();
    assert!(keys.insert(&key(2, ada), 1, &by(ada, at(1))).await.is_err());
    keys.used(new.key.id, at(2)).await.unwrap();
    let prefix = keys.revoke(ada, new.key.id, &revoked).await.unwrap().unwrap();
    assert_eq!(keys.revoke(ada, new.key.id, &by(ada, at(3))).await.unwrap(), None);
    let expected = [made.api_key_created(&new.key), revoked.api_key_revoked(ada, new.key.id, prefix)];
    let said = about(h, ada.0).await;
    assert_eq!(said[1..], expected);
    assert!(!format!("{said:?}").contains("Grace"));
}

/// With the ended sessions, and without codes. A pending second factor is not logged.
pub async fn changes_of_second_factors_are_logged(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), ada(h).await);
    let opened = session(2, ada, "two", at(0));
    h.sessions().open(&opened).await.unwrap();
    let (secret, code) = (SealedSecret(vec![1; 40]), RecoveryHash([1; 32]));
    let causes: Vec<_> = (1..=5).map(|seconds| by(ada, at(seconds))).collect();
    factors.begin(ada, &secret, at(1)).await.unwrap();
    assert!(factors.remove(ada, &causes[0]).await.unwrap());
    factors.begin(ada, &secret, at(1)).await.unwrap();
    let confirmation = Confirmation { secret, step: TimeStep(1), recovery: vec![code], keep: session_id(1) };
    factors.confirm(ada, &confirmation, &causes[1]).await.unwrap().unwrap();
    assert!(factors.take_step(ada, TimeStep(2)).await.unwrap());
    assert!(factors.take_recovery_code(ada, code, &causes[2]).await.unwrap());
    assert!(factors.renew_recovery_codes(ada, &[code], &causes[3]).await.unwrap());
    assert!(factors.remove(ada, &causes[4]).await.unwrap());
    let before = all(h).await;
    assert!(!factors.take_recovery_code(ada, code, &cause(at(6))).await.unwrap());
    assert_eq!(factors.confirm(ada, &confirmation, &cause(at(6))).await.unwrap(), None);
    assert!(!factors.renew_recovery_codes(ada, &[code], &cause(at(6))).await.unwrap());
    assert!(!factors.remove(ada, &cause(at(6))).await.unwrap());
    assert_eq!(all(h).await, before);
    let expected = [
        opened.cause.session_started(&opened),
        causes[1].second_factor_enabled(ada, &[session_id(2)]),
        causes[2].recovery_code_used(ada),
        causes[3].recovery_codes_renewed(ada),
        causes[4].second_factor_removed(ada),
    ];
    // The session was opened at the time of the registration; nothing tells which of the two came first.
    let mut said = about(h, ada.0).await;
    said.retain(|entry| entry.action != entrepot_domain::audit::AuditAction::UserRegistered);
    assert_eq!(said, expected);
}
