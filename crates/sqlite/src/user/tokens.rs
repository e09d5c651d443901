//! What users do with account tokens.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, update};
use entrepot_domain::{
    Fault, Timestamp, UserId,
    account_token::{TokenMail, TokenPurpose},
    audit::Cause,
    auth::TokenHash,
    user::{AccountTokenRepository, ChangedUser, PasswordReset, User, UserChange, UserError},
};

use super::write;
use crate::{SqliteStore, account_token, audit, error::fault, schema::users, value::Id};

#[async_trait]
impl AccountTokenRepository for SqliteStore {
    async fn issue(&self, mail: &TokenMail) -> Result<bool, Fault> {
        let mail = mail.clone();
        let issued = self.write(move |connection| issue(connection, &mail)).await?;
        self.queued_jobs().notify_one();
        Ok(issued)
    }

    async fn owner(&self, token: &TokenHash, purpose: TokenPurpose, now: Timestamp) -> Result<Option<UserId>, Fault> {
        let token = *token;
        self.read(move |connection| account_token::owner(connection, &token, purpose, now)).await
    }

    async fn reset_password(&self, reset: &PasswordReset, cause: &Cause) -> Result<Option<ChangedUser>, Fault> {
        let (reset, cause) = (reset.clone(), cause.clone());
        let changed = self.write(move |connection| reset_password(connection, reset, &cause)).await?;
        self.queued_jobs().notify_one();
        Ok(changed)
    }

    async fn verify_email(&self, token: &TokenHash, cause: &Cause) -> Result<Option<User>, Fault> {
        let (token, cause) = (*token, cause.clone());
        self.write(move |connection| verify_email(connection, &token, &cause)).await
    }
}

/// Returns the user as they are now; `None` if there is no such user.
fn present(connection: &mut SqliteConnection, id: UserId) -> Result<Option<User>, Fault> {
    match write::current(connection, id) {
        Ok(known) => Ok(Some(known.user)),
        Err(error) => gone(error),
    }
}

/// `None` if there is no such user.
fn gone<T>(error: UserError) -> Result<Option<T>, Fault> {
    match error {
        UserError::NotFound => Ok(None),
        UserError::Fault(fault) => Err(fault),
        other => Err(Fault::unknown(other)),
    }
}

fn issue(connection: &mut SqliteConnection, mail: &TokenMail) -> Result<bool, Fault> {
    let token = &mail.token;
    let is_wanted = |user: User| {
        user.email == token.email && !(token.purpose == TokenPurpose::EmailVerification && user.email_verified)
    };
    Ok(present(connection, token.user)?.is_some_and(is_wanted) && account_token::issue(connection, mail)?)
}

fn reset_password(
    connection: &mut SqliteConnection,
    reset: PasswordReset,
    cause: &Cause,
) -> Result<Option<ChangedUser>, Fault> {
    let owner = account_token::owner(connection, &reset.token, TokenPurpose::PasswordReset, cause.at)?;
    let Some(user) = owner else { return Ok(None) };
    account_token::take(connection, &reset.token, cause.at)?;
    let change =
        UserChange { password: Some(reset.password), password_mail: Some(reset.mail), ..UserChange::default() };
    write::update(connection, user, &change, None, cause).map(Some).or_else(gone)
}

fn verify_email(connection: &mut SqliteConnection, token: &TokenHash, cause: &Cause) -> Result<Option<User>, Fault> {
    let owner = account_token::owner(connection, token, TokenPurpose::EmailVerification, cause.at)?;
    let Some(id) = owner else { return Ok(None) };
    let Some(was) = present(connection, id)? else { return Ok(None) };
    account_token::take(connection, token, cause.at)?;
    let Some(user) = was.verify_email(cause.at) else { return Ok(Some(was)) };
    update(users::table.filter(users::id.eq(Id(id.0))))
        .set((
            users::email_verified.eq(true),
            users::version.eq(user.version.0),
            users::updated_at.eq(cause.at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    audit::write(connection, &cause.email_verified(id))?;
    Ok(Some(user))
}
