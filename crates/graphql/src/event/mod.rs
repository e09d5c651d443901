//! Live events.

mod requests;
mod resolvers;
mod types;

pub(crate) use resolvers::EventSubscription;
