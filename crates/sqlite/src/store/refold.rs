//! Folds emails and search texts again after a change of the folding.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection, dsl::sql,
    sql_types::Bool, update,
};
use entrepot_domain::{
    Email, UserId, search_text,
    user::{EmailDecision, EmailOwner},
};
use uuid::Uuid;

use crate::{
    schema::{products, users},
    value::Id,
};

/// The migration that requires it.
pub(super) const VERSION: &str = "20261128180000";

/// The number of rows in memory at a time.
const BATCH_SIZE: i64 = 1_000;

/// The folding of ASCII has not changed.
const NOT_ASCII: &str = "length(CAST(search AS BLOB)) <> length(search)";

/// Folds the emails and search texts of all rows that are not ASCII.
pub(super) fn refold(connection: &mut SqliteConnection) -> QueryResult<()> {
    for batch in [refold_users, refold_products] {
        let mut after = Some(Id(Uuid::nil()));
        while let Some(place) = after {
            after = batch(connection, place)?;
        }
    }
    Ok(())
}

/// Folds the rows after a place, and returns the last one, if there was any.
fn refold_users(connection: &mut SqliteConnection, after: Id) -> QueryResult<Option<Id>> {
    let batch: Vec<(Id, String, Option<String>, bool, String)> = users::table
        .filter(users::id.gt(after))
        .filter(users::erased_at.is_null())
        .filter(sql::<Bool>(NOT_ASCII))
        .order(users::id)
        .limit(BATCH_SIZE)
        .select((users::id, users::name, users::email, users::email_verified, users::search))
        .load(connection)?;
    for (id, name, email, verified, was) in &batch {
        let Some(email) = email else { continue };
        let search = search_text(&[name, email]);
        if search != *was {
            update(users::table.filter(users::id.eq(*id))).set(users::search.eq(search)).execute(connection)?;
        }
        if let Ok(email) = Email::parse(email) {
            let user = EmailOwner { user: UserId(id.0), is_verified: *verified };
            refold_email(connection, user, &email)?;
        }
    }
    Ok(batch.last().map(|(id, ..)| *id))
}

/// Gives a user the folded email, unless another one keeps it.
fn refold_email(connection: &mut SqliteConnection, user: EmailOwner, email: &Email) -> QueryResult<()> {
    let folded = email.folded();
    let owner: Option<(Id, bool)> = users::table
        .filter(users::email_folded.eq(&folded))
        .select((users::id, users::email_verified))
        .first(connection)
        .optional()?;
    let Some((id, is_verified)) = owner else { return set_email(connection, user.user, &folded) };
    let owner = EmailOwner { user: UserId(id.0), is_verified };
    if owner.user == user.user {
        return Ok(());
    }
    let EmailDecision { keeps, loses } = user.decide(owner);
    tracing::warn!(user = %loses, other = %keeps, "two accounts have one email address; only the other can log in with it");
    set_email(connection, loses, &email.folded_duplicate(loses))?;
    set_email(connection, keeps, &folded)
}

fn set_email(connection: &mut SqliteConnection, user: UserId, folded: &str) -> QueryResult<()> {
    update(users::table.filter(users::id.eq(Id(user.0)))).set(users::email_folded.eq(folded)).execute(connection)?;
    Ok(())
}

/// Folds products in the same way.
fn refold_products(connection: &mut SqliteConnection, after: Id) -> QueryResult<Option<Id>> {
    let batch: Vec<(Id, String, String, String, String)> = products::table
        .filter(products::id.gt(after))
        .filter(sql::<Bool>(NOT_ASCII))
        .order(products::id)
        .limit(BATCH_SIZE)
        .select((products::id, products::name, products::sku, products::description, products::search))
        .load(connection)?;
    for (id, name, sku, description, was) in &batch {
        let search = search_text(&[name, sku, description]);
        if search != *was {
            update(products::table.filter(products::id.eq(*id)))
                .set(products::search.eq(search))
                .execute(connection)?;
        }
    }
    Ok(batch.last().map(|(id, ..)| *id))
}
