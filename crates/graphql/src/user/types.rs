//! Users as clients see them.

use async_graphql::{Enum, ID, SimpleObject};
use entrepot_domain::UserId;
use entrepot_domain::user as domain;

use crate::{connection::connection, scalars::DateTime};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(rename_items = "lowercase", remote = "domain::Role")]
pub(crate) enum Role {
    /// Buys: sees and changes their own data.
    Customer,
    /// Manages products, stock and all orders.
    Staff,
    /// May do what staff may, and manages users and roles.
    Admin,
}

/// An account.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct User {
    #[graphql(skip)]
    pub(crate) key: UserId,
    id: ID,
    name: String,
    email: String,
    roles: Vec<Role>,
    email_verified: bool,
    created_at: DateTime,
    updated_at: DateTime,
}

impl From<domain::User> for User {
    fn from(user: domain::User) -> Self {
        Self {
            key: user.id,
            id: user.id.to_string().into(),
            name: user.name.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            roles: domain::Role::ALL.into_iter().filter(|role| user.roles.contains(*role)).map(Role::from).collect(),
            email_verified: user.email_verified,
            created_at: DateTime(user.created_at),
            updated_at: DateTime(user.updated_at),
        }
    }
}

connection!(UserConnection, UserEdge, User, domain::User);
