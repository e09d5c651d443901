//! What a feed shows.

use entrepot_domain::{
    OrderId, UserId,
    auth::Actor,
    event::{Event, EventKind, EventKinds},
};

/// What a client asks of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedFilter {
    /// Events of these kinds.
    pub kinds: EventKinds,
    /// Events of this order alone, those of the stock that it took or gave back included.
    pub order: Option<OrderId>,
}

impl Default for FeedFilter {
    fn default() -> Self {
        Self { kinds: EventKinds::ALL, order: None }
    }
}

/// What an actor sees of what they asked for: staff everything, customers the events of their own orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    kinds: EventKinds,
    order: Option<OrderId>,
    /// Events of the orders of this user alone.
    buyer: Option<UserId>,
}

impl Sight {
    pub(super) fn new(actor: &Actor, filter: &FeedFilter) -> Self {
        let FeedFilter { kinds, order } = *filter;
        if actor.is_staff() {
            return Self { kinds, order, buyer: None };
        }
        let has_buyer = |kind: &EventKind| matches!(kind, EventKind::OrderCreated | EventKind::OrderStatusChanged);
        Self { kinds: kinds.iter().filter(has_buyer).collect(), order, buyer: Some(actor.user) }
    }

    /// The kinds of all events that it can have.
    pub(super) const fn kinds(&self) -> EventKinds {
        self.kinds
    }

    pub(super) fn sees(&self, event: &Event) -> bool {
        self.kinds.contains(event.data.kind())
            && (self.order.is_none() || self.order == event.data.order())
            && (self.buyer.is_none() || self.buyer == event.data.buyer())
    }
}
