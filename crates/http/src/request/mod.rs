//! Bytes turned into domain values, with every bad field reported at once.
//!
//! Not by deriving `Deserialize`: that stops at the first thing it does not like, and the contract wants all of them,
//! those that are missing, of another type, or unknown too. So a request is a struct of domain values, with a reader
//! below it that takes one field after the other out of [`Fields`].

mod body;
mod conditional;
mod fields;
mod json;
mod key;
mod list;
mod number;
mod params;
mod path;

pub(crate) use body::{FromFields, Raw};
pub(crate) use conditional::{IfMatch, IfNoneMatch};
pub(crate) use fields::Fields;
pub(crate) use key::Key;
pub(crate) use list::ListRequest;
pub(crate) use params::{Day, Moment, Params, moment};
pub(crate) use path::PathId;
