//! Logins.

use async_graphql::{Context, Object, Result, SimpleObject};
use entrepot_application::auth::{LoggedIn, Login};
use entrepot_domain::{Email, Invalid, second_factor::SecondFactorCode};

use crate::{fields::Fields, refusal::refused, state::State, user::User};

/// A pair of tokens, and whose it is.
#[derive(SimpleObject)]
pub(crate) struct Session {
    /// The access token: a JWT, for `Authorization: Bearer …`.
    token: String,
    /// The refresh token: good once, for the next pair.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// How many seconds the access token is good.
    expires_in: u64,
    /// Who logged in.
    user: User,
}

impl From<LoggedIn> for Session {
    fn from(pair: LoggedIn) -> Self {
        Self {
            token: pair.access_token,
            refresh_token: pair.refresh_token,
            token_type: "Bearer".to_owned(),
            expires_in: pair.expires_in.as_secs(),
            user: pair.user.into(),
        }
    }
}

/// The mutations of logins.
#[derive(Default)]
pub(crate) struct AuthMutation;

#[Object]
impl AuthMutation {
    /// Opens a session.
    async fn login(
        &self,
        ctx: &Context<'_>,
        email: String,
        password: String,
        #[graphql(desc = "For an account with a second factor")] code: Option<String>,
    ) -> Result<Session> {
        let state = State::of(ctx)?;
        let mut fields = Fields::default();
        let email = fields.read("email", Email::parse(&email));
        let password = fields.read("password", not_empty(password));
        let code = fields.optional("code", code, |code| SecondFactorCode::parse(&code));
        fields.check().map_err(refused)?;
        let (Some(email), Some(password)) = (email, password) else { return Err(refused(fields.error())) };
        let login = Login { email, password, code, user_agent: state.caller.user_agent.clone() };
        Ok(state.app.auth.login(login, &state.caller.origin).await.map_err(refused)?.into())
    }

    /// Rotates a refresh token, and gives a new pair.
    async fn refresh(&self, ctx: &Context<'_>, refresh_token: String) -> Result<Session> {
        let state = State::of(ctx)?;
        let token = read_token(refresh_token)?;
        Ok(state.app.auth.refresh(&token, &state.caller.origin).await.map_err(refused)?.into())
    }

    /// Ends the session of a refresh token.
    async fn logout(&self, ctx: &Context<'_>, refresh_token: String) -> Result<bool> {
        let state = State::of(ctx)?;
        let token = read_token(refresh_token)?;
        state.app.auth.logout(&token, &state.caller.origin).await.map_err(refused)?;
        Ok(true)
    }
}

fn read_token(token: String) -> Result<String> {
    let mut fields = Fields::default();
    fields.read("refreshToken", not_empty(token)).ok_or_else(|| refused(fields.error()))
}

fn not_empty(text: String) -> Result<String, Invalid> {
    if text.is_empty() { Err(Invalid::new("must not be empty")) } else { Ok(text) }
}
