//! The life cycle of an order.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// Placed; its stock is taken.
    Pending,
    Paid,
    Shipped,
    Delivered,
    /// Cancelled; its stock is restored.
    Cancelled,
    /// The payment was returned. Returned goods are added by a stock adjustment.
    Refunded,
}

/// An action on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderAction {
    Pay,
    Ship,
    Deliver,
    Cancel,
    Refund,
}

impl OrderStatus {
    /// Every status, in the order of the life cycle.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Paid, Self::Shipped, Self::Delivered, Self::Cancelled, Self::Refunded];

    /// Its name for clients and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }

    /// The status after the action: `pending → paid → shipped → delivered`, `pending | paid → cancelled`, `paid |
    /// delivered → refunded`. `None` if the action is not allowed.
    pub const fn after(self, action: OrderAction) -> Option<Self> {
        match (action, self) {
            (OrderAction::Pay, Self::Pending) => Some(Self::Paid),
            (OrderAction::Ship, Self::Paid) => Some(Self::Shipped),
            (OrderAction::Deliver, Self::Shipped) => Some(Self::Delivered),
            (OrderAction::Cancel, Self::Pending | Self::Paid) => Some(Self::Cancelled),
            (OrderAction::Refund, Self::Paid | Self::Delivered) => Some(Self::Refunded),
            _ => None,
        }
    }
}

impl OrderAction {
    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Ship => "ship",
            Self::Deliver => "deliver",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        }
    }

    /// Returns whether the action restores the stock.
    pub const fn returns_stock(self) -> bool {
        matches!(self, Self::Cancel)
    }
}

impl FromStr for OrderStatus {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| Invalid::new("must be one of pending, paid, shipped, delivered, cancelled, refunded"))
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_cycle_matches_the_contract() {
        use OrderAction::{Cancel, Deliver, Pay, Refund, Ship};
        let allowed: Vec<String> = OrderStatus::ALL
            .into_iter()
            .flat_map(|from| [Pay, Ship, Deliver, Cancel, Refund].map(|action| (from, action)))
            .filter_map(|(from, action)| Some(format!("{from} {} {}", action.as_str(), from.after(action)?)))
            .collect();
        assert_eq!(
            allowed,
            [
                "pending pay paid",
                "pending cancel cancelled",
                "paid ship shipped",
                "paid cancel cancelled",
                "paid refund refunded",
                "shipped deliver delivered",
                "delivered refund refunded",
            ]
        );
    }

    #[test]
    fn names_are_parsed_back() {
        for status in OrderStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("PAID".parse::<OrderStatus>().is_err());
    }
}
