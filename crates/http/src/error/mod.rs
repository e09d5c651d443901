//! Errors as clients see them.

mod accept;
mod api_error;
mod body;
mod render;
mod samples;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use accept::{wants_problem, weight};
pub use api_error::{ApiError, ApiResult};
pub(crate) use body::{ErrorEnvelope, FieldBody, Problem};
pub(crate) use samples::samples;
