//! The audit entries of changes of orders.

use super::{Order, OrderStatus};
use crate::audit::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change};

impl Cause {
    /// The entry for a change of status.
    pub fn order_status_changed(&self, order: &Order, from: OrderStatus) -> AuditEntry {
        let changes = Change::between(AuditField::Status, &from, &order.status).into_iter().collect();
        self.entry(AuditAction::OrderStatusChanged, AuditSubject::Order(order.id), changes)
    }
}
