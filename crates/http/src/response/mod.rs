//! Answers in the envelope of the contract.

mod cursor;
mod envelope;
mod list;
mod stamp;

pub(crate) use cursor::Seal;
pub(crate) use envelope::{Success, changed, created, no_content, ok, secret, tagged};
pub(crate) use list::{Listed, listed};
pub(crate) use stamp::Stamp;
