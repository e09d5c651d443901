//! What business operations write about what happened: the history of orders, and the records of the event log.

mod consume;
mod history;
mod write;

pub(crate) use consume::{begin, consume};
pub(crate) use history::{of_orders, status_changed, stock_changed};
pub(crate) use write::write;
