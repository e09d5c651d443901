//! A shop with a PostgreSQL and a Redis of its own, which a test may stop, kill and freeze.

mod crowd;
mod shop;
mod sums;

pub(crate) use crowd::{Attempt, Crowd, Kind, Sale, percentile};
pub(crate) use shop::{RECOVERY, Shop, alone, dependency, poll, unavailable};
pub(crate) use sums::{check, connect};
