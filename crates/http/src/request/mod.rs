//! Bytes turned into domain values, with every bad field reported at once.
//!
//! A request is declared once, as a struct of [`Field`]s: a derived `Deserialize` reads it, a derived `garde::Validate`
//! reports what is wrong with it, and a derived `ToSchema` documents it. Fields that are missing, of another type or not
//! known are reported beside those that break a rule of the domain. A new field is a line in the struct; a type that no
//! field had before gets a line in `values.rs`, which names the domain's function that parses it.

mod body;
mod conditional;
mod field;
mod idempotency_key;
mod json;
mod list;
mod number;
mod object;
mod params;
mod path;
mod time;
mod values;

pub(crate) use body::{RequestBody, read_json};
pub(crate) use conditional::{Preconditions, Selected};
pub(crate) use field::{Field, FromJson, Mistakes, Parsed, items};
pub(crate) use idempotency_key::IdempotencyKeyHeader;
pub(crate) use list::{ListParts, ListQuery, ListRequest, PartQuery};
pub(crate) use object::Request;
pub(crate) use params::Params;
pub(crate) use path::{PathId, PathIds};
pub(crate) use time::{EndOfDay, StartOfDay, TimeOrDate, is_not_after};
pub(crate) use values::{Amount, Flag, SearchText, natural};
