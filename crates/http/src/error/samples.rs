//! One error of each kind, for the examples of the OpenAPI document and the test of the table.

use std::time::Duration;

use entrepot_application::{Error, FieldError, Shortfall};
use entrepot_domain::{
    Fault, ProductId,
    api_key::Scope,
    job::JobStatus,
    order::{OrderAction, OrderStatus},
    product::{Sku, Stock},
};
use uuid::uuid;

use super::ApiError;

/// One error of every kind.
pub(crate) fn samples() -> Vec<ApiError> {
    let mut samples = vec![
        ApiError::MissingToken,
        ApiError::MalformedJson("expected `,` or `}` at line 1 column 20".into()),
        ApiError::InvalidCursor,
        ApiError::MethodNotAllowed("GET, HEAD, OPTIONS".into()),
        ApiError::PayloadTooLarge(10_485_760),
        ApiError::UnsupportedMediaType("application/json"),
        ApiError::UnsupportedEncoding,
        ApiError::Internal,
        ApiError::Timeout,
    ];
    samples.extend(use_cases().map(ApiError::UseCase));
    samples.push(ApiError::UnknownPath);
    samples.push(ApiError::UnknownMethod);
    samples
}

fn use_cases() -> impl Iterator<Item = Error> {
    [
        Error::Validation(vec![
            FieldError::new("email", "is not an email address"),
            FieldError::new("name", "is required"),
        ]),
        Error::InvalidToken,
        Error::TokenExpired,
        Error::InvalidCredentials,
        Error::SecondFactorRequired,
        Error::RefreshTokenReused,
        Error::Forbidden,
        Error::InsufficientScope(Scope::OrdersWrite),
        Error::LoginRequired,
        Error::NotFound,
        Error::EmailTaken,
        Error::SkuTaken,
        Error::InsufficientStock(vec![Shortfall {
            field: "items[0].quantity".into(),
            product: ProductId(uuid!("0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55")),
            sku: Sku::parse("85123A").ok(),
            wanted: 6,
            left: Stock::new(2).unwrap_or_default(),
        }]),
        Error::InvalidTransition { from: OrderStatus::Shipped, action: OrderAction::Cancel },
        Error::JobOver(JobStatus::Succeeded),
        Error::JobQueued,
        Error::LastAdmin,
        Error::SecondFactorEnabled,
        Error::TooManyApiKeys,
        Error::IdempotencyInProgress,
        Error::IdempotencyKeyReused,
        Error::PreconditionFailed,
        Error::RateLimited { limit: "address", retry_after: Duration::from_mins(15) },
        Error::Fault(Fault::unavailable("sqlite", anyhow::anyhow!("database is locked"))),
        Error::Fault(Fault::unknown(anyhow::anyhow!("a row makes no sense"))),
    ]
    .into_iter()
}
