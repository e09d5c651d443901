//! What an answer says of the caller's rate limit: the three headers that clients have always read, and the two of the
//! current draft (draft-ietf-httpapi-ratelimit-headers).

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use entrepot_application::Standing;

static LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static CURRENT: HeaderName = HeaderName::from_static("ratelimit");

/// Whether requests for this path are counted: all but those of operators and of the documentation.
pub(super) fn is_limited(path: &str) -> bool {
    let free = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    !["/health", "/metrics", "/openapi.json", "/docs"].into_iter().any(free)
}

/// Whole seconds, rounded up: whoever waits so long has waited long enough.
pub(super) fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Puts the headers on an answer.
pub(super) fn apply(headers: &mut HeaderMap, standing: &Standing) {
    let (quota, verdict) = (standing.quota, standing.verdict);
    let (window, reset) = (seconds(quota.window), seconds(verdict.resets_in));
    headers.insert(LIMIT.clone(), quota.limit.into());
    headers.insert(REMAINING.clone(), verdict.remaining.into());
    headers.insert(RESET.clone(), reset.into());
    let lists = [
        (&POLICY, format!("\"default\";q={};w={window}", quota.limit)),
        (&CURRENT, format!("\"default\";r={};t={reset}", verdict.remaining)),
    ];
    for (name, value) in lists {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_readers_are_not_counted() {
        for free in ["/health/live", "/health/ready", "/metrics", "/openapi.json", "/docs", "/docs/swagger-ui.css"] {
            assert!(!is_limited(free), "{free}");
        }
        for counted in ["/", "/api/v1/products", "/docsx", "/metricsandmore", "/healthy", "//docs"] {
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
