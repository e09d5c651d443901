//! Which events an endpoint wants.

use crate::{
    Invalid,
    event::{EventKind, EventKinds},
};

/// Which events an endpoint wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventTypes {
    /// All of them, also kinds that a later version adds: `*`.
    All,
    /// Those of these kinds, at least one.
    Of(EventKinds),
}

impl EventTypes {
    /// What stands for all of them.
    pub const WILDCARD: &'static str = "*";

    /// Parses a list of names. One that contains `*` is all of them.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, Invalid> {
        let mut is_all = false;
        let mut kinds = Vec::new();
        for name in names {
            if name == Self::WILDCARD { is_all = true } else { kinds.push(name.parse::<EventKind>()?) }
        }
        if is_all { Ok(Self::All) } else { Self::of(kinds.into_iter().collect()) }
    }

    fn of(kinds: EventKinds) -> Result<Self, Invalid> {
        if kinds.is_empty() { Err(Invalid::new("must name at least one type")) } else { Ok(Self::Of(kinds)) }
    }

    /// Whether it wants events of this kind.
    pub const fn contains(self, kind: EventKind) -> bool {
        match self {
            Self::All => true,
            Self::Of(kinds) => kinds.contains(kind),
        }
    }

    /// The names, as [`parse`](Self::parse) takes them.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::All => vec![Self::WILDCARD],
            Self::Of(kinds) => kinds.iter().map(EventKind::as_str).collect(),
        }
    }

    /// The sum of the kinds for stores; `None` for all of them.
    pub const fn bits(self) -> Option<u16> {
        match self {
            Self::All => None,
            Self::Of(kinds) => Some(kinds.bits()),
        }
    }

    /// Converts such a sum.
    pub fn from_bits(bits: Option<u16>) -> Result<Self, Invalid> {
        bits.map_or(Ok(Self::All), |bits| Self::of(EventKinds::from_bits(bits)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for names in [vec!["*"], vec!["order.created", "user.deleted"]] {
            let types = EventTypes::parse(names.iter().copied()).unwrap();
            assert_eq!(types.names(), names);
            assert_eq!(EventTypes::from_bits(types.bits()), Ok(types));
        }
        assert_eq!(EventTypes::parse(["order.created", "*"]), Ok(EventTypes::All));
        assert!(EventTypes::parse([]).is_err() && EventTypes::parse(["order.*"]).is_err());
        assert!(EventTypes::parse(["*", "odd"]).is_err() && EventTypes::from_bits(Some(0)).is_err());
    }

    #[test]
    fn wildcard_wants_every_kind() {
        assert!(EventKind::ALL.into_iter().all(|kind| EventTypes::All.contains(kind)));
        let types = EventTypes::parse(["order.created"]).unwrap();
        assert!(types.contains(EventKind::OrderCreated) && !types.contains(EventKind::OrderStatusChanged));
    }
}
