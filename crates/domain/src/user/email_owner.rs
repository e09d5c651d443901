use crate::UserId;

/// An account that has an email, as far as it matters when another account turns out to have the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailOwner {
    pub user: UserId,
    pub is_verified: bool,
}

impl EmailOwner {
    /// Decides which of two accounts keeps their email. The verified one does, else the older one: identifiers are in the
    /// order of creation.
    #[must_use]
    pub fn decide(self, other: Self) -> EmailDecision {
        let is_first = (!self.is_verified, self.user.0) <= (!other.is_verified, other.user.0);
        let (keeps, loses) = if is_first { (self.user, other.user) } else { (other.user, self.user) };
        EmailDecision { keeps, loses }
    }
}

/// Which of two accounts keeps the email of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailDecision {
    pub keeps: UserId,
    pub loses: UserId,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn owner(id: u128, is_verified: bool) -> EmailOwner {
        EmailOwner { user: UserId(Uuid::from_u128(id)), is_verified }
    }

    #[test]
    fn verified_owner_keeps_the_email_else_the_older_one() {
        for (one, other, keeps) in [
            (owner(1, false), owner(2, false), 1),
            (owner(1, true), owner(2, true), 1),
            (owner(1, false), owner(2, true), 2),
            (owner(1, true), owner(2, false), 1),
        ] {
            let decision = one.decide(other);
            assert_eq!(decision.keeps, UserId(Uuid::from_u128(keeps)), "{one:?} {other:?}");
            assert_eq!(decision.loses, UserId(Uuid::from_u128(3 - keeps)));
            assert_eq!(other.decide(one), decision);
        }
    }
}
