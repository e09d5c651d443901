//! Tests of the table.

use std::collections::BTreeSet;

use entrepot_application::Error;
use entrepot_domain::Fault;

use super::{ApiError, samples};

/// Numbers every kind of error, so that a new one does not compile until it is added here.
const fn kind(error: &ApiError) -> u8 {
    match error {
        ApiError::MissingToken => 0,
        ApiError::MalformedJson(_) => 1,
        ApiError::InvalidCursor => 2,
        ApiError::UnknownPath => 3,
        ApiError::MethodNotAllowed(_) => 4,
        ApiError::PayloadTooLarge(_) => 5,
        ApiError::UnsupportedMediaType(_) => 6,
        ApiError::Timeout => 7,
        ApiError::Internal => 8,
        ApiError::UnsupportedEncoding => 27,
        ApiError::UnknownMethod => 33,
        ApiError::UseCase(error) => match error {
            Error::Validation(_) => 9,
            Error::InvalidToken => 10,
            Error::TokenExpired => 11,
            Error::InvalidCredentials => 12,
            Error::RefreshTokenReused => 13,
            Error::Forbidden => 14,
            Error::NotFound => 15,
            Error::EmailTaken => 16,
            Error::SkuTaken => 17,
            Error::InsufficientStock(_) => 18,
            Error::InvalidTransition { .. } => 19,
            Error::LastAdmin => 20,
            Error::IdempotencyInProgress => 21,
            Error::IdempotencyKeyReused => 22,
            Error::PreconditionFailed => 23,
            Error::RateLimited { .. } => 24,
            Error::Fault(Fault::Unavailable { .. }) => 25,
            Error::Fault(Fault::Unknown(_)) => 26,
            Error::InsufficientScope(_) => 28,
            Error::LoginRequired => 29,
            Error::TooManyApiKeys => 30,
            Error::SecondFactorRequired => 31,
            Error::SecondFactorEnabled => 32,
            Error::JobOver(_) => 34,
            Error::JobQueued => 35,
        },
    }
}

#[test]
fn every_kind_has_a_sample() {
    let kinds: BTreeSet<_> = samples().iter().map(kind).collect();
    assert_eq!(kinds, (0..=35).collect());
}

#[test]
fn table_is_unchanged() {
    let lines = samples().into_iter().map(|error| {
        let response = error.render("r1", false);
        let mut headers: Vec<_> = response.headers().iter().collect();
        headers.retain(|(name, _)| !["content-type", "cache-control"].contains(&name.as_str()));
        headers.sort_by_key(|(name, _)| name.as_str());
        let headers = headers.into_iter().map(|(name, value)| format!("\n    {name}: {}", value.to_str().unwrap()));
        format!("{} {}: {}{}", error.status().as_u16(), error.code(), error.message(), headers.collect::<String>())
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    401 missing_token: this needs a token: Authorization: Bearer …
        www-authenticate: Bearer realm="entrepot"
    400 malformed_json: the body is not JSON: expected `,` or `}` at line 1 column 20
    400 invalid_cursor: the cursor does not belong to this list; start again with an empty one
    405 method_not_allowed: this path takes GET, HEAD, OPTIONS
        allow: GET, HEAD, OPTIONS
    413 payload_too_large: the body may have 10485760 bytes at most
    415 unsupported_media_type: the body must be application/json
    415 unsupported_media_type: the body must be plain, or encoded with gzip
        accept-encoding: gzip
    500 internal: something went wrong on our side
    503 unavailable: the service cannot do this now; please try again
        retry-after: 1
    400 validation_failed: the request is not valid
    401 invalid_token: the token is not valid
        www-authenticate: Bearer realm="entrepot", error="invalid_token", error_description="the token is not valid"
    401 token_expired: the token has expired
        www-authenticate: Bearer realm="entrepot", error="invalid_token", error_description="the token has expired"
    401 invalid_credentials: the email, password or code is wrong
        www-authenticate: Bearer realm="entrepot", error="invalid_token", error_description="the email, password or code is wrong"
    401 second_factor_required: this account has a second factor; send its code too
        www-authenticate: Bearer realm="entrepot", error="invalid_token", error_description="this account has a second factor; send its code too"
    401 refresh_token_reused: the refresh token was used before; log in again
        www-authenticate: Bearer realm="entrepot", error="invalid_token", error_description="the refresh token was used before; log in again"
    403 forbidden: you are not allowed to do this
    403 insufficient_scope: this API key lacks the scope orders:write
        www-authenticate: Bearer realm="entrepot", error="insufficient_scope", scope="orders:write"
    403 login_required: API keys may not do this; log in
    404 not_found: the resource does not exist
    409 email_taken: another account has this email address
    409 sku_taken: another product has this sku
    409 insufficient_stock: there is not enough in stock
    409 invalid_transition: an order that is shipped cannot take the action cancel
    409 invalid_transition: the job is succeeded already
    409 invalid_transition: the same job is queued already
    409 last_admin: the last admin cannot be removed
    409 second_factor_enabled: a second factor is enabled already; remove it first
    409 too_many_api_keys: there are too many API keys; revoke one first
    409 idempotency_in_progress: a request with this idempotency key is still running
    422 idempotency_key_reused: this idempotency key was used for another request
    412 precondition_failed: it was changed meanwhile
    429 rate_limited: too many requests
        retry-after: 900
    503 unavailable: the service cannot do this now; please try again
        retry-after: 1
    500 internal: something went wrong on our side
    404 not_found: nothing is served at this path
    501 not_implemented: this method is not known here
    "#);
}

#[test]
fn shortfall_names_the_stock_that_is_left() {
    let short = samples().into_iter().find(|error| error.code() == "insufficient_stock").unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&short.envelope("r1")).unwrap(), @r#"
    {
      "status": "error",
      "code": "insufficient_stock",
      "message": "there is not enough in stock",
      "requestId": "r1",
      "errors": [
        {
          "field": "items[0].quantity",
          "message": "only 2 left",
          "productId": "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55",
          "sku": "85123A",
          "requested": 6,
          "available": 2
        }
      ]
    }
    "#);
}
