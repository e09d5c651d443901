//! The audit log, written in the transactions of the changes.

mod list;
mod row;

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, insert_into, update};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use entrepot_domain::{
    Fault, Listing, UserId,
    audit::{AuditAction, AuditEntry, AuditLog, AuditQuery, AuditSubject},
};
use futures_util::FutureExt;
use row::EntryRow;

use crate::{PostgresStore, error::fault, schema::audit_entries};

#[async_trait]
impl AuditLog for PostgresStore {
    async fn list(&self, query: &AuditQuery) -> Result<Listing<AuditEntry>, Fault> {
        self.list_from(query.clone(), |connection, query| list::list(connection, query).boxed()).await
    }
}

/// Writes an entry in the present transaction.
pub(crate) async fn write(connection: &mut AsyncPgConnection, entry: &AuditEntry) -> Result<(), Fault> {
    let row = EntryRow::try_from(entry)?;
    insert_into(audit_entries::table).values(row).execute(connection).await.map_err(fault)?;
    Ok(())
}

/// Writes entries, a thousand per statement: the limit is 65,535 parameters.
pub(crate) async fn write_all(connection: &mut AsyncPgConnection, entries: &[AuditEntry]) -> Result<(), Fault> {
    for part in entries.chunks(1_000) {
        let rows: Vec<_> = part.iter().map(EntryRow::try_from).collect::<Result<_, _>>()?;
        insert_into(audit_entries::table).values(rows).execute(connection).await.map_err(fault)?;
    }
    Ok(())
}

/// Erases the values of a user's name and email from the log, and the addresses of their requests. A registration is
/// anonymous, but its address belongs to the user.
pub(crate) async fn erase(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), Fault> {
    let subject = AuditSubject::User(user);
    let about = audit_entries::table
        .filter(audit_entries::subject_id.eq(subject.id()))
        .filter(audit_entries::subject_kind.eq(subject.kind()));
    let personal = about.filter(audit_entries::personal.is_not_null());
    let erased = audit_entries::personal.eq(None::<serde_json::Value>);
    update(personal).set(erased).execute(connection).await.map_err(fault)?;
    let sign_up = about
        .filter(audit_entries::action.eq(AuditAction::UserRegistered.as_str()))
        .filter(audit_entries::actor_id.is_null())
        .filter(audit_entries::address.is_not_null());
    update(sign_up).set(audit_entries::address.eq(None::<String>)).execute(connection).await.map_err(fault)?;
    let by_them =
        audit_entries::table.filter(audit_entries::actor_id.eq(user.0)).filter(audit_entries::address.is_not_null());
    update(by_them).set(audit_entries::address.eq(None::<String>)).execute(connection).await.map_err(fault)?;
    Ok(())
}
