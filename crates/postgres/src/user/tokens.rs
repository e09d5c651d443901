//! What users do with account tokens.

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Timestamp, UserId,
    account_token::{TokenMail, TokenPurpose},
    audit::Cause,
    auth::TokenHash,
    user::{AccountTokenRepository, ChangedUser, PasswordReset, User, UserChange, UserError},
};
use futures_util::FutureExt;

use super::write;
use crate::{PostgresStore, account_token, audit, error::fault, schema::users};

#[async_trait]
impl AccountTokenRepository for PostgresStore {
    async fn issue(&self, mail: &TokenMail) -> Result<bool, Fault> {
        let issued = self.write(mail.clone(), |connection, mail| issue(connection, mail).boxed()).await?;
        self.queued_jobs().notify_one();
        Ok(issued)
    }

    async fn owner(&self, token: &TokenHash, purpose: TokenPurpose, now: Timestamp) -> Result<Option<UserId>, Fault> {
        self.read((*token, purpose, now), |connection, (token, purpose, now)| {
            account_token::owner(connection, token, *purpose, *now).boxed()
        })
        .await
    }

    async fn reset_password(&self, reset: &PasswordReset, cause: &Cause) -> Result<Option<ChangedUser>, Fault> {
        let changed = self
            .write((reset.clone(), cause.clone()), |connection, (reset, cause)| {
                reset_password(connection, reset, cause).boxed()
            })
            .await?;
        self.queued_jobs().notify_one();
        Ok(changed)
    }

    async fn verify_email(&self, token: &TokenHash, cause: &Cause) -> Result<Option<User>, Fault> {
        self.write((*token, cause.clone()), |connection, (token, cause)| verify_email(connection, token, cause).boxed())
            .await
    }
}

/// Returns the user as they are now, and locks them; `None` if there is no such user.
async fn present(connection: &mut AsyncPgConnection, id: UserId) -> Result<Option<User>, Fault> {
    match write::current(connection, id).await {
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

async fn issue(connection: &mut AsyncPgConnection, mail: &TokenMail) -> Result<bool, Fault> {
    let token = &mail.token;
    let is_wanted = |user: User| {
        user.email == token.email && !(token.purpose == TokenPurpose::EmailVerification && user.email_verified)
    };
    Ok(present(connection, token.user).await?.is_some_and(is_wanted) && account_token::issue(connection, mail).await?)
}

/// Locks the user of a live token and uses it. Every change of a user locks them before their tokens. So the token is
/// looked up twice: to know whom to lock, and to find what was changed until they were.
async fn take(
    connection: &mut AsyncPgConnection,
    token: &TokenHash,
    purpose: TokenPurpose,
    now: Timestamp,
) -> Result<Option<User>, Fault> {
    let Some(id) = account_token::owner(connection, token, purpose, now).await? else { return Ok(None) };
    let Some(user) = present(connection, id).await? else { return Ok(None) };
    if account_token::owner(connection, token, purpose, now).await?.is_none() {
        return Ok(None);
    }
    account_token::take(connection, token, now).await?;
    Ok(Some(user))
}

async fn reset_password(
    connection: &mut AsyncPgConnection,
    reset: &PasswordReset,
    cause: &Cause,
) -> Result<Option<ChangedUser>, Fault> {
    let user = take(connection, &reset.token, TokenPurpose::PasswordReset, cause.at).await?;
    let Some(user) = user else { return Ok(None) };
    let change = UserChange {
        password: Some(reset.password.clone()),
        password_mail: Some(reset.mail.clone()),
        ..UserChange::default()
    };
    write::update(connection, user.id, &change, None, cause).await.map(Some).or_else(gone)
}

async fn verify_email(
    connection: &mut AsyncPgConnection,
    token: &TokenHash,
    cause: &Cause,
) -> Result<Option<User>, Fault> {
    let was = take(connection, token, TokenPurpose::EmailVerification, cause.at).await?;
    let Some(was) = was else { return Ok(None) };
    let Some(user) = was.verify_email(cause.at) else { return Ok(Some(was)) };
    update(users::table.filter(users::id.eq(user.id.0)))
        .set((users::email_verified.eq(true), users::version.eq(user.version.0), users::updated_at.eq(cause.at)))
        .execute(connection)
        .await
        .map_err(fault)?;
    audit::write(connection, &cause.email_verified(user.id)).await?;
    Ok(Some(user))
}
