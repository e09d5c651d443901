//! The contract of [`RateLimiter`].

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use entrepot_domain::{ApiKeyId, Quota, RateLimiter, Subject, UserId};
use futures_util::future::join_all;
use uuid::Uuid;

/// A limiter without counts whose clock can be advanced.
pub trait LimitHarness {
    /// The limiter; the same one each time.
    fn limiter(&self) -> Arc<dyn RateLimiter>;

    /// Advances the clock of the limiter.
    fn pass(&self, time: Duration) -> impl Future<Output = ()>;
}

/// Generates a test per case: `entrepot_contract::limit_suite!(harness().await)`.
#[macro_export]
macro_rules! limit_suite {
    ($harness:expr) => {
        $crate::suite! { limit, $harness,
            window_begins_with_the_first_hit,
            limit_is_enforced_until_the_window_ends,
            refused_hit_is_not_counted,
            peek_counts_nothing,
            subjects_are_counted_separately,
            concurrent_hits_are_counted_exactly,
            count_survives_a_change_of_quota,
        }
    };
}

/// Short, because some adapters have to wait in real time.
const WINDOW: Duration = Duration::from_millis(400);

fn quota(limit: u32) -> Quota {
    Quota { limit, window: WINDOW }
}

fn user(n: u128) -> Subject {
    Subject::User(UserId(Uuid::from_u128(n)))
}

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The first result has the whole window, and one less than the limit.
pub async fn window_begins_with_the_first_hit(h: &impl LimitHarness) {
    let decision = h.limiter().hit(&user(1), quota(100)).await;
    assert!(decision.allowed);
    assert_eq!(decision.remaining, 99);
    assert!(decision.resets_in <= WINDOW && decision.resets_in > WINDOW / 2, "{decision:?}");
}

pub async fn limit_is_enforced_until_the_window_ends(h: &impl LimitHarness) {
    let limiter = h.limiter();
    for left in [2, 1, 0] {
        let decision = limiter.hit(&user(1), quota(3)).await;
        assert!(decision.allowed && decision.remaining == left, "{decision:?}");
    }
    let refused = limiter.hit(&user(1), quota(3)).await;
    assert!(!refused.allowed && refused.remaining == 0 && refused.resets_in <= WINDOW, "{refused:?}");
    h.pass(WINDOW + Duration::from_millis(10)).await;
    assert_eq!(limiter.hit(&user(1), quota(3)).await.remaining, 2);
}

/// Retries do not prolong the wait.
pub async fn refused_hit_is_not_counted(h: &impl LimitHarness) {
    let limiter = h.limiter();
    limiter.hit(&user(1), quota(1)).await;
    h.pass(WINDOW / 2).await;
    for _ in 0..5 {
        assert!(!limiter.hit(&user(1), quota(1)).await.allowed);
    }
    h.pass(WINDOW / 2 + Duration::from_millis(10)).await;
    assert!(limiter.hit(&user(1), quota(1)).await.allowed);
}

pub async fn peek_counts_nothing(h: &impl LimitHarness) {
    let limiter = h.limiter();
    for _ in 0..5 {
        let decision = limiter.peek(&user(1), quota(2)).await;
        assert!(decision.allowed && decision.remaining == 2, "{decision:?}");
    }
    limiter.hit(&user(1), quota(2)).await;
    limiter.hit(&user(1), quota(2)).await;
    let full = limiter.peek(&user(1), quota(2)).await;
    assert!(!full.allowed && full.resets_in <= WINDOW && !full.resets_in.is_zero(), "{full:?}");
    h.pass(WINDOW + Duration::from_millis(10)).await;
    assert!(limiter.peek(&user(1), quota(2)).await.allowed);
}

/// A user, their password attempts, an address and a login are counted separately, and so are two logins from one
/// address.
pub async fn subjects_are_counted_separately(h: &impl LimitHarness) {
    let limiter = h.limiter();
    let login = |email: &str| Subject::Login { address: ADDRESS, email: email.into() };
    let id = UserId(Uuid::from_u128(1));
    for subject in [
        user(1),
        user(2),
        Subject::ApiKey(ApiKeyId(id.0)),
        Subject::Password(id),
        Subject::Code(id),
        Subject::Address(ADDRESS),
        login("ada@example.com"),
        login("bob@example.com"),
    ] {
        assert!(limiter.hit(&subject, quota(1)).await.allowed, "{subject:?}");
        assert!(!limiter.hit(&subject, quota(1)).await.allowed, "{subject:?}");
    }
}

/// Of a hundred concurrent hits ten are allowed.
pub async fn concurrent_hits_are_counted_exactly(h: &impl LimitHarness) {
    let limiter = h.limiter();
    let quota = Quota { limit: 10, window: Duration::from_mins(1) };
    let hits = (0..100).map(|_| {
        let limiter = limiter.clone();
        tokio::spawn(async move { limiter.hit(&user(1), quota).await.allowed })
    });
    let allowed = join_all(hits).await.into_iter().filter(|hit| matches!(hit, Ok(true))).count();
    assert_eq!(allowed, 10);
}

/// The configured limit may change; counts are kept.
pub async fn count_survives_a_change_of_quota(h: &impl LimitHarness) {
    let limiter = h.limiter();
    for _ in 0..3 {
        limiter.hit(&user(1), quota(3)).await;
    }
    assert_eq!(limiter.hit(&user(1), quota(5)).await.remaining, 1);
    assert!(!limiter.hit(&user(1), quota(2)).await.allowed);
}
