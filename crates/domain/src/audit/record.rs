//! The entries of each change, out of what was and what is.

use super::{AuditAction, AuditEntry, AuditField, AuditSubject, Cause, Change};
use crate::{
    ApiKeyId, Money, SessionId, UserId,
    api_key::{ApiKey, KeyPrefix, Scope},
    auth::NewSession,
    order::{Order, OrderStatus},
    product::{Product, StockChange},
    user::{Role, Roles, User},
};

impl Cause {
    /// An account was made.
    pub fn user_registered(&self, user: &User) -> AuditEntry {
        let changes = vec![
            Change::to(AuditField::Name, &user.name),
            Change::to(AuditField::Email, &user.email),
            Change::to(AuditField::Roles, &names(user.roles)),
        ];
        self.entry(AuditAction::UserRegistered, AuditSubject::User(user.id), changes)
    }

    /// A user was changed: an entry for what is told of them, and one for a new password with the sessions that it
    /// ended, where there is one.
    pub fn user_changed(&self, was: &User, is: &User, password: Option<&[SessionId]>) -> Vec<AuditEntry> {
        let subject = AuditSubject::User(is.id);
        let changes: Vec<_> = [
            Change::between(AuditField::Name, &was.name, &is.name),
            Change::between(AuditField::Email, &was.email, &is.email),
        ]
        .into_iter()
        .flatten()
        .collect();
        let mut entries = Vec::new();
        if password.is_none() || !changes.is_empty() {
            entries.push(self.entry(AuditAction::UserUpdated, subject, changes));
        }
        if let Some(ended) = password {
            let number = u32::from(!entries.is_empty());
            entries.push(self.entry_number(number, AuditAction::PasswordChanged, subject, sessions(ended)));
        }
        entries
    }

    /// A user has other roles.
    pub fn roles_changed(&self, was: &User, is: &User) -> AuditEntry {
        let changes = Change::between(AuditField::Roles, &names(was.roles), &names(is.roles)).into_iter().collect();
        self.entry(AuditAction::RolesChanged, AuditSubject::User(is.id), changes)
    }

    /// An account was erased, with these sessions. Who it was is not told: that is erased too.
    pub fn user_deleted(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::UserDeleted, AuditSubject::User(user), sessions(ended))
    }

    /// Somebody logged in.
    pub fn session_started(&self, session: &NewSession) -> AuditEntry {
        let changes = vec![Change::to(AuditField::Session, &session.id)];
        self.entry(AuditAction::SessionStarted, AuditSubject::User(session.user), changes)
    }

    /// A login was ended.
    pub fn session_ended(&self, user: UserId, session: SessionId) -> AuditEntry {
        self.entry(AuditAction::SessionEnded, AuditSubject::User(user), sessions(&[session]))
    }

    /// All logins of a user were ended.
    pub fn all_sessions_ended(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::AllSessionsEnded, AuditSubject::User(user), sessions(ended))
    }

    /// A refresh token was used again, and its login ended for that.
    pub fn refresh_token_reused(&self, user: UserId, session: SessionId) -> AuditEntry {
        self.entry(AuditAction::RefreshTokenReused, AuditSubject::User(user), sessions(&[session]))
    }

    /// A key was made. What its user calls it is not told: it may be a name.
    pub fn api_key_created(&self, key: &ApiKey) -> AuditEntry {
        let scopes = key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(", ");
        let changes = vec![
            Change::to(AuditField::ApiKey, &key.id),
            Change::to(AuditField::Prefix, &key.prefix),
            Change::to(AuditField::Scopes, &scopes),
        ];
        self.entry(AuditAction::ApiKeyCreated, AuditSubject::User(key.user), changes)
    }

    /// A key was revoked.
    pub fn api_key_revoked(&self, user: UserId, key: ApiKeyId, prefix: KeyPrefix) -> AuditEntry {
        let changes = vec![Change::from(AuditField::ApiKey, &key), Change::from(AuditField::Prefix, &prefix)];
        self.entry(AuditAction::ApiKeyRevoked, AuditSubject::User(user), changes)
    }

    /// A second factor came into force, and ended these sessions.
    pub fn second_factor_enabled(&self, user: UserId, ended: &[SessionId]) -> AuditEntry {
        self.entry(AuditAction::SecondFactorEnabled, AuditSubject::User(user), sessions(ended))
    }

    /// A second factor was removed.
    pub fn second_factor_removed(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::SecondFactorRemoved, AuditSubject::User(user), Vec::new())
    }

    /// A recovery code was used.
    pub fn recovery_code_used(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::RecoveryCodeUsed, AuditSubject::User(user), Vec::new())
    }

    /// All recovery codes were replaced.
    pub fn recovery_codes_renewed(&self, user: UserId) -> AuditEntry {
        self.entry(AuditAction::RecoveryCodesRenewed, AuditSubject::User(user), Vec::new())
    }

    /// A product was put up for sale.
    pub fn product_created(&self, product: &Product) -> AuditEntry {
        self.entry(AuditAction::ProductCreated, AuditSubject::Product(product.id), all_of(product))
    }

    /// A product changed.
    pub fn product_updated(&self, was: &Product, is: &Product) -> AuditEntry {
        self.entry(AuditAction::ProductUpdated, AuditSubject::Product(is.id), difference(was, is))
    }

    /// A product was taken out of the catalogue.
    pub fn product_archived(&self, product: &Product) -> AuditEntry {
        self.entry(AuditAction::ProductArchived, AuditSubject::Product(product.id), Vec::new())
    }

    /// An import made or changed a product: the entry with that number, for an import has one for each.
    pub fn product_imported(&self, number: u32, was: Option<&Product>, is: &Product) -> AuditEntry {
        let changes = was.map_or_else(|| all_of(is), |was| difference(was, is));
        self.entry_number(number, AuditAction::ProductImported, AuditSubject::Product(is.id), changes)
    }

    /// Stock was counted by hand.
    pub fn stock_adjusted(&self, was: &Product, is: &Product, change: &StockChange) -> AuditEntry {
        let mut changes = difference(was, is);
        changes.push(Change::to(AuditField::Reason, &change.reason));
        self.entry(AuditAction::StockAdjusted, AuditSubject::Product(is.id), changes)
    }

    /// An order has another status.
    pub fn order_status_changed(&self, order: &Order, from: OrderStatus) -> AuditEntry {
        let changes = Change::between(AuditField::Status, &from, &order.status).into_iter().collect();
        self.entry(AuditAction::OrderStatusChanged, AuditSubject::Order(order.id), changes)
    }
}

fn sessions(ended: &[SessionId]) -> Vec<Change> {
    ended.iter().map(|id| Change::from(AuditField::Session, id)).collect()
}

fn names(roles: Roles) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(", ")
}

/// `295 GBP`: minor units, as the API has them.
fn price(money: Money) -> String {
    format!("{} {}", money.amount(), money.currency())
}

fn values(product: &Product) -> [(AuditField, String); 5] {
    [
        (AuditField::Sku, product.sku.to_string()),
        (AuditField::Name, product.name.to_string()),
        (AuditField::Description, product.description.to_string()),
        (AuditField::Price, price(product.price)),
        (AuditField::Stock, product.stock.get().to_string()),
    ]
}

fn all_of(product: &Product) -> Vec<Change> {
    values(product).into_iter().map(|(field, value)| Change::to(field, &value)).collect()
}

fn difference(was: &Product, is: &Product) -> Vec<Change> {
    let pairs = values(was).into_iter().zip(values(is));
    pairs.filter_map(|((field, before), (_, after))| Change::between(field, &before, &after)).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use uuid::Uuid;

    use super::*;
    use crate::{
        Email, Timestamp, Version,
        audit::{Origin, Who},
        user::PersonName,
    };

    fn cause() -> Cause {
        let origin = Origin { address: IpAddr::V4(Ipv4Addr::LOCALHOST), request_id: "request".to_owned() };
        Cause { id: Uuid::from_u128(100), at: Timestamp::default(), who: Who::Nobody, origin: Some(origin) }
    }

    fn ada() -> User {
        User {
            id: UserId(Uuid::from_u128(1)),
            name: PersonName::parse("Ada").unwrap(),
            email: Email::parse("ada@example.com").unwrap(),
            roles: Roles::CUSTOMER,
            email_verified: false,
            version: Version::FIRST,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        }
    }

    fn told(entry: &AuditEntry) -> Vec<(&str, Option<&str>, Option<&str>)> {
        let changes = entry.changes.iter();
        changes.map(|change| (change.field.as_str(), change.before.as_deref(), change.after.as_deref())).collect()
    }

    #[test]
    fn a_change_tells_what_differs_and_no_more() {
        let is = User { name: PersonName::parse("Countess").unwrap(), version: Version(2), ..ada() };
        let entries = cause().user_changed(&ada(), &is, None);
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(entry.action, AuditAction::UserUpdated);
        assert_eq!(told(entry), [("name", Some("Ada"), Some("Countess"))]);
        // What was asked for and changed nothing was asked for all the same: the version counts it too.
        assert_eq!(cause().user_changed(&ada(), &ada(), None).len(), 1);
    }

    #[test]
    fn a_password_is_an_entry_of_its_own_that_names_the_sessions_it_ended() {
        let session = SessionId(Uuid::from_u128(9));
        let entries = cause().user_changed(&ada(), &ada(), Some(&[session]));
        let [entry] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(entry.action, AuditAction::PasswordChanged);
        assert_eq!(told(entry), [("session", Some(session.to_string().as_str()), None)]);

        let is = User { email: Email::parse("new@example.com").unwrap(), ..ada() };
        let both = cause().user_changed(&ada(), &is, Some(&[]));
        let ids: Vec<_> = both.iter().map(|entry| entry.id.as_u128()).collect();
        assert_eq!(ids, [100, 101]);
    }

    #[test]
    fn roles_are_told_by_name() {
        let is = User { roles: Roles::from_bits(5).unwrap(), ..ada() };
        let entry = cause().roles_changed(&ada(), &is);
        assert_eq!(told(&entry), [("roles", Some("customer"), Some("customer, admin"))]);
    }
}
