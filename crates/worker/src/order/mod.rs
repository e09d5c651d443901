//! Jobs of orders.

mod cancel_unpaid;

pub use cancel_unpaid::{CancelUnpaidOrders, ChangeNotice};
