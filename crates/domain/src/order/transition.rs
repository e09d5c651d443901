//! The decision to change an order's status.

use super::{Order, OrderLine, Transition, TransitionError, Transitioned};

impl Order {
    /// Decides on a change of status, given the present order. Pure: the store that calls it in a transaction writes
    /// the result, and adds the quantities of [`Transitioned::returned`] to the stock.
    ///
    /// A version conflict is reported before an action that the status does not allow.
    pub fn transition(&self, transition: &Transition) -> Result<Transitioned, TransitionError> {
        if !self.version.satisfies(transition.expected) {
            return Err(TransitionError::VersionConflict);
        }
        let from = self.status;
        let status = from.after(transition.action).ok_or(TransitionError::Invalid { from })?;
        let order = Self { status, version: self.version.next(), updated_at: transition.cause.at, ..self.clone() };
        let restocked = if transition.action.returns_stock() {
            order.lines.iter().map(|line| line.product).collect()
        } else {
            Vec::new()
        };
        Ok(Transitioned { order, restocked })
    }
}

impl Transitioned {
    /// The lines whose stock is restored: all of the order's, or none.
    pub fn returned(&self) -> &[OrderLine] {
        if self.restocked.is_empty() { &[] } else { &self.order.lines }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        Money, OrderId, ProductId, Timestamp, UserId, Version,
        audit::{Cause, Who},
        order::{
            OrderAction::{self, Cancel, Deliver, Pay, Refund, Ship},
            OrderStatus,
        },
        product::{ProductName, Quantity, Sku},
    };

    fn order(status: OrderStatus) -> Order {
        let line = |n: u128, quantity| OrderLine {
            product: ProductId(Uuid::from_u128(n)),
            sku: Sku::parse("MUG").unwrap(),
            name: ProductName::parse("Mug").unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
            unit_price: Money::zero("GBP".parse().unwrap()),
            line_total: Money::zero("GBP".parse().unwrap()),
        };
        Order {
            id: OrderId(Uuid::from_u128(1)),
            user: UserId(Uuid::from_u128(2)),
            status,
            lines: vec![line(8, 3), line(4, 1)],
            total: Money::zero("GBP".parse().unwrap()),
            version: Version(5),
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn request(action: OrderAction, expected: Option<Version>) -> Transition {
        let at = Timestamp::from_timestamp_millis(1_000).unwrap();
        let cause = Cause { id: Uuid::nil(), at, who: Who::CommandLine, origin: None };
        Transition { action, actor: Some(UserId(Uuid::from_u128(3))), expected, cause }
    }

    #[test]
    fn transition_changes_only_status_version_and_time() {
        let pay = request(Pay, Some(Version(5)));
        let was = order(OrderStatus::Pending);
        let is = was.transition(&pay).unwrap();
        let expected = Order { status: OrderStatus::Paid, version: Version(6), updated_at: pay.cause.at, ..was };
        assert_eq!(is, Transitioned { order: expected, restocked: vec![] });
        assert!(is.returned().is_empty());
    }

    #[test]
    fn only_cancelling_returns_the_stock_of_every_line() {
        let cancelled = order(OrderStatus::Paid).transition(&request(Cancel, None)).unwrap();
        assert_eq!(cancelled.restocked, [8, 4].map(|n| ProductId(Uuid::from_u128(n))));
        assert_eq!(cancelled.returned(), cancelled.order.lines);
        let refunded = order(OrderStatus::Paid).transition(&request(Refund, None)).unwrap();
        assert!(refunded.restocked.is_empty() && refunded.returned().is_empty());
    }

    #[test]
    fn action_that_the_status_does_not_allow_is_refused() {
        for status in OrderStatus::ALL {
            for action in [Pay, Ship, Deliver, Cancel, Refund] {
                let decided = order(status).transition(&request(action, None)).map(|done| done.order.status);
                match status.after(action) {
                    Some(after) => assert_eq!(decided.unwrap(), after),
                    None => assert!(matches!(decided, Err(TransitionError::Invalid { from }) if from == status)),
                }
            }
        }
    }

    #[test]
    fn stale_version_is_refused_before_an_invalid_action() {
        for action in [Pay, Deliver] {
            let refused = order(OrderStatus::Pending).transition(&request(action, Some(Version(4))));
            assert!(matches!(refused, Err(TransitionError::VersionConflict)), "{refused:?}");
        }
    }
}
