//! What an answer says of the caller's rate limit: the three headers that clients have always read, and the two of the
//! current draft (draft-ietf-httpapi-ratelimit-headers).

use std::{cell::RefCell, time::Duration};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use entrepot_application::Standing;
use entrepot_domain::Quota;

use crate::response::{Decimal, header_value};

static LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static CURRENT: HeaderName = HeaderName::from_static("ratelimit");

/// Whether requests for this path are counted: all but those of operators, of other services that fetch keys, and of
/// the documentation.
pub(super) fn is_limited(path: &str) -> bool {
    let free = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    !["/health", "/metrics", "/.well-known", "/openapi.json", "/docs"].into_iter().any(free)
}

/// Whole seconds, rounded up: whoever waits so long has waited long enough.
pub(super) fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// What a worker has said of quotas before: there are no more than two, and what is said of them never changes.
#[derive(Default)]
pub(super) struct Quotas(RefCell<Vec<Known>>);

struct Known {
    quota: Quota,
    limit: HeaderValue,
    policy: HeaderValue,
}

impl Quotas {
    /// Puts the headers on an answer.
    pub(super) fn apply(&self, headers: &mut HeaderMap, standing: &Standing) {
        let Standing { quota, verdict, .. } = *standing;
        let (limit, policy) = self.of(quota);
        headers.insert(LIMIT.clone(), limit);
        headers.insert(POLICY.clone(), policy);
        let remaining = Decimal::of(verdict.remaining.into());
        let reset = Decimal::of(seconds(verdict.resets_in));
        headers.insert(REMAINING.clone(), header_value(&[remaining.as_str()]));
        headers.insert(RESET.clone(), header_value(&[reset.as_str()]));
        headers.insert(CURRENT.clone(), list("r", &remaining, "t", &reset));
    }

    /// The limit of a quota, and how it is written as a policy.
    fn of(&self, quota: Quota) -> (HeaderValue, HeaderValue) {
        let mut known = self.0.borrow_mut();
        if let Some(Known { limit, policy, .. }) = known.iter().find(|known| known.quota == quota) {
            return (limit.clone(), policy.clone());
        }
        let most = Decimal::of(quota.limit.into());
        let limit = header_value(&[most.as_str()]);
        let policy = list("q", &most, "w", &Decimal::of(seconds(quota.window)));
        known.push(Known { quota, limit: limit.clone(), policy: policy.clone() });
        (limit, policy)
    }
}

/// The one quota of a list (RFC 9651 3.1), with two parameters.
fn list(first: &str, one: &Decimal, second: &str, other: &Decimal) -> HeaderValue {
    header_value(&["\"default\";", first, "=", one.as_str(), ";", second, "=", other.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_readers_are_not_counted() {
        for free in
            ["/health/live", "/health/ready", "/metrics", "/.well-known/jwks.json", "/docs", "/docs/swagger-ui.css"]
        {
            assert!(!is_limited(free), "{free}");
        }
        for counted in ["/", "/api/v1/products", "/docsx", "/metricsandmore", "/healthy", "//docs", "/.well-knowns"] {
            assert!(is_limited(counted), "{counted}");
        }
    }

    #[test]
    fn a_part_of_a_second_is_a_second() {
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_mins(15)), 900);
        assert_eq!(seconds(Duration::from_millis(899_001)), 900);
    }
}
