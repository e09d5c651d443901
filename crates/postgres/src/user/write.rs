//! Changes of users, each in a transaction.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper, delete, insert_into, update as change_rows,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    SessionId, UserId, Version,
    account_token::TokenPurpose,
    audit::Cause,
    event::EventData,
    user::{ChangedUser, Credentials, NewUser, Role, Roles, UserChange, UserError},
};
use uuid::Uuid;

use super::row::{UserRow, is_admin, search_of};
use crate::{
    account_token, api_key, audit,
    auth::{devices, sessions},
    error::{fault, is_duplicate},
    event, job,
    schema::{idempotency_keys, users},
    second_factor,
};

fn refused(error: diesel::result::Error) -> UserError {
    // The identifier is new, so the email is taken.
    if is_duplicate(&error) { UserError::EmailTaken } else { fault(error).into() }
}

pub(super) async fn insert(connection: &mut AsyncPgConnection, new: &NewUser, cause: &Cause) -> Result<(), UserError> {
    insert_into(users::table).values(UserRow::from(new)).execute(connection).await.map_err(refused)?;
    event::write(connection, cause.at, &[EventData::UserRegistered { user: new.user.id }]).await?;
    if let Some(mail) = &new.verification {
        account_token::issue(connection, mail).await?;
    }
    Ok(audit::write(connection, &cause.user_registered(&new.user)).await?)
}

/// Returns the user to be changed, and locks it.
pub(super) async fn current(connection: &mut AsyncPgConnection, id: UserId) -> Result<Credentials, UserError> {
    let row: Option<UserRow> = users::table
        .filter(users::id.eq(id.0))
        .filter(users::erased_at.is_null())
        .select(UserRow::as_select())
        .for_no_key_update()
        .get_result(connection)
        .await
        .optional()
        .map_err(fault)?;
    Ok(Credentials::try_from(row.ok_or(UserError::NotFound)?)?)
}

pub(super) async fn update(
    connection: &mut AsyncPgConnection,
    id: UserId,
    change: &UserChange,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<ChangedUser, UserError> {
    let Credentials { user: was, password } = current(connection, id).await?;
    let user = was.change(&password, change, expected, cause.at)?;
    change_rows(users::table.filter(users::id.eq(id.0)))
        .set((
            users::name.eq(user.name.as_str()),
            users::email.eq(user.email.as_str()),
            users::email_folded.eq(user.email.folded()),
            users::email_verified.eq(user.email_verified),
            users::search.eq(search_of(&user.name, &user.email)),
            users::version.eq(user.version.0),
            users::updated_at.eq(cause.at),
        ))
        .execute(connection)
        .await
        .map_err(refused)?;
    if user.email != was.email {
        let all = [TokenPurpose::EmailVerification, TokenPurpose::PasswordReset];
        account_token::end(connection, id, &all, cause.at).await?;
        if let Some(mail) = &change.verification {
            account_token::issue(connection, mail).await?;
        }
    }
    let mut ended = None;
    if let Some(password) = &change.password {
        change_rows(users::table.filter(users::id.eq(id.0)))
            .set(users::password.eq(&password.0))
            .execute(connection)
            .await
            .map_err(fault)?;
        ended = Some(sessions::end_all(connection, id, change.keep, cause.at).await?);
        account_token::end(connection, id, &[TokenPurpose::PasswordReset], cause.at).await?;
        job::enqueue(connection, change.password_mail.as_slice()).await?;
    }
    for entry in cause.user_changed(&was, &user, ended.as_deref()) {
        audit::write(connection, &entry).await?;
    }
    Ok(ChangedUser { user, sessions: ended.unwrap_or_default() })
}

pub(super) async fn set_roles(
    connection: &mut AsyncPgConnection,
    id: UserId,
    roles: Roles,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<ChangedUser, UserError> {
    let others = if roles.contains(Role::Admin) { true } else { lock_other_admins(connection, id).await? };
    let was = current(connection, id).await?.user;
    let user = was.change_roles(roles, others, expected, cause.at)?;
    change_rows(users::table.filter(users::id.eq(id.0)))
        .set((
            users::roles.eq(i64::from(roles.bits())),
            users::version.eq(user.version.0),
            users::updated_at.eq(cause.at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    let live = sessions::live(connection, id, cause.at).await?;
    audit::write(connection, &cause.roles_changed(&was, &user)).await?;
    Ok(ChangedUser { user, sessions: live })
}

/// Returns whether there is another admin. Locks all admins in the same order before anything else: of two admins who
/// demote each other concurrently, the second waits, and then does not see the first any more.
async fn lock_other_admins(connection: &mut AsyncPgConnection, id: UserId) -> Result<bool, UserError> {
    let admins = users::table.filter(is_admin()).filter(users::erased_at.is_null()).select(users::id);
    let admins: Vec<Uuid> = admins.order(users::id).for_no_key_update().load(connection).await.map_err(fault)?;
    Ok(admins.iter().any(|admin| *admin != id.0))
}

pub(super) async fn erase(
    connection: &mut AsyncPgConnection,
    id: UserId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Vec<SessionId>, UserError> {
    let others = lock_other_admins(connection, id).await?;
    let user = current(connection, id).await?.user;
    user.may_be_erased(others, expected)?;
    change_rows(users::table.filter(users::id.eq(id.0)))
        .set((
            users::name.eq(""),
            users::email.eq(None::<String>),
            users::email_folded.eq(None::<String>),
            users::password.eq(None::<String>),
            users::email_verified.eq(false),
            users::search.eq(""),
            users::version.eq(user.version.next().0),
            users::updated_at.eq(cause.at),
            users::erased_at.eq(cause.at),
        ))
        .execute(connection)
        .await
        .map_err(fault)?;
    let ended = sessions::end_all(connection, id, None, cause.at).await?;
    sessions::forget_devices(connection, id).await?;
    devices::forget(connection, id).await?;
    account_token::erase(connection, id).await?;
    api_key::write::erase(connection, id, cause.at).await?;
    second_factor::write::erase(connection, id).await?;
    delete(idempotency_keys::table.filter(idempotency_keys::user_id.eq(id.0)))
        .execute(connection)
        .await
        .map_err(fault)?;
    event::write(connection, cause.at, &[EventData::UserDeleted { user: id }]).await?;
    audit::erase(connection, id).await?;
    audit::write(connection, &cause.user_deleted(id, &ended)).await?;
    Ok(ended)
}
