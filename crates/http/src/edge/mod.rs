//! The middleware for every request and response: one actix-web `Transform`, with a module per concern.

mod address;
mod api_key;
mod bearer;
mod caller;
mod compress;
mod context;
mod cors;
mod faults;
mod holder;
mod limits;
mod log;
mod methods;
mod origin;
mod request_id;
mod router;
mod security_headers;
mod service;
mod standard_headers;
mod trace;
mod writes;

#[cfg(test)]
mod tests;

pub(crate) use caller::{Authenticated, Caller, Granted, Parameter};
pub(crate) use compress::Unchanging;
pub(crate) use faults::Chain;
pub(crate) use holder::{FeedHolder, Holder, holder_of};
#[cfg(test)]
pub(crate) use methods::served;
pub(crate) use methods::{API, Methods};
pub(crate) use router::{Patterns, Routes};
pub(crate) use service::{Edge, KeepBody};
pub(crate) use writes::outlive;
pub use writes::unfinished_changes;
