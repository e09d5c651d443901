//! The use cases: what somebody can do with an order backend, over the ports of the domain.
//!
//! A service is a concrete struct that holds its ports as `Arc<dyn Port>`, given by constructor, with a file for each
//! use case. Roles are decided here, from the [`Actor`](entrepot_domain::auth::Actor) that the edge hands in, so that
//! every edge decides alike. No service knows whether a port is cached, traced or counted: that is a decorator around it,
//! which the composition root puts there.

pub mod api_key;
pub mod audit;
pub mod auth;
mod error;
pub mod order;
mod permission;
pub mod product;
mod request_limiter;
pub mod second_factor;
mod throttle;
pub mod user;

pub use error::{Error, FieldError, Shortfall};
pub use request_limiter::{RateLimitStatus, RequestLimiter, Requester};
pub use throttle::LoginThrottle;

use api_key::ApiKeyService;
use audit::AuditService;
use auth::AuthService;
use order::OrderService;
use product::ProductService;
use second_factor::SecondFactorService;
use user::UserService;

/// Every use case, as an edge holds them.
pub struct Application {
    /// Login, tokens and sessions.
    pub auth: AuthService,
    /// Keys of machines.
    pub api_keys: ApiKeyService,
    /// The second proof of who somebody is.
    pub second_factors: SecondFactorService,
    /// Accounts and roles.
    pub users: UserService,
    /// The catalogue.
    pub products: ProductService,
    /// Orders.
    pub orders: OrderService,
    /// What was done, by whom.
    pub audit: AuditService,
    /// How often somebody may ask.
    pub request_limiter: RequestLimiter,
}
