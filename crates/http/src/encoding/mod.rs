//! Content codings (RFC 9110 8.4): compression of responses, decompression of requests.

mod accepted;
mod coding;

pub(crate) use accepted::{Accepted, accepts};
pub(crate) use coding::{Coding, Effort, GunzipError, gunzip};
