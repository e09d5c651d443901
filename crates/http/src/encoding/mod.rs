//! Content codings (RFC 9110 8.4): how answers become shorter on their way, and bodies long again.

mod accepted;
mod coding;

pub(crate) use accepted::{Accepted, accepts};
pub(crate) use coding::{Coding, Effort, Unreadable, gunzip};
