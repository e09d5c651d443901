//! Logins as clients write and see them.

use entrepot_application::auth::LoggedIn;
use entrepot_domain::{
    Email, Invalid,
    auth::{Actor, Session},
    second_factor::SecondFactorCode,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    request::{Fields, FromFields},
    response::Stamp,
    user::UserView,
};

/// Who logs in, and how they prove it.
#[derive(ToSchema)]
#[schema(example = json!({"email": "ada@example.com", "password": "analytical engine"}))]
pub(crate) struct LoginRequest {
    /// The address of the account; its case does not matter.
    #[schema(value_type = String, format = "email")]
    pub(super) email: Email,
    /// The password.
    #[schema(format = "password", min_length = 1)]
    pub(super) password: String,
    /// For an account with a second factor: six digits of the app, or a recovery code. Others need none.
    #[schema(value_type = Option<String>, nullable = false, pattern = "^[ -]*(([0-9][ -]*){6}|([A-Za-z2-7][ -]*){16})$")]
    pub(super) code: Option<SecondFactorCode>,
}

impl FromFields for LoginRequest {
    const FORM: bool = true;

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.text("email", Email::parse);
        let password = fields.text("password", not_empty);
        let code = fields.optional_text("code", SecondFactorCode::parse);
        Some(Self { email: email?, password: password?, code: code? })
    }
}

/// A refresh token.
#[derive(ToSchema)]
#[schema(example = json!({"refreshToken": "eyJ0eXAiOiJydCtqd3QiLCJhbGciOiJIUzI1NiJ9.e30.c2ln"}))]
#[schema(rename_all = "camelCase")]
pub(crate) struct RefreshRequest {
    /// The refresh token that came with the last pair.
    #[schema(min_length = 1)]
    pub(super) refresh_token: String,
}

impl FromFields for RefreshRequest {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.text("refreshToken", not_empty).map(|refresh_token| Self { refresh_token })
    }
}

fn not_empty(text: &str) -> Result<String, Invalid> {
    if text.is_empty() { Err(Invalid::new("must not be empty")) } else { Ok(text.to_owned()) }
}

/// A pair of tokens, and whose it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenPair {
    /// The access token: a JWT, for `Authorization: Bearer …`.
    token: String,
    /// The refresh token: good once, for the next pair.
    refresh_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// How many seconds the access token is good.
    #[schema(example = 900)]
    expires_in: u64,
    /// Who logged in.
    user: UserView,
}

impl From<LoggedIn> for TokenPair {
    fn from(pair: LoggedIn) -> Self {
        Self {
            user: UserView::from(&pair.user),
            token: pair.access_token,
            refresh_token: pair.refresh_token,
            token_type: "Bearer",
            expires_in: pair.expires_in.as_secs(),
        }
    }
}

/// A device that is logged in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// Names it.
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// What the client called itself.
    #[schema(example = "curl/8.5.0")]
    user_agent: Option<String>,
    /// Where it logged in from.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    /// When it logged in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Stamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Stamp,
    /// When it ends unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Stamp,
}

impl SessionView {
    pub(super) fn new(session: &Session, actor: &Actor) -> Self {
        Self {
            id: session.id.0,
            current: actor.session() == Some(session.id),
            user_agent: session.device.user_agent.clone(),
            address: session.device.address.map(|address| address.to_string()),
            created_at: Stamp(session.created_at),
            last_used_at: Stamp(session.last_used_at),
            expires_at: Stamp(session.expires_at),
        }
    }
}
