//! Folds emails and search texts again after a change of the folding.

use diesel::{
    Connection as _, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl,
    connection::SimpleConnection, dsl::sql, select, sql_types::Bool, update,
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use entrepot_domain::{
    Email, UserId, search_text,
    user::{EmailDecision, EmailOwner},
};
use uuid::Uuid;

use crate::schema::{products, users};

/// A blocking connection, as diesel's migrations need it.
type Connection = AsyncConnectionWrapper<AsyncPgConnection>;

/// Folds the rows after a place, and returns the last one, if there was any.
type Batch = fn(&mut Connection, Uuid) -> QueryResult<Option<Uuid>>;

/// The migration that is recorded when all is folded.
const VERSION: &str = "20261128180000";

/// The number of rows in memory, and locked, at a time.
const BATCH_SIZE: i64 = 250;

/// The folding of ASCII has not changed.
const NOT_ASCII: &str = "octet_length(search) <> char_length(search)";

/// Folds the emails and search texts of all rows that are not ASCII, if the migration is pending.
///
/// Each batch is a transaction, so that other users wait for one batch at most. Folding twice is harmless: an
/// interrupted run starts again, and of several instances each continues until one has recorded the migration.
pub(super) fn refold(connection: &mut Connection, begin: fn(&mut Connection) -> QueryResult<()>) -> QueryResult<()> {
    let batches: [Batch; 2] = [refold_users, refold_products];
    for batch in batches {
        let mut after = Some(Uuid::nil());
        while let Some(place) = after {
            after = connection.transaction(|connection| {
                begin(connection)?;
                if is_due(connection)? { batch(connection, place) } else { Ok(None) }
            })?;
        }
    }
    Ok(())
}

/// Returns whether there are tables with rows that have to be folded.
fn is_due(connection: &mut Connection) -> QueryResult<bool> {
    let tables = "to_regclass('__diesel_schema_migrations') IS NOT NULL AND to_regclass('products') IS NOT NULL";
    if !select(sql::<Bool>(tables)).get_result(connection)? {
        return Ok(false);
    }
    let pending = format!("NOT EXISTS (SELECT FROM __diesel_schema_migrations WHERE version = '{VERSION}')");
    select(sql::<Bool>(&pending)).get_result(connection)
}

fn refold_users(connection: &mut Connection, after: Uuid) -> QueryResult<Option<Uuid>> {
    // The lock prevents that an email is taken between the check and the update. Nothing else is locked, so there is no
    // deadlock.
    connection.batch_execute("LOCK TABLE users IN EXCLUSIVE MODE")?;
    let batch: Vec<(Uuid, String, Option<String>, bool, String)> = users::table
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
            let user = EmailOwner { user: UserId(*id), is_verified: *verified };
            refold_email(connection, user, &email)?;
        }
    }
    Ok(batch.last().map(|(id, ..)| *id))
}

/// Gives a user the folded email, unless another one keeps it.
fn refold_email(connection: &mut Connection, user: EmailOwner, email: &Email) -> QueryResult<()> {
    let folded = email.folded();
    let owner: Option<(Uuid, bool)> = users::table
        .filter(users::email_folded.eq(&folded))
        .select((users::id, users::email_verified))
        .first(connection)
        .optional()?;
    let Some((id, is_verified)) = owner else { return set_email(connection, user.user, &folded) };
    let owner = EmailOwner { user: UserId(id), is_verified };
    if owner.user == user.user {
        return Ok(());
    }
    let EmailDecision { keeps, loses } = user.decide(owner);
    tracing::warn!(user = %loses, other = %keeps, "two accounts have one email address; only the other can log in with it");
    set_email(connection, loses, &email.folded_duplicate(loses))?;
    set_email(connection, keeps, &folded)
}

fn set_email(connection: &mut Connection, user: UserId, folded: &str) -> QueryResult<()> {
    update(users::table.filter(users::id.eq(user.0))).set(users::email_folded.eq(folded)).execute(connection)?;
    Ok(())
}

fn refold_products(connection: &mut Connection, after: Uuid) -> QueryResult<Option<Uuid>> {
    let batch: Vec<(Uuid, String, String, String, String)> = products::table
        .filter(products::id.gt(after))
        .filter(sql::<Bool>(NOT_ASCII))
        .order(products::id)
        .limit(BATCH_SIZE)
        .select((products::id, products::name, products::sku, products::description, products::search))
        .for_no_key_update()
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
