//! Users.

mod requests;
mod resolvers;
mod types;

pub(crate) use resolvers::{UserMutation, UserQuery};
pub(crate) use types::User;
