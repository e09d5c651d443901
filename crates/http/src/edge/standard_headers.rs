//! The headers of every response.

use actix_web::http::header::HeaderMap;
use entrepot_application::RateLimitStatus;

use super::{
    limits,
    request_id::{RequestId, X_REQUEST_ID},
    security_headers,
};
use crate::response::header_value;

/// The headers of every response.
pub(super) struct StandardHeaders<'a> {
    /// Whether the response is sent over TLS all the way to the client, as far as is known.
    pub(super) secure: bool,
    pub(super) request_id: &'a RequestId,
    /// The state of the rate limit, if the request was counted.
    pub(super) rate_limit: Option<&'a RateLimitStatus>,
}

impl StandardHeaders<'_> {
    /// Adds them.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        headers.reserve(security_headers::MAX + 6);
        for (name, value) in security_headers::all(self.secure) {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(X_REQUEST_ID.clone(), header_value(&[self.request_id.as_str()]));
        if let Some(rate_limit) = self.rate_limit {
            limits::apply(rate_limit, headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entrepot_domain::{Quota, RateLimitDecision};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn rate_limit_and_tls_headers_are_added_only_where_they_apply() {
        let quota = Quota { limit: 100, window: Duration::from_mins(15) };
        let decision = RateLimitDecision { allowed: true, remaining: 7, resets_in: Duration::from_secs(61) };
        for (secure, counted) in [(false, false), (true, true)] {
            let rate_limit = RateLimitStatus { quota, decision, limit: "address" };
            let request_id = RequestId::from(Uuid::from_u128(7));
            let standard =
                StandardHeaders { secure, request_id: &request_id, rate_limit: counted.then_some(&rate_limit) };
            let mut headers = HeaderMap::new();
            standard.apply(&mut headers);
            assert_eq!(headers.get("x-request-id").unwrap(), request_id.as_str());
            let limit = headers.get("ratelimit").map(|limit| limit.to_str().unwrap());
            assert_eq!(limit, counted.then_some("\"default\";r=7;t=61"));
            assert_eq!(headers.contains_key("strict-transport-security"), secure);
        }
    }
}
