//! Rate limits of requests.

use std::{net::IpAddr, sync::Arc};

use entrepot_domain::{ApiKeyId, Quota, RateLimitDecision, RateLimiter, Subject, UserId};

/// The state of a rate limit after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    pub quota: Quota,
    /// The result of counting the request.
    pub decision: RateLimitDecision,
    /// The name of the limit: [`Subject::limit`].
    pub limit: &'static str,
}

/// The subject that a request is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requester {
    /// A client without valid credentials.
    Address(IpAddr),
    /// A logged-in user.
    User(UserId),
    /// An API key.
    ApiKey(ApiKeyId),
}

/// Counts requests against quotas. The requests of a user share one quota, whatever address they come from. Each API
/// key has a quota of its own, as large as a user's. All other requests count for their address.
pub struct RequestLimiter {
    limiter: Arc<dyn RateLimiter>,
    address: Option<Quota>,
    user: Option<Quota>,
}

impl RequestLimiter {
    /// Creates a limiter. `None` disables a quota.
    pub fn new(limiter: Arc<dyn RateLimiter>, address: Option<Quota>, user: Option<Quota>) -> Self {
        Self { limiter, address, user }
    }

    /// Counts a request; `None` if the quota is disabled.
    pub async fn hit(&self, requester: Requester) -> Option<RateLimitStatus> {
        let (subject, quota) = match requester {
            Requester::Address(address) => (Subject::address(address), self.address?),
            Requester::User(user) => (Subject::User(user), self.user?),
            Requester::ApiKey(key) => (Subject::ApiKey(key), self.user?),
        };
        let decision = self.limiter.hit(&subject, quota).await;
        Some(RateLimitStatus { quota, decision, limit: subject.limit() })
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use entrepot_domain::MockRateLimiter;
    use futures_executor::block_on;
    use uuid::Uuid;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn quota(limit: u32) -> Quota {
        Quota { limit, window: Duration::from_mins(15) }
    }

    fn limiter(subject: Subject, limit: u32) -> RequestLimiter {
        let mut limiter = MockRateLimiter::new();
        limiter.expect_hit().withf(move |s, q| *s == subject && q.limit == limit).times(1).return_const(
            RateLimitDecision { allowed: true, remaining: limit - 1, resets_in: Duration::from_mins(15) },
        );
        RequestLimiter::new(Arc::new(limiter), Some(quota(100)), Some(quota(1_000)))
    }

    #[test]
    fn requests_of_a_user_share_one_quota() {
        let user = UserId(Uuid::from_u128(1));
        let rate_limit = block_on(limiter(Subject::User(user), 1_000).hit(Requester::User(user)));
        assert_eq!(rate_limit.unwrap().decision.remaining, 999);
    }

    #[test]
    fn api_key_has_its_own_quota() {
        let key = ApiKeyId(Uuid::from_u128(1));
        let rate_limit = block_on(limiter(Subject::ApiKey(key), 1_000).hit(Requester::ApiKey(key)));
        let rate_limit = rate_limit.unwrap();
        assert_eq!((rate_limit.quota, rate_limit.limit), (quota(1_000), "api_key"));
    }

    #[test]
    fn anonymous_requests_count_for_the_address() {
        let rate_limit = block_on(limiter(Subject::Address(ADDRESS), 100).hit(Requester::Address(ADDRESS)));
        assert_eq!(rate_limit.unwrap().quota, quota(100));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_counted_together() {
        let subject = Subject::Address("2001:db8::".parse().unwrap());
        let address = Requester::Address("2001:db8::8".parse().unwrap());
        assert!(block_on(limiter(subject, 100).hit(address)).is_some());
    }

    #[test]
    fn nothing_is_counted_without_a_quota() {
        let limiter = RequestLimiter::new(Arc::new(MockRateLimiter::new()), None, None);
        assert_eq!(block_on(limiter.hit(Requester::Address(ADDRESS))), None);
    }
}
