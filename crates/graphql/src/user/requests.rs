//! What clients ask of accounts.

use async_graphql::InputObject;
use entrepot_api::search_text;
use entrepot_application::{Error, user::Registration};
use entrepot_domain::{
    Direction, Email, Sort,
    auth::PlainPassword,
    user::{PersonName, UserFilter, UserQuery, UserSort},
};

use super::types::Role;
use crate::{
    connection::{Part, PartArguments, Signature},
    fields::Fields,
    refusal::Refusal,
};

/// A new account.
#[derive(InputObject)]
pub(super) struct SignUpInput {
    /// What you want to be called.
    name: String,
    /// Your address; unique but for its case.
    email: String,
    /// 8 characters or more, at most 72 bytes, no NUL.
    password: String,
}

impl TryFrom<SignUpInput> for Registration {
    type Error = Error;

    fn try_from(input: SignUpInput) -> Result<Self, Error> {
        let mut fields = Fields::default();
        let name = fields.read("name", PersonName::parse(&input.name));
        let email = fields.read("email", Email::parse(&input.email));
        let password = fields.read("password", PlainPassword::parse(&input.password));
        match (name, email, password) {
            (Some(name), Some(email), Some(password)) => Ok(Self { name, email, password }),
            _ => Err(fields.error()),
        }
    }
}

/// Which users are listed.
pub(super) struct UserList {
    pub(super) q: Option<String>,
    pub(super) role: Option<Role>,
    pub(super) sort: Option<String>,
    pub(super) part: PartArguments,
}

impl UserList {
    pub(super) fn query(self, keys: &[[u8; 32]]) -> Result<(UserQuery, Part<UserSort>), Refusal> {
        let mut fields = Fields::default();
        let role = self.role.map(entrepot_domain::user::Role::from);
        let signature =
            Signature::default().with("q", self.q.as_ref()).with("role", role).with("sort", self.sort.as_ref());
        let search = fields.optional("q", self.q.filter(|q| !q.is_empty()), |q| search_text(&q));
        let sort = fields.optional("sort", self.sort.filter(|sort| !sort.is_empty()), |sort| Sort::parse(&sort));
        let limit = self.part.limit(&mut fields);
        fields.check()?;
        let sort = sort.unwrap_or_else(|| Sort::by(UserSort::CreatedAt, Direction::Descending));
        let part = self.part.part(limit.unwrap_or_default(), "users", sort, &signature, keys)?;
        let filter = UserFilter { search, role };
        Ok((UserQuery { filter, sort: part.sort.clone(), window: part.window.clone() }, part))
    }
}
