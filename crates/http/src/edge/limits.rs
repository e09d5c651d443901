//! The headers of the rate limit: three established ones, and the two of the current draft
//! (draft-ietf-httpapi-ratelimit-headers).

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName};
use entrepot_application::RateLimitStatus;

use crate::response::{Decimal, header_value};

static LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static CURRENT: HeaderName = HeaderName::from_static("ratelimit");

/// Returns whether requests for this path are counted: all except operations, the public keys and the documentation.
pub(super) fn is_limited(path: &str) -> bool {
    let free = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    !["/health", "/metrics", "/.well-known", "/openapi.json", "/docs", "/graphiql"].into_iter().any(free)
}

/// Rounds up to whole seconds, so that a client that waits for so long has waited long enough.
pub(super) fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Adds the headers. `RateLimit` and its policy are lists with one quota (RFC 9651 3.1).
pub(super) fn apply(RateLimitStatus { quota, decision, .. }: &RateLimitStatus, headers: &mut HeaderMap) {
    let (limit, window) = (Decimal::of(quota.limit.into()), Decimal::of(seconds(quota.window)));
    let (remaining, reset) = (Decimal::of(decision.remaining.into()), Decimal::of(seconds(decision.resets_in)));
    let mut add = |name: &HeaderName, parts: &[&str]| drop(headers.insert(name.clone(), header_value(parts)));
    add(&LIMIT, &[limit.as_str()]);
    add(&REMAINING, &[remaining.as_str()]);
    add(&RESET, &[reset.as_str()]);
    add(&POLICY, &["\"default\";q=", limit.as_str(), ";w=", window.as_str()]);
    add(&CURRENT, &["\"default\";r=", remaining.as_str(), ";t=", reset.as_str()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_documentation_are_not_limited() {
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
    fn seconds_are_rounded_up() {
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_mins(15)), 900);
        assert_eq!(seconds(Duration::from_millis(899_001)), 900);
    }
}
