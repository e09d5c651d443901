//! How often somebody may ask.

use std::{net::IpAddr, sync::Arc};

use entrepot_domain::{ApiKeyId, Quota, RateLimiter, Subject, UserId, Verdict};

/// Where somebody stands, and with what quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The quota.
    pub quota: Quota,
    /// What is left of it.
    pub verdict: Verdict,
    /// Which limit it is, as operators know it.
    pub limit: &'static str,
}

/// Who asks, as far as they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requester {
    /// Nobody who is known.
    Address(IpAddr),
    /// A user who is logged in.
    User(UserId),
    /// A machine, by its key.
    ApiKey(ApiKeyId),
}

/// Counts requests: those of a logged-in user against the user's quota wherever they come from, those with an API key
/// against as large a one of its own, all others against that of their address.
pub struct Limits {
    limiter: Arc<dyn RateLimiter>,
    address: Option<Quota>,
    user: Option<Quota>,
}

impl Limits {
    /// `None` counts nothing.
    pub fn new(limiter: Arc<dyn RateLimiter>, address: Option<Quota>, user: Option<Quota>) -> Self {
        Self { limiter, address, user }
    }

    /// Counts a request; `None` where nothing is counted.
    pub async fn request(&self, requester: Requester) -> Option<Standing> {
        let (subject, quota) = match requester {
            Requester::Address(address) => (Subject::address(address), self.address?),
            Requester::User(user) => (Subject::User(user), self.user?),
            Requester::ApiKey(key) => (Subject::ApiKey(key), self.user?),
        };
        let verdict = self.limiter.hit(&subject, quota).await;
        Some(Standing { quota, verdict, limit: subject.limit() })
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

    fn limits(subject: Subject, limit: u32) -> Limits {
        let mut limiter = MockRateLimiter::new();
        limiter.expect_hit().withf(move |s, q| *s == subject && q.limit == limit).times(1).return_const(Verdict {
            allowed: true,
            remaining: limit - 1,
            resets_in: Duration::from_mins(15),
        });
        Limits::new(Arc::new(limiter), Some(quota(100)), Some(quota(1_000)))
    }

    #[test]
    fn a_user_is_counted_wherever_they_are() {
        let user = UserId(Uuid::from_u128(1));
        let standing = block_on(limits(Subject::User(user), 1_000).request(Requester::User(user)));
        assert_eq!(standing.unwrap().verdict.remaining, 999);
    }

    #[test]
    fn a_key_has_a_share_of_its_own() {
        let key = ApiKeyId(Uuid::from_u128(1));
        let standing = block_on(limits(Subject::ApiKey(key), 1_000).request(Requester::ApiKey(key)));
        let standing = standing.unwrap();
        assert_eq!((standing.quota, standing.limit), (quota(1_000), "api_key"));
    }

    #[test]
    fn a_stranger_is_an_address() {
        let standing = block_on(limits(Subject::Address(ADDRESS), 100).request(Requester::Address(ADDRESS)));
        assert_eq!(standing.unwrap().quota, quota(100));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_counted_together() {
        let subject = Subject::Address("2001:db8::".parse().unwrap());
        let address = Requester::Address("2001:db8::8".parse().unwrap());
        assert!(block_on(limits(subject, 100).request(address)).is_some());
    }

    #[test]
    fn without_a_quota_nothing_is_counted() {
        let limits = Limits::new(Arc::new(MockRateLimiter::new()), None, None);
        assert_eq!(block_on(limits.request(Requester::Address(ADDRESS))), None);
    }
}
