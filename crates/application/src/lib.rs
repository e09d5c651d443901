//! The use cases of the order backend, over the ports of the domain.
//!
//! Each service is a concrete struct that holds its ports as `Arc<dyn Port>`, passed to its constructor, with one file
//! per use case. Services check roles and scopes themselves, using the [`Actor`](entrepot_domain::auth::Actor) from the
//! edge, so that every edge applies the same rules. Caching, tracing and counting are decorators of ports, added by the
//! composition root; services do not know of them.

pub mod account;
mod account_mails;
pub mod api_key;
pub mod audit;
pub mod auth;
mod error;
pub mod event;
pub mod job;
pub mod order;
mod permission;
pub mod product;
mod request_limiter;
pub mod second_factor;
mod throttle;
pub mod user;
pub mod webhook;

pub use account_mails::AccountMails;
pub use error::{Error, FieldError, Shortfall};
pub use request_limiter::{RateLimitStatus, RequestLimiter, Requester};
pub use throttle::LoginThrottle;

use std::sync::Arc;

use account::AccountService;
use api_key::ApiKeyService;
use audit::AuditService;
use auth::{AuthService, TicketService};
use event::EventService;
use job::JobService;
use order::OrderService;
use product::ProductService;
use second_factor::SecondFactorService;
use user::UserService;
use webhook::WebhookService;

/// All services.
pub struct Application {
    pub auth: AuthService,
    pub tickets: TicketService,
    pub api_keys: ApiKeyService,
    pub second_factors: SecondFactorService,
    pub users: UserService,
    /// Held by background jobs too.
    pub accounts: Arc<AccountService>,
    pub products: ProductService,
    /// Held by background jobs too.
    pub orders: Arc<OrderService>,
    pub audit: AuditService,
    pub jobs: JobService,
    pub webhooks: WebhookService,
    pub events: EventService,
    /// Counts requests against the rate limits.
    pub request_limiter: RequestLimiter,
}
