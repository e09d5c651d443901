//! Authentication: actors, sessions, tokens and passwords.

mod actor;
mod audit;
mod port;
mod session;
mod ticket;
mod token;

pub use actor::{Access, Actor, Proof};
pub use port::{LoginObserver, PasswordHasher, SessionRepository, TokenIssuer};
#[cfg(feature = "mock")]
pub use port::{MockLoginObserver, MockPasswordHasher, MockSessionRepository, MockTokenIssuer};
pub use session::{
    CheckedCredentials, Device, MAX_KNOWN_DEVICES, NewSession, OpenError, RefreshState, RotateError, Rotated, Rotation,
    Session,
};
#[cfg(feature = "mock")]
pub use ticket::MockTicketRepository;
pub use ticket::{Credential, Ticket, TicketRepository, TicketSecret};
pub use token::{AccessClaims, PublicKey, RefreshClaims, TokenError};

pub use crate::{
    password::{PasswordHash, PlainPassword},
    token_hash::TokenHash,
};
