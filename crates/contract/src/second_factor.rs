//! The contract of [`SecondFactorRepository`](entrepot_domain::second_factor::SecondFactorRepository).

use std::collections::BTreeSet;

use entrepot_domain::{
    Fault, UserId,
    second_factor::{Confirmation, RecoveryHash, SealedSecret, SecondFactor, TimeStep},
};
use entrepot_testkit::{at, cause, session, session_id, user_id};

use crate::{Stores, at_once, user::insert};

/// Generates a test per case: `entrepot_contract::second_factor_suite!(harness())`.
#[macro_export]
macro_rules! second_factor_suite {
    ($harness:expr) => {
        $crate::suite! { second_factor, $harness,
            new_user_has_no_second_factor,
            pending_secret_is_replaced,
            enabled_second_factor_is_not_replaced,
            only_the_pending_secret_is_enabled,
            enabling_ends_other_sessions,
            one_of_two_concurrent_confirmations_succeeds,
            step_is_accepted_once_and_no_earlier_step_after_it,
            one_of_two_concurrent_uses_of_a_step_succeeds,
            pending_second_factor_accepts_no_code,
            recovery_code_is_accepted_once,
            one_of_two_concurrent_uses_of_a_recovery_code_succeeds,
            recovery_codes_are_accepted_for_their_user_only,
            new_recovery_codes_replace_all_old_ones,
            removing_deletes_the_second_factor,
            second_factor_is_erased_with_its_user,
            inserting_a_key_of_an_unknown_user_fails,
        }
    };
}

fn secret(n: u8) -> SealedSecret {
    SealedSecret(vec![n; 48])
}

fn hash(n: u8) -> RecoveryHash {
    RecoveryHash([n; 32])
}

fn confirmation(n: u8) -> Confirmation {
    Confirmation { secret: secret(n), step: TimeStep(100), recovery: (1..=10).map(hash).collect(), keep: session_id(1) }
}

fn in_force(n: u8, recovery_codes_left: u32) -> SecondFactor {
    SecondFactor::InForce { secret: secret(n), recovery_codes_left }
}

async fn ada(h: &impl Stores) -> UserId {
    insert(&*h.users(), "ada").await.id
}

/// A user with an enabled second factor: secret 1, ten recovery codes, step 100 used.
async fn protected(h: &impl Stores, name: &str) -> UserId {
    let (factors, user) = (h.second_factors(), insert(&*h.users(), name).await.id);
    assert!(factors.begin(user, &secret(1), at(0)).await.unwrap());
    assert_eq!(factors.confirm(user, &confirmation(1), &cause(at(1))).await.unwrap(), Some(vec![]));
    user
}

pub async fn new_user_has_no_second_factor(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), ada(h).await);
    assert_eq!(factors.find(ada).await.unwrap(), None);
    assert_eq!(factors.confirm(ada, &confirmation(1), &cause(at(0))).await.unwrap(), None);
    assert!(!factors.take_step(ada, TimeStep(1)).await.unwrap());
    assert!(!factors.take_recovery_code(ada, hash(1), &cause(at(0))).await.unwrap());
    assert!(!factors.renew_recovery_codes(ada, &[hash(1)], &cause(at(0))).await.unwrap());
    assert!(!factors.remove(ada, &cause(at(0))).await.unwrap());
}

/// For a user who lost the QR code before scanning it.
pub async fn pending_secret_is_replaced(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), ada(h).await);
    for n in [1, 2] {
        assert!(factors.begin(ada, &secret(n), at(0)).await.unwrap());
        assert_eq!(factors.find(ada).await.unwrap(), Some(SecondFactor::Pending(secret(n))));
    }
}

/// It has to be removed first, which needs a code.
pub async fn enabled_second_factor_is_not_replaced(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    assert!(!factors.begin(ada, &secret(2), at(2)).await.unwrap());
    assert_eq!(factors.find(ada).await.unwrap(), Some(in_force(1, 10)));
}

/// Not one that another browser replaced.
pub async fn only_the_pending_secret_is_enabled(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), ada(h).await);
    factors.begin(ada, &secret(1), at(0)).await.unwrap();
    factors.begin(ada, &secret(2), at(0)).await.unwrap();
    assert_eq!(factors.confirm(ada, &confirmation(1), &cause(at(1))).await.unwrap(), None);
    assert_eq!(factors.find(ada).await.unwrap(), Some(SecondFactor::Pending(secret(2))));
    assert_eq!(factors.confirm(ada, &confirmation(2), &cause(at(1))).await.unwrap(), Some(vec![]));
    assert_eq!(factors.find(ada).await.unwrap(), Some(in_force(2, 10)));
    assert_eq!(
        factors.confirm(ada, &confirmation(2), &cause(at(1))).await.unwrap(),
        None,
        "it is not pending any more"
    );
}

/// They were opened with a password alone.
pub async fn enabling_ends_other_sessions(h: &impl Stores) {
    let (factors, sessions, ada) = (h.second_factors(), h.sessions(), ada(h).await);
    let bob = insert(&*h.users(), "bob").await.id;
    for (n, owner) in [(1, ada), (2, ada), (3, ada), (4, bob)] {
        sessions.open(&session(n, owner, &format!("token {n}"), at(0))).await.unwrap();
    }
    factors.begin(ada, &secret(1), at(0)).await.unwrap();
    assert_eq!(sessions.list(ada, at(1)).await.unwrap().len(), 3, "what is pending ends none");
    let ended = factors.confirm(ada, &confirmation(1), &cause(at(1))).await.unwrap().unwrap();
    assert_eq!(ended.into_iter().collect::<BTreeSet<_>>(), [session_id(2), session_id(3)].into());
    let left: Vec<_> = sessions.list(ada, at(1)).await.unwrap().iter().map(|session| session.id).collect();
    assert_eq!(left, [session_id(1)]);
    assert_eq!(sessions.list(bob, at(1)).await.unwrap().len(), 1);
}

/// So that no user holds recovery codes that are not valid.
pub async fn one_of_two_concurrent_confirmations_succeeds(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), ada(h).await);
    factors.begin(ada, &secret(1), at(0)).await.unwrap();
    let answers =
        at_once(
            (0..6_u8).map(|n| {
                let factors = factors.clone();
                let recovery = (n * 10..n * 10 + 10).map(hash).collect();
                async move {
                    factors.confirm(ada, &Confirmation { recovery, ..confirmation(1) }, &cause(at(1))).await.unwrap()
                }
            }),
        )
        .await;
    let winner = answers.iter().position(Option::is_some).unwrap();
    assert_eq!(answers.iter().flatten().count(), 1, "{answers:?}");
    let first = hash(u8::try_from(winner).unwrap() * 10);
    assert!(factors.take_recovery_code(ada, first, &cause(at(2))).await.unwrap());
    assert_eq!(factors.find(ada).await.unwrap(), Some(in_force(1, 9)));
}

/// The code that enabled it is used up too.
pub async fn step_is_accepted_once_and_no_earlier_step_after_it(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    let bob = protected(h, "bob").await;
    for (step, taken) in [(100, false), (99, false), (101, true), (101, false), (103, true), (102, false), (104, true)]
    {
        assert_eq!(factors.take_step(ada, TimeStep(step)).await.unwrap(), taken, "{step}");
    }
    assert!(factors.take_step(bob, TimeStep(101)).await.unwrap());
}

/// So that an observed code cannot be reused.
pub async fn one_of_two_concurrent_uses_of_a_step_succeeds(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    let answers = at_once((0..8).map(|_| {
        let factors = factors.clone();
        async move { factors.take_step(ada, TimeStep(101)).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.iter().filter(|taken| **taken).count(), 1, "{answers:?}");
}

pub async fn pending_second_factor_accepts_no_code(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), ada(h).await);
    factors.begin(ada, &secret(1), at(0)).await.unwrap();
    assert!(!factors.take_step(ada, TimeStep(1)).await.unwrap());
    assert!(!factors.take_recovery_code(ada, hash(1), &cause(at(0))).await.unwrap());
    assert!(!factors.renew_recovery_codes(ada, &[hash(1)], &cause(at(0))).await.unwrap());
    assert_eq!(factors.find(ada).await.unwrap(), Some(SecondFactor::Pending(secret(1))));
}

/// The number of remaining codes decreases.
pub async fn recovery_code_is_accepted_once(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    for (code, taken, left) in [(3, true, 9), (3, false, 9), (10, true, 8), (11, false, 8)] {
        assert_eq!(factors.take_recovery_code(ada, hash(code), &cause(at(2))).await.unwrap(), taken, "{code}");
        assert_eq!(factors.find(ada).await.unwrap(), Some(in_force(1, left)));
    }
}

pub async fn one_of_two_concurrent_uses_of_a_recovery_code_succeeds(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    let answers = at_once((0..8).map(|_| {
        let factors = factors.clone();
        async move { factors.take_recovery_code(ada, hash(3), &cause(at(2))).await.unwrap() }
    }))
    .await;
    assert_eq!(answers.iter().filter(|taken| **taken).count(), 1, "{answers:?}");
}

/// Also if the codes are equal.
pub async fn recovery_codes_are_accepted_for_their_user_only(h: &impl Stores) {
    let factors = h.second_factors();
    let (ada, bob) = (protected(h, "ada").await, protected(h, "bob").await);
    assert!(factors.take_recovery_code(ada, hash(1), &cause(at(2))).await.unwrap());
    assert_eq!(factors.find(bob).await.unwrap(), Some(in_force(1, 10)));
    assert!(factors.remove(ada, &cause(at(3))).await.unwrap());
    assert!(factors.take_recovery_code(bob, hash(1), &cause(at(4))).await.unwrap());
}

pub async fn new_recovery_codes_replace_all_old_ones(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    factors.take_recovery_code(ada, hash(1), &cause(at(2))).await.unwrap();
    assert!(factors.renew_recovery_codes(ada, &[hash(21), hash(22)], &cause(at(3))).await.unwrap());
    assert_eq!(factors.find(ada).await.unwrap(), Some(in_force(1, 2)));
    assert!(!factors.take_recovery_code(ada, hash(2), &cause(at(4))).await.unwrap());
    assert!(factors.take_recovery_code(ada, hash(22), &cause(at(4))).await.unwrap());
}

/// Another one can be begun, with its own steps.
pub async fn removing_deletes_the_second_factor(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    assert!(factors.remove(ada, &cause(at(2))).await.unwrap());
    assert!(!factors.remove(ada, &cause(at(2))).await.unwrap());
    assert_eq!(factors.find(ada).await.unwrap(), None);
    assert!(!factors.take_recovery_code(ada, hash(1), &cause(at(2))).await.unwrap());
    assert!(factors.begin(ada, &secret(2), at(3)).await.unwrap());
    assert!(factors.remove(ada, &cause(at(4))).await.unwrap(), "a pending one is removed as well");
}

pub async fn second_factor_is_erased_with_its_user(h: &impl Stores) {
    let (factors, ada) = (h.second_factors(), protected(h, "ada").await);
    h.users().erase(ada, None, &cause(at(2))).await.unwrap();
    assert_eq!(factors.find(ada).await.unwrap(), None);
    let refused = factors.begin(ada, &secret(1), at(3)).await;
    assert!(matches!(refused, Err(Fault::Unknown(_))), "{refused:?}");
}

/// An unknown user is a fault, not a refusal.
pub async fn inserting_a_key_of_an_unknown_user_fails(h: &impl Stores) {
    let refused = h.second_factors().begin(user_id(404), &secret(1), at(0)).await;
    assert!(matches!(refused, Err(Fault::Unknown(_))), "{refused:?}");
}
