//! The kinds of events.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// The kind of an event: its `type` in the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    OrderCreated,
    OrderStatusChanged,
    ProductCreated,
    ProductUpdated,
    ProductArchived,
    StockChanged,
    UserRegistered,
    UserDeleted,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::OrderCreated,
        Self::OrderStatusChanged,
        Self::ProductCreated,
        Self::ProductUpdated,
        Self::ProductArchived,
        Self::StockChanged,
        Self::UserRegistered,
        Self::UserDeleted,
    ];

    /// Its name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderCreated => "order.created",
            Self::OrderStatusChanged => "order.status_changed",
            Self::ProductCreated => "product.created",
            Self::ProductUpdated => "product.updated",
            Self::ProductArchived => "product.archived",
            Self::StockChanged => "product.stock_changed",
            Self::UserRegistered => "user.registered",
            Self::UserDeleted => "user.deleted",
        }
    }

    const fn bit(self) -> u16 {
        match self {
            Self::OrderCreated => 1,
            Self::OrderStatusChanged => 2,
            Self::ProductCreated => 4,
            Self::ProductUpdated => 8,
            Self::ProductArchived => 16,
            Self::StockChanged => 32,
            Self::UserRegistered => 64,
            Self::UserDeleted => 128,
        }
    }
}

impl FromStr for EventKind {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Invalid::new(format!("must be one of {names}"))
        })
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKinds(u16);

impl EventKinds {
    /// Every kind.
    pub const ALL: Self = Self(255);

    /// Returns whether the set contains the kind.
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Iterates over the kinds.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    /// Returns whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The set as a number, for stores: a sum of powers of two, in the order of [`EventKind::ALL`].
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Converts such a number to a set.
    pub fn from_bits(bits: u16) -> Result<Self, Invalid> {
        if bits > Self::ALL.0 { Err(Invalid::new("must be a sum of powers of two up to 128")) } else { Ok(Self(bits)) }
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |bits, kind| bits | kind.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_distinct_names_and_bits() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("order".parse::<EventKind>().is_err() && "*".parse::<EventKind>().is_err());
        assert_eq!(EventKind::ALL.into_iter().collect::<EventKinds>(), EventKinds::ALL);
        assert_eq!(EventKinds::ALL.iter().collect::<Vec<_>>(), EventKind::ALL);
    }

    #[test]
    fn sets_contain_their_kinds() {
        let set: EventKinds = [EventKind::UserDeleted, EventKind::OrderCreated].into_iter().collect();
        assert!(set.contains(EventKind::OrderCreated) && !set.contains(EventKind::StockChanged));
        assert_eq!(EventKinds::from_bits(set.bits()), Ok(set));
        assert!(EventKinds::from_bits(256).is_err() && EventKinds::from_bits(0).unwrap().is_empty());
    }
}
