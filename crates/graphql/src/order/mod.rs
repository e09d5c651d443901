//! Orders.

mod nested;
mod requests;
mod resolvers;
mod types;

pub(crate) use resolvers::{OrderMutation, OrderQuery};
