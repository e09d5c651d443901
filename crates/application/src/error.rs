//! The errors of use cases.

use std::time::Duration;

use entrepot_domain::{
    Fault, ProductId,
    api_key::{ApiKeyError, Scope},
    auth::{OpenError, TokenError},
    job::JobStatus,
    order::{OrderAction, OrderStatus},
    product::{ProductError, Sku, Stock},
    user::UserError,
    webhook::WebhookError,
};

/// A validation error of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The path of the field in the request: `items[0].quantity`.
    pub field: String,
    /// The message, worded to follow the name of the field.
    pub message: String,
}

impl FieldError {
    /// An error of one field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A product with insufficient stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The field of the request that asked for it.
    pub field: String,
    pub product: ProductId,
    /// The product's sku, if it is known.
    pub sku: Option<Sku>,
    pub wanted: u64,
    pub left: Stock,
}

/// The errors of use cases. Each edge maps every variant to a response in one table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Every invalid field.
    #[error("the request is not valid")]
    Validation(Vec<FieldError>),
    /// The token is malformed, forged, or its session is over.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token has expired.
    #[error("the token has expired")]
    TokenExpired,
    /// Unknown user, wrong password or wrong code; the client is not told which.
    #[error("the email, password or code is wrong")]
    InvalidCredentials,
    /// The password is correct, but a code is missing.
    #[error("this account has a second factor; send its code too")]
    SecondFactorRequired,
    /// The refresh token was used before, so its session was ended.
    #[error("the refresh token was used before; log in again")]
    RefreshTokenReused,
    /// The actor's roles do not allow it.
    #[error("you are not allowed to do this")]
    Forbidden,
    /// The actor's API key lacks this scope.
    #[error("this API key lacks the scope {0}")]
    InsufficientScope(Scope),
    /// The actor has an API key, and this needs a login.
    #[error("API keys may not do this; log in")]
    LoginRequired,
    /// It does not exist, or it belongs to another user.
    #[error("the resource does not exist")]
    NotFound,
    /// Another user has this email address.
    #[error("another account has this email address")]
    EmailTaken,
    /// Another product has this sku.
    #[error("another product has this sku")]
    SkuTaken,
    /// Insufficient stock of these products; every short product is listed.
    #[error("there is not enough in stock")]
    InsufficientStock(Vec<Shortfall>),
    /// The status of the order does not allow the action.
    #[error("an order that is {from} cannot take the action {}", .action.as_str())]
    InvalidTransition { from: OrderStatus, action: OrderAction },
    /// The status of the job does not allow the action.
    #[error("the job is {0} already")]
    JobOver(JobStatus),
    /// A job with the same unique key waits or runs.
    #[error("the same job is queued already")]
    JobQueued,
    /// It would remove the last admin.
    #[error("the last admin cannot be removed")]
    LastAdmin,
    /// The user has an enabled second factor.
    #[error("a second factor is enabled already; remove it first")]
    SecondFactorEnabled,
    /// The user has the maximum number of API keys.
    #[error("there are too many API keys; revoke one first")]
    TooManyApiKeys,
    /// A request with the same idempotency key is being processed.
    #[error("a request with this idempotency key is still running")]
    IdempotencyInProgress,
    /// The idempotency key was used for another request.
    #[error("this idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The version differs from the one that the caller expects.
    #[error("it was changed meanwhile")]
    PreconditionFailed,
    /// A rate limit is reached.
    #[error("too many requests")]
    RateLimited {
        /// The name of the limit: [`Subject::limit`](entrepot_domain::Subject::limit).
        limit: &'static str,
        /// How long to wait before the next attempt.
        retry_after: Duration,
    },
    /// A failed dependency, or a bug.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Error {
    /// An error of one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Validation(vec![FieldError::new(field, message)])
    }

    /// The stable code that clients may act on, as listed in the contract.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Validation(_) => "validation_failed",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::InvalidCredentials => "invalid_credentials",
            Self::SecondFactorRequired => "second_factor_required",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::Forbidden => "forbidden",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::LoginRequired => "login_required",
            Self::NotFound => "not_found",
            Self::EmailTaken => "email_taken",
            Self::SkuTaken => "sku_taken",
            Self::InsufficientStock(_) => "insufficient_stock",
            Self::InvalidTransition { .. } | Self::JobOver(_) | Self::JobQueued => "invalid_transition",
            Self::LastAdmin => "last_admin",
            Self::SecondFactorEnabled => "second_factor_enabled",
            Self::TooManyApiKeys => "too_many_api_keys",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::PreconditionFailed => "precondition_failed",
            Self::RateLimited { .. } => "rate_limited",
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Outdated => Self::InvalidCredentials,
            OpenError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<UserError> for Error {
    fn from(error: UserError) -> Self {
        match error {
            UserError::NotFound => Self::NotFound,
            UserError::EmailTaken => Self::EmailTaken,
            UserError::LastAdmin => Self::LastAdmin,
            UserError::PasswordChanged => Self::field("currentPassword", "is wrong"),
            UserError::VersionConflict => Self::PreconditionFailed,
            UserError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<ApiKeyError> for Error {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::TooMany => Self::TooManyApiKeys,
            ApiKeyError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<WebhookError> for Error {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NotFound => Self::NotFound,
            WebhookError::VersionConflict => Self::PreconditionFailed,
            WebhookError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Invalid => Self::InvalidToken,
        }
    }
}

/// Converts an error of a product change. `delta` is the change of the stock, 0 for other changes.
pub(crate) fn product_error(error: ProductError, product: ProductId, delta: i64) -> Error {
    match error {
        ProductError::NotFound => Error::NotFound,
        ProductError::SkuTaken => Error::SkuTaken,
        ProductError::InsufficientStock { left } => Error::InsufficientStock(vec![Shortfall {
            field: "delta".into(),
            product,
            sku: None,
            wanted: delta.unsigned_abs(),
            left,
        }]),
        ProductError::TooMuchStock => Error::field("delta", format!("must leave at most {} in stock", Stock::MAX)),
        ProductError::VersionConflict => Error::PreconditionFailed,
        ProductError::Fault(fault) => Error::Fault(fault),
    }
}
