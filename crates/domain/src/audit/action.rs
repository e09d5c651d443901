//! The names of what is done, and of what is changed by it.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// An enum whose cases have names that clients and stores know, and that therefore never change.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$case,)+];

            /// Its name, as clients and stores know it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $text,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(name: &str) -> Result<Self, Invalid> {
                Self::ALL.iter().copied().find(|known| known.as_str() == name).ok_or_else(|| {
                    let known: Vec<_> = Self::ALL.iter().map(|known| known.as_str()).collect();
                    Invalid::new(format!("must be one of {}", known.join(", ")))
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// What was done.
    AuditAction {
        /// An account was made.
        UserRegistered = "user.registered",
        /// Name or address of a user changed.
        UserUpdated = "user.updated",
        /// A user has another password, and their sessions ended with the old one.
        PasswordChanged = "user.password_changed",
        /// A user has other roles.
        RolesChanged = "user.roles_changed",
        /// An account was erased.
        UserDeleted = "user.deleted",
        /// Somebody logged in.
        SessionStarted = "session.started",
        /// One login was ended, by its user.
        SessionEnded = "session.ended",
        /// All logins of a user were ended, by that user.
        AllSessionsEnded = "session.all_ended",
        /// A refresh token was used again, and its login ended for that (RFC 9700 4.14.2).
        RefreshTokenReused = "refresh_token.reused",
        /// A product was put up for sale.
        ProductCreated = "product.created",
        /// A product changed.
        ProductUpdated = "product.updated",
        /// A product was taken out of the catalogue.
        ProductArchived = "product.archived",
        /// A product was made or changed by an import.
        ProductImported = "product.imported",
        /// Stock was counted by hand.
        StockAdjusted = "product.stock_adjusted",
        /// An order has another status.
        OrderStatusChanged = "order.status_changed",
        /// A user made an API key.
        ApiKeyCreated = "api_key.created",
        /// A user revoked an API key.
        ApiKeyRevoked = "api_key.revoked",
        /// A login takes a code of an app from now on; other sessions ended with that.
        SecondFactorEnabled = "second_factor.enabled",
        /// A login takes no code any more.
        SecondFactorRemoved = "second_factor.removed",
        /// A recovery code was used, and is good no more.
        RecoveryCodeUsed = "second_factor.recovery_code_used",
        /// A user has other recovery codes.
        RecoveryCodesRenewed = "second_factor.recovery_codes_renewed",
        /// A product is back in the catalogue.
        ProductRestored = "product.restored",
    }
}

named! {
    /// What was changed of it.
    AuditField {
        /// What a user wants to be called, or what a product is called.
        Name = "name",
        /// A user's address.
        Email = "email",
        /// What a user may do.
        Roles = "roles",
        /// A login of a user: there before, or there now.
        Session = "session",
        /// What the shop calls a product.
        Sku = "sku",
        /// What is said about a product.
        Description = "description",
        /// What a product costs.
        Price = "price",
        /// How many of a product are left.
        Stock = "stock",
        /// Why stock was counted by hand.
        Reason = "reason",
        /// What has become of an order.
        Status = "status",
        /// An API key, by its identifier.
        ApiKey = "api_key",
        /// What an API key begins with.
        Prefix = "prefix",
        /// What an API key may do.
        Scopes = "scopes",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_parsed_back() {
        let mut seen = HashSet::new();
        for action in AuditAction::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
            assert!(seen.insert(action.as_str()), "{action}");
        }
        for field in AuditField::ALL {
            assert_eq!(field.as_str().parse(), Ok(*field));
            assert!(seen.insert(field.as_str()), "{field}");
        }
        let refused = "user.praised".parse::<AuditAction>().unwrap_err().to_string();
        assert!(refused.starts_with("must be one of user.registered, "), "{refused}");
    }
}
