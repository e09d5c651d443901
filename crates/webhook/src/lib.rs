//! Sends webhooks: one `POST` for each attempt, with the headers of
//! [Standard Webhooks](https://www.standardwebhooks.com).
//!
//! Whoever registers an endpoint chooses where this program connects to. So only public addresses are called
//! ([`entrepot_domain::webhook::is_public`]), and an answer is cut to a kilobyte of text:
//! - A host name is resolved here, and the connection is made to an address that was checked just then. Nobody resolves it
//!   once more in between.
//! - An address in the URL, in whatever notation, is checked before the call; the peer of the connection is checked again.
//! - Redirects are not followed, and proxies of the environment are not used.

mod bodies;
mod guard;
mod retry_after;
mod sender;

pub use bodies::JsonBodies;
pub use sender::HttpSender;
