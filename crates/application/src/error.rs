//! Why a use case did not do what was asked.

use std::time::Duration;

use entrepot_domain::{
    Fault, ProductId,
    api_key::{ApiKeyError, Scope},
    auth::{OpenError, TokenError},
    order::{OrderAction, OrderStatus},
    product::{ProductError, Sku, Stock},
    user::UserError,
};

/// Something wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where, as a client would write it: `items[0].quantity`.
    pub field: String,
    /// What, worded to follow the name of the field.
    pub message: String,
}

impl FieldError {
    /// One bad field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A product of which not enough is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    /// The field of the request that asked for it.
    pub field: String,
    /// Which product.
    pub product: ProductId,
    /// As the shop calls it, where that is known.
    pub sku: Option<Sku>,
    /// How many were wanted.
    pub wanted: u64,
    /// How many are left.
    pub left: Stock,
}

/// Why a use case did not do what was asked. Every edge has one table that says what each case means to its clients.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields that are wrong; all of them.
    #[error("the request is not valid")]
    Validation(Vec<FieldError>),
    /// The token is malformed, forged, or its session is over.
    #[error("the token is not valid")]
    InvalidToken,
    /// The token was good once.
    #[error("the token has expired")]
    TokenExpired,
    /// No such user, another password, or no good code of the second factor: it is not told which.
    #[error("the email, password or code is wrong")]
    InvalidCredentials,
    /// The password is right, and a code is asked for beside it.
    #[error("this account has a second factor; send its code too")]
    SecondFactorRequired,
    /// The refresh token was used before; its session is over with that.
    #[error("the refresh token was used before; log in again")]
    RefreshTokenReused,
    /// The actor's roles do not allow it.
    #[error("you are not allowed to do this")]
    Forbidden,
    /// The actor is a machine whose key lacks this scope.
    #[error("this API key lacks the scope {0}")]
    InsufficientScope(Scope),
    /// The actor is a machine, and this is for people.
    #[error("API keys may not do this; log in")]
    LoginRequired,
    /// It does not exist, or it is somebody else's.
    #[error("the resource does not exist")]
    NotFound,
    /// Another user has that address.
    #[error("another account has this email address")]
    EmailTaken,
    /// Another product has that sku.
    #[error("another product has this sku")]
    SkuTaken,
    /// Not enough is left; every short product is named.
    #[error("there is not enough in stock")]
    InsufficientStock(Vec<Shortfall>),
    /// That cannot be done with an order in this status.
    #[error("an order that is {from} cannot take the action {}", .action.as_str())]
    InvalidTransition { from: OrderStatus, action: OrderAction },
    /// It would remove the last admin.
    #[error("the last admin cannot be removed")]
    LastAdmin,
    /// A second factor is in force already.
    #[error("a second factor is enabled already; remove it first")]
    SecondFactorEnabled,
    /// Nobody may have more API keys.
    #[error("there are too many API keys; revoke one first")]
    TooManyApiKeys,
    /// A first try under the same key is still running.
    #[error("a request with this idempotency key is still running")]
    IdempotencyInProgress,
    /// The key was used for another request.
    #[error("this idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The thing is not at the version that the caller has seen.
    #[error("it was changed meanwhile")]
    PreconditionFailed,
    /// Too many tries.
    #[error("too many requests")]
    RateLimited {
        /// Which limit it is, as operators know it: [`Subject::limit`](entrepot_domain::Subject::limit).
        limit: &'static str,
        /// When to come back.
        retry_after: Duration,
    },
    /// A dependency, or a bug.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Error {
    /// One bad field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Validation(vec![FieldError::new(field, message)])
    }

    /// The stable name that clients may act on; the contract lists them.
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
            Self::InvalidTransition { .. } => "invalid_transition",
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

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Invalid => Self::InvalidToken,
        }
    }
}

/// What a change of that product that took `delta` of it (where it did) means to its caller.
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
