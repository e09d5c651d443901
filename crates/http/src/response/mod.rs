//! Responses in the envelope of the contract.

mod bodies;
mod decimal;
mod envelope;
mod header;
mod list;
mod rfc3339;

pub(crate) use bodies::Bodies;
pub(crate) use decimal::Decimal;
pub(crate) use envelope::{
    Noted, Success, accepted, changed, created, created_secret, no_content, noted, ok, secret, tagged, tagged_of,
};
pub(crate) use header::header_value;
pub(crate) use list::{Listed, listed, listed_after};
pub(crate) use rfc3339::Rfc3339;
