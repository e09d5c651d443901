//! Decorators that create a span for each call of a port. Used only if traces are collected.

use std::sync::Arc;

use async_trait::async_trait;
use entrepot_domain::{
    ApiKeyId, DeliveryId, Email, Fault, JobId, Listing, OrderId, ProductId, SessionId, Timestamp, UserId, Version,
    WebhookId,
    account_token::{TokenMail, TokenPurpose},
    api_key::{ApiKey, ApiKeyError, ApiKeyRepository, KeyAccess, KeyPrefix, NewApiKey},
    audit::{AuditEntry, AuditLog, AuditQuery, Cause},
    auth::{
        Access, NewSession, OpenError, PasswordHash, PasswordHasher, PlainPassword, RotateError, Rotated, Rotation,
        Session, SessionRepository, Ticket, TicketRepository, TokenHash,
    },
    job::{Job, JobError, JobQuery, JobRepository, JobSummary},
    order::{
        Order, OrderEvent, OrderQuery, OrderRepository, PlaceError, Placed, Placement, Transition, TransitionError,
        Transitioned,
    },
    product::{
        Product, ProductChange, ProductError, ProductImport, ProductQuery, ProductRepository, StockChange, Upserted,
    },
    second_factor::{Confirmation, RecoveryHash, SealedSecret, SecondFactor, SecondFactorRepository, TimeStep},
    user::{
        AccountTokenRepository, ChangedUser, Credentials, NewUser, PasswordReset, Roles, User, UserChange, UserError,
        UserQuery, UserRepository,
    },
    webhook::{
        Delivery, DeliveryQuery, DeliveryRepository, NewDelivery, NewKeys, NewWebhook, Webhook, WebhookChange,
        WebhookError, WebhookQuery, WebhookRepository,
    },
};
use opentelemetry::trace::Status;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Runs the work in the span, and sets the span's status on an error.
async fn within<T, E>(span: Span, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let done = work.instrument(span.clone()).await;
    if done.is_err() {
        span.set_status(Status::error(""));
    }
    done
}

/// Defines a decorator of a port with all its methods.
macro_rules! traced {
    ($(#[$doc:meta])* $name:ident: $port:ident { $(fn $method:ident($($arg:ident: $type:ty),*) -> $out:ty;)* }) => {
        $(#[$doc])*
        pub struct $name(pub Arc<dyn $port>);

        #[async_trait]
        impl $port for $name {
            $(async fn $method(&self, $($arg: $type),*) -> $out {
                let work = self.0.$method($($arg),*);
                if !crate::is_in_trace() {
                    return work.await;
                }
                let name = concat!(stringify!($port), ".", stringify!($method));
                within(tracing::info_span!(target: crate::TARGET, "call", otel.name = name), work).await
            })*
        }
    };
}

traced! {
    /// Traces calls of [`UserRepository`].
    TracedUsers: UserRepository {
        fn insert(new: &NewUser, cause: &Cause) -> Result<(), UserError>;
        fn find(id: UserId) -> Result<Option<User>, Fault>;
        fn find_many(ids: &[UserId]) -> Result<Vec<User>, Fault>;
        fn credentials_by_email(email: &Email) -> Result<Option<Credentials>, Fault>;
        fn credentials(id: UserId) -> Result<Option<Credentials>, Fault>;
        fn list(query: &UserQuery) -> Result<Listing<User>, Fault>;
        fn update(id: UserId, change: &UserChange, expected: Option<Version>, cause: &Cause) -> Result<ChangedUser, UserError>;
        fn set_roles(id: UserId, roles: Roles, expected: Option<Version>, cause: &Cause) -> Result<ChangedUser, UserError>;
        fn erase(id: UserId, expected: Option<Version>, cause: &Cause) -> Result<Vec<SessionId>, UserError>;
        fn has_admin() -> Result<bool, Fault>;
    }
}

traced! {
    /// Traces calls of [`AccountTokenRepository`].
    TracedAccountTokens: AccountTokenRepository {
        fn issue(mail: &TokenMail) -> Result<bool, Fault>;
        fn owner(token: &TokenHash, purpose: TokenPurpose, now: Timestamp) -> Result<Option<UserId>, Fault>;
        fn reset_password(reset: &PasswordReset, cause: &Cause) -> Result<Option<ChangedUser>, Fault>;
        fn verify_email(token: &TokenHash, cause: &Cause) -> Result<Option<User>, Fault>;
    }
}

traced! {
    /// Traces calls of [`SessionRepository`].
    TracedSessions: SessionRepository {
        fn open(new: &NewSession) -> Result<(), OpenError>;
        fn rotate(rotation: &Rotation) -> Result<Rotated, RotateError>;
        fn access(id: SessionId, now: Timestamp) -> Result<Option<Access>, Fault>;
        fn list(user: UserId, now: Timestamp) -> Result<Vec<Session>, Fault>;
        fn end(user: UserId, id: SessionId, cause: &Cause) -> Result<bool, Fault>;
        fn end_all(user: UserId, cause: &Cause) -> Result<Vec<SessionId>, Fault>;
    }
}

traced! {
    /// Traces calls of [`TicketRepository`].
    TracedTickets: TicketRepository {
        fn issue(ticket: &Ticket, now: Timestamp) -> Result<(), Fault>;
        fn redeem(hash: &TokenHash, now: Timestamp) -> Result<Option<Ticket>, Fault>;
    }
}

traced! {
    /// Traces calls of [`ApiKeyRepository`].
    TracedApiKeys: ApiKeyRepository {
        fn insert(new: &NewApiKey, max_live: u32, cause: &Cause) -> Result<(), ApiKeyError>;
        fn access(prefix: KeyPrefix) -> Result<Option<KeyAccess>, Fault>;
        fn list(user: UserId, now: Timestamp) -> Result<Vec<ApiKey>, Fault>;
        fn revoke(user: UserId, id: ApiKeyId, cause: &Cause) -> Result<Option<KeyPrefix>, Fault>;
        fn used(id: ApiKeyId, at: Timestamp) -> Result<(), Fault>;
        fn prefixes(user: UserId) -> Result<Vec<KeyPrefix>, Fault>;
    }
}

traced! {
    /// Traces calls of [`SecondFactorRepository`].
    TracedSecondFactors: SecondFactorRepository {
        fn find(user: UserId) -> Result<Option<SecondFactor>, Fault>;
        fn begin(user: UserId, secret: &SealedSecret, now: Timestamp) -> Result<bool, Fault>;
        fn confirm(user: UserId, confirmation: &Confirmation, cause: &Cause) -> Result<Option<Vec<SessionId>>, Fault>;
        fn take_step(user: UserId, step: TimeStep) -> Result<bool, Fault>;
        fn take_recovery_code(user: UserId, code: RecoveryHash, cause: &Cause) -> Result<bool, Fault>;
        fn renew_recovery_codes(user: UserId, codes: &[RecoveryHash], cause: &Cause) -> Result<bool, Fault>;
        fn remove(user: UserId, cause: &Cause) -> Result<bool, Fault>;
    }
}

traced! {
    /// Traces calls of [`ProductRepository`].
    TracedProducts: ProductRepository {
        fn insert(product: &Product, cause: &Cause) -> Result<(), ProductError>;
        fn find(id: ProductId) -> Result<Option<Product>, Fault>;
        fn find_many(ids: &[ProductId]) -> Result<Vec<Product>, Fault>;
        fn list(query: &ProductQuery) -> Result<Listing<Product>, Fault>;
        fn update(id: ProductId, change: &ProductChange, expected: Option<Version>, cause: &Cause) -> Result<Product, ProductError>;
        fn archive(id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<(), ProductError>;
        fn restore(id: ProductId, expected: Option<Version>, cause: &Cause) -> Result<Product, ProductError>;
        fn adjust_stock(id: ProductId, change: &StockChange, expected: Option<Version>) -> Result<Product, ProductError>;
        fn upsert(imports: &[ProductImport], cause: &Cause) -> Result<Upserted, Fault>;
    }
}

traced! {
    /// Traces calls of [`OrderRepository`].
    TracedOrders: OrderRepository {
        fn place(placement: &Placement) -> Result<Placed, PlaceError>;
        fn find(id: OrderId) -> Result<Option<Order>, Fault>;
        fn list(query: &OrderQuery) -> Result<Listing<Order>, Fault>;
        fn transition(id: OrderId, transition: &Transition) -> Result<Transitioned, TransitionError>;
        fn events(id: OrderId) -> Result<Vec<OrderEvent>, Fault>;
        fn latest_of(users: &[UserId], count: u32) -> Result<Vec<Order>, Fault>;
        fn events_of(ids: &[OrderId]) -> Result<Vec<OrderEvent>, Fault>;
    }
}

traced! {
    /// Traces calls of [`JobRepository`].
    TracedJobs: JobRepository {
        fn list(query: &JobQuery) -> Result<Listing<Job>, Fault>;
        fn find(id: JobId) -> Result<Option<Job>, Fault>;
        fn summary() -> Result<JobSummary, Fault>;
        fn cancel(id: JobId) -> Result<(), JobError>;
        fn retry(id: JobId) -> Result<(), JobError>;
    }
}

traced! {
    /// Traces calls of [`WebhookRepository`].
    TracedWebhooks: WebhookRepository {
        fn insert(new: &NewWebhook, cause: &Cause) -> Result<(), Fault>;
        fn find(id: WebhookId) -> Result<Option<Webhook>, Fault>;
        fn list(query: &WebhookQuery) -> Result<Listing<Webhook>, Fault>;
        fn update(id: WebhookId, change: &WebhookChange, expected: Option<Version>, cause: &Cause) -> Result<Webhook, WebhookError>;
        fn rotate(id: WebhookId, keys: &NewKeys, expected: Option<Version>, cause: &Cause) -> Result<Webhook, WebhookError>;
        fn delete(id: WebhookId, expected: Option<Version>, cause: &Cause) -> Result<(), WebhookError>;
    }
}

traced! {
    /// Traces calls of [`DeliveryRepository`].
    TracedDeliveries: DeliveryRepository {
        fn list(query: &DeliveryQuery) -> Result<Listing<Delivery>, Fault>;
        fn insert(delivery: &NewDelivery) -> Result<Delivery, WebhookError>;
        fn retry(webhook: WebhookId, id: DeliveryId) -> Result<Delivery, WebhookError>;
    }
}

traced! {
    /// Traces calls of [`AuditLog`].
    TracedAuditLog: AuditLog {
        fn list(query: &AuditQuery) -> Result<Listing<AuditEntry>, Fault>;
    }
}

traced! {
    /// Traces calls of [`PasswordHasher`], which take longer than all others.
    TracedHasher: PasswordHasher {
        fn hash(password: &PlainPassword) -> Result<PasswordHash, Fault>;
        fn verify(password: &str, hash: Option<PasswordHash>) -> Result<bool, Fault>;
    }
}
