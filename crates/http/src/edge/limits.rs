//! What an answer says of the caller's rate limit: the three headers that clients have always read, and the two of the
//! current draft (draft-ietf-httpapi-ratelimit-headers).

use std::time::Duration;

use actix_web::http::header::HeaderName;
use entrepot_application::Standing;

use crate::response::Decimal;

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

/// The headers, each with the parts of its value; a list has one quota with two parameters (RFC 9651 3.1).
pub(super) fn each(Standing { quota, verdict, .. }: &Standing, mut put: impl FnMut(&HeaderName, &[&str])) {
    let (limit, window) = (Decimal::of(quota.limit.into()), Decimal::of(seconds(quota.window)));
    let (remaining, reset) = (Decimal::of(verdict.remaining.into()), Decimal::of(seconds(verdict.resets_in)));
    put(&LIMIT, &[limit.as_str()]);
    put(&REMAINING, &[remaining.as_str()]);
    put(&RESET, &[reset.as_str()]);
    put(&POLICY, &["\"default\";q=", limit.as_str(), ";w=", window.as_str()]);
    put(&CURRENT, &["\"default\";r=", remaining.as_str(), ";t=", reset.as_str()]);
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
