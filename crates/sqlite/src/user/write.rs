//! Changes of users, each in the writer's transaction.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection, delete,
    dsl::exists, insert_into, select, update as change_rows,
};
use entrepot_domain::{
    SessionId, UserId, Version,
    account_token::TokenPurpose,
    audit::Cause,
    event::EventData,
    user::{ChangedUser, Credentials, NewUser, Roles, UserChange, UserError},
};

use super::row::{UserRow, is_admin, search_of};
use crate::{
    account_token, api_key, audit,
    auth::{devices, sessions},
    error::{fault, is_duplicate},
    event, job,
    schema::{idempotency_keys, users},
    second_factor,
    value::Id,
};

fn refused(error: diesel::result::Error) -> UserError {
    // The identifier is new, so the email is taken.
    if is_duplicate(&error) { UserError::EmailTaken } else { fault(error).into() }
}

pub(super) fn insert(connection: &mut SqliteConnection, new: &NewUser, cause: &Cause) -> Result<(), UserError> {
    insert_into(users::table).values(UserRow::from(new)).execute(connection).map_err(refused)?;
    event::write(connection, cause.at, &[EventData::UserRegistered { user: new.user.id }])?;
    if let Some(mail) = &new.verification {
        account_token::issue(connection, mail)?;
    }
    Ok(audit::write(connection, &cause.user_registered(&new.user))?)
}

/// Returns the user to be changed.
pub(super) fn current(connection: &mut SqliteConnection, id: UserId) -> Result<Credentials, UserError> {
    let row: Option<UserRow> = users::table
        .filter(users::id.eq(Id(id.0)))
        .filter(users::erased_at.is_null())
        .select(UserRow::as_select())
        .get_result(connection)
        .optional()
        .map_err(fault)?;
    Ok(Credentials::try_from(row.ok_or(UserError::NotFound)?)?)
}

pub(super) fn update(
    connection: &mut SqliteConnection,
    id: UserId,
    change: &UserChange,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<ChangedUser, UserError> {
    let Credentials { user: was, password } = current(connection, id)?;
    let user = was.change(&password, change, expected, cause.at)?;
    change_rows(users::table.filter(users::id.eq(Id(id.0))))
        .set((
            users::name.eq(user.name.as_str()),
            users::email.eq(user.email.as_str()),
            users::email_folded.eq(user.email.folded()),
            users::email_verified.eq(user.email_verified),
            users::search.eq(search_of(&user.name, &user.email)),
            users::version.eq(user.version.0),
            users::updated_at.eq(cause.at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(refused)?;
    if user.email != was.email {
        let all = [TokenPurpose::EmailVerification, TokenPurpose::PasswordReset];
        account_token::end(connection, id, &all, cause.at)?;
        if let Some(mail) = &change.verification {
            account_token::issue(connection, mail)?;
        }
    }
    let mut ended = None;
    if let Some(password) = &change.password {
        change_rows(users::table.filter(users::id.eq(Id(id.0))))
            .set(users::password.eq(&password.0))
            .execute(connection)
            .map_err(fault)?;
        ended = Some(sessions::end_all(connection, id, change.keep, cause.at)?);
        account_token::end(connection, id, &[TokenPurpose::PasswordReset], cause.at)?;
        job::enqueue(connection, change.password_mail.as_slice())?;
    }
    for entry in cause.user_changed(&was, &user, ended.as_deref()) {
        audit::write(connection, &entry)?;
    }
    Ok(ChangedUser { user, sessions: ended.unwrap_or_default() })
}

pub(super) fn set_roles(
    connection: &mut SqliteConnection,
    id: UserId,
    roles: Roles,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<ChangedUser, UserError> {
    let was = current(connection, id)?.user;
    let user = was.change_roles(roles, other_admins(connection, id)?, expected, cause.at)?;
    change_rows(users::table.filter(users::id.eq(Id(id.0))))
        .set((
            users::roles.eq(i64::from(roles.bits())),
            users::version.eq(user.version.0),
            users::updated_at.eq(cause.at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    let live = sessions::live(connection, id, cause.at)?;
    audit::write(connection, &cause.roles_changed(&was, &user))?;
    Ok(ChangedUser { user, sessions: live })
}

/// Returns whether there is another admin.
fn other_admins(connection: &mut SqliteConnection, id: UserId) -> Result<bool, UserError> {
    let others = users::table.filter(is_admin()).filter(users::erased_at.is_null()).filter(users::id.ne(Id(id.0)));
    Ok(select(exists(others)).get_result(connection).map_err(fault)?)
}

pub(super) fn erase(
    connection: &mut SqliteConnection,
    id: UserId,
    expected: Option<Version>,
    cause: &Cause,
) -> Result<Vec<SessionId>, UserError> {
    let user = current(connection, id)?.user;
    user.may_be_erased(other_admins(connection, id)?, expected)?;
    change_rows(users::table.filter(users::id.eq(Id(id.0))))
        .set((
            users::name.eq(""),
            users::email.eq(None::<String>),
            users::email_folded.eq(None::<String>),
            users::password.eq(None::<String>),
            users::email_verified.eq(false),
            users::search.eq(""),
            users::version.eq(user.version.next().0),
            users::updated_at.eq(cause.at.timestamp_millis()),
            users::erased_at.eq(cause.at.timestamp_millis()),
        ))
        .execute(connection)
        .map_err(fault)?;
    let ended = sessions::end_all(connection, id, None, cause.at)?;
    sessions::forget_devices(connection, id)?;
    devices::forget(connection, id)?;
    account_token::erase(connection, id)?;
    api_key::write::erase(connection, id, cause.at)?;
    second_factor::write::erase(connection, id)?;
    delete(idempotency_keys::table.filter(idempotency_keys::user_id.eq(Id(id.0))))
        .execute(connection)
        .map_err(|error| UserError::from(fault(error)))?;
    event::write(connection, cause.at, &[EventData::UserDeleted { user: id }])?;
    audit::erase(connection, id)?;
    audit::write(connection, &cause.user_deleted(id, &ended))?;
    Ok(ended)
}
