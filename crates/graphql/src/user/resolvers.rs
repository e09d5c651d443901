//! The fields of users.

use async_graphql::{Context, ID, Object, Result};
use entrepot_application::{Error, user::Registration};

use super::{
    requests::{SignUpInput, UserList},
    types::{Role, User, UserConnection},
};
use crate::{
    connection::PartArguments,
    fields::id,
    refusal::{Refusal, refused},
    state::State,
};

/// The queries of users.
#[derive(Default)]
pub(crate) struct UserQuery;

#[Object]
impl UserQuery {
    /// Who asks.
    async fn me(&self, ctx: &Context<'_>) -> Result<User> {
        let state = State::of(ctx)?;
        let actor = state.actor()?;
        Ok(state.app.users.get(actor, actor.user).await.map_err(refused)?.into())
    }

    /// A user; for the user and for admins.
    async fn user(&self, ctx: &Context<'_>, #[graphql(name = "id")] user: ID) -> Option<Result<User>> {
        Some(find(ctx, &user).await)
    }

    /// Users; for admins.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Words that the name or address must have")] q: Option<String>,
        #[graphql(desc = "Those that have it")] role: Option<Role>,
        #[graphql(desc = "`name`, `email`, `createdAt`, each with an optional minus")] sort: Option<String>,
        #[graphql(default_with = "Some(20)")] first: Option<i64>,
        after: Option<String>,
    ) -> Result<UserConnection> {
        let state = State::of(ctx)?;
        let actor = state.actor()?;
        if !actor.is_admin() {
            return Err(refused(Error::Forbidden));
        }
        let list = UserList { q, role, sort, part: PartArguments { first, after } };
        let (query, part) = list.query(&state.settings.cursor_keys).map_err(Refusal::into_error)?;
        UserConnection::new(&part, state.app.users.list(actor, &query).await.map_err(refused)?)
    }
}

/// The mutations of users.
#[derive(Default)]
pub(crate) struct UserMutation;

#[Object]
impl UserMutation {
    /// Creates an account.
    async fn sign_up(&self, ctx: &Context<'_>, input: SignUpInput) -> Result<User> {
        let state = State::of(ctx)?;
        let registration = Registration::try_from(input).map_err(refused)?;
        Ok(state.app.users.register(registration, &state.caller.origin).await.map_err(refused)?.into())
    }
}

/// A field that may be null is an `Option<Result>`: with a `Result<Option>` an error would make its parent null.
async fn find(ctx: &Context<'_>, user: &ID) -> Result<User> {
    let state = State::of(ctx)?;
    Ok(state.app.users.get(state.actor()?, id(user)?).await.map_err(refused)?.into())
}
