//! The audit log, written in the transactions of the changes.

mod list;
mod row;

use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl, SqliteConnection, insert_into, update};
use entrepot_domain::{
    Fault, Listing, UserId,
    audit::{AuditAction, AuditEntry, AuditLog, AuditQuery, AuditSubject},
};
use row::EntryRow;

use crate::{SqliteStore, error::fault, schema::audit_entries, value::Id};

#[async_trait]
impl AuditLog for SqliteStore {
    async fn list(&self, query: &AuditQuery) -> Result<Listing<AuditEntry>, Fault> {
        let query = query.clone();
        self.read(move |connection| list::list(connection, &query)).await
    }
}

/// Writes an entry in the present transaction.
pub(crate) fn write(connection: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), Fault> {
    let row = EntryRow::try_from(entry)?;
    insert_into(audit_entries::table).values(row).execute(connection).map_err(fault)?;
    Ok(())
}

/// Erases the values of a user's name and email from the log, and the addresses of their requests. A registration is
/// anonymous, but its address belongs to the user.
pub(crate) fn erase(connection: &mut SqliteConnection, user: UserId) -> Result<(), Fault> {
    let subject = AuditSubject::User(user);
    let about = audit_entries::table
        .filter(audit_entries::subject_id.eq(Id(subject.id())))
        .filter(audit_entries::subject_kind.eq(subject.kind()));
    let personal = about.filter(audit_entries::personal.is_not_null());
    update(personal).set(audit_entries::personal.eq(None::<String>)).execute(connection).map_err(fault)?;
    let sign_up = about
        .filter(audit_entries::action.eq(AuditAction::UserRegistered.as_str()))
        .filter(audit_entries::actor_id.is_null())
        .filter(audit_entries::address.is_not_null());
    update(sign_up).set(audit_entries::address.eq(None::<String>)).execute(connection).map_err(fault)?;
    let by_them = audit_entries::table
        .filter(audit_entries::actor_id.eq(Id(user.0)))
        .filter(audit_entries::address.is_not_null());
    update(by_them).set(audit_entries::address.eq(None::<String>)).execute(connection).map_err(fault)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use entrepot_domain::user::UserRepository;
    use entrepot_testkit::{at, cause, new_user};

    use super::*;
    use crate::SqliteOptions;

    /// Also for other programs.
    #[tokio::test]
    async fn log_entries_cannot_be_changed_except_for_erasure() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path().join("entrepot.db"))).unwrap();
        UserRepository::insert(&store, &new_user("ada"), &cause(at(0))).await.unwrap();
        for refused in [
            "DELETE FROM audit_entries",
            "UPDATE audit_entries SET action = 'user.deleted'",
            "UPDATE audit_entries SET changes = '[]', personal = NULL",
            "UPDATE audit_entries SET personal = '[]'",
            "UPDATE audit_entries SET address = '::1'",
            "UPDATE audit_entries SET request_id = NULL",
        ] {
            let answer = store.write(move |connection| connection.batch_execute(refused).map_err(Fault::unknown)).await;
            let Err(Fault::Unknown(why)) = answer else { panic!("{refused}: {answer:?}") };
            assert!(why.to_string().contains("only grows"), "{refused}: {why}");
        }
        let forget = "UPDATE audit_entries SET personal = NULL, address = NULL";
        store.write(move |connection| connection.batch_execute(forget).map_err(fault)).await.unwrap();
    }
}
