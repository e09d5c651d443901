//! Unpaid orders that hold their stock for too long.

use std::time::Duration;

use chrono::TimeDelta;
use entrepot_domain::{
    Direction, Fault, Limit, Sort, Timestamp, Window,
    audit::{Cause, Who},
    order::{Order, OrderAction, OrderFilter, OrderQuery, OrderSort, OrderStatus, Transition, TransitionError},
};
use futures_util::future::join_all;

use super::OrderService;

/// How many orders are cancelled at once.
const AT_ONCE: usize = 16;

impl OrderService {
    /// Cancels the oldest orders that have been pending for this long, some at a time, and returns how many were found:
    /// zero when there are no more. History and audit say that the program did so by itself.
    ///
    /// One that is paid or cancelled meanwhile stays as it is: each is changed at the version that was found, or not.
    pub async fn cancel_unpaid(&self, ttl: Duration) -> Result<usize, Fault> {
        let Some(placed_before) = before(self.ports.clock.now(), ttl) else { return Ok(0) };
        let query = OrderQuery {
            filter: OrderFilter {
                status: Some(OrderStatus::Pending),
                to: Some(placed_before),
                ..OrderFilter::default()
            },
            sort: Sort::by(OrderSort::CreatedAt, Direction::Ascending),
            window: Window::After { place: None, limit: Limit::new(Limit::MAX.into()).unwrap_or_default() },
        };
        let found = self.ports.orders.list(&query).await?.items;
        for orders in found.chunks(AT_ONCE) {
            let cancelled = join_all(orders.iter().map(|order| self.cancel_one(order))).await;
            cancelled.into_iter().collect::<Result<(), Fault>>()?;
        }
        Ok(found.len())
    }

    async fn cancel_one(&self, order: &Order) -> Result<(), Fault> {
        let cause = Cause { id: self.ports.ids.next(), at: self.ports.clock.now(), who: Who::System, origin: None };
        let transition = Transition { action: OrderAction::Cancel, actor: None, expected: Some(order.version), cause };
        match self.ports.orders.transition(order.id, &transition).await {
            Ok(_) => tracing::info!(order = %order.id, "an unpaid order was cancelled"),
            Err(TransitionError::Fault(fault)) => return Err(fault),
            // Somebody was faster.
            Err(TransitionError::VersionConflict | TransitionError::Invalid { .. } | TransitionError::NotFound) => {}
        }
        Ok(())
    }
}

/// `None` before the beginning of time.
fn before(now: Timestamp, ttl: Duration) -> Option<Timestamp> {
    now.checked_sub_signed(TimeDelta::from_std(ttl).ok()?)
}
