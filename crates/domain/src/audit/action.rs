//! The names of audited actions and of changed fields.

use std::{fmt, str::FromStr};

use crate::Invalid;

/// Defines an enum whose variants have names that clients and stores know, and that therefore never change.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case,)+
        }

        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$case,)+];

            /// Its name for clients and stores.
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
    /// An audited action.
    AuditAction {
        UserRegistered = "user.registered",
        /// The name or email of a user changed.
        UserUpdated = "user.updated",
        /// The password of a user changed, and their sessions ended.
        PasswordChanged = "user.password_changed",
        RolesChanged = "user.roles_changed",
        UserDeleted = "user.deleted",
        SessionStarted = "session.started",
        /// A user ended one of their sessions.
        SessionEnded = "session.ended",
        /// A user ended all of their sessions.
        AllSessionsEnded = "session.all_ended",
        /// A refresh token was reused, and its session ended for it (RFC 9700 4.14.2).
        RefreshTokenReused = "refresh_token.reused",
        ProductCreated = "product.created",
        ProductUpdated = "product.updated",
        ProductArchived = "product.archived",
        /// An import created or updated a product.
        ProductImported = "product.imported",
        /// The stock was adjusted, other than by an order.
        StockAdjusted = "product.stock_adjusted",
        OrderStatusChanged = "order.status_changed",
        ApiKeyCreated = "api_key.created",
        ApiKeyRevoked = "api_key.revoked",
        /// Logins require a code from now on; other sessions ended.
        SecondFactorEnabled = "second_factor.enabled",
        SecondFactorRemoved = "second_factor.removed",
        RecoveryCodeUsed = "second_factor.recovery_code_used",
        /// All recovery codes were replaced.
        RecoveryCodesRenewed = "second_factor.recovery_codes_renewed",
        ProductRestored = "product.restored",
        WebhookCreated = "webhook.created",
        WebhookUpdated = "webhook.updated",
        WebhookSecretRotated = "webhook.secret_rotated",
        /// An endpoint was gone, or failed for days.
        WebhookDeactivated = "webhook.deactivated",
        WebhookDeleted = "webhook.deleted",
        /// A user proved that mails to their email reach them.
        EmailVerified = "user.email_verified",
    }
}

named! {
    /// A field that an action changed.
    AuditField {
        /// The name of a user or a product.
        Name = "name",
        /// The email of a user.
        Email = "email",
        Roles = "roles",
        /// A session of a user, before or after the action.
        Session = "session",
        Sku = "sku",
        Description = "description",
        Price = "price",
        Stock = "stock",
        /// The reason of a stock adjustment.
        Reason = "reason",
        /// The status of an order.
        Status = "status",
        /// The identifier of an API key.
        ApiKey = "api_key",
        /// The prefix of an API key.
        Prefix = "prefix",
        /// The scopes of an API key.
        Scopes = "scopes",
        /// The URL of a webhook.
        Url = "url",
        /// The types of events of a webhook.
        Types = "types",
        /// Whether a webhook is active.
        Active = "active",
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
