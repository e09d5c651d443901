//! Products.

mod requests;
mod resolvers;
mod types;

pub(crate) use resolvers::{ProductMutation, ProductQuery};
pub(crate) use types::Product;
