//! Connections and migrations.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use diesel::{
    Connection, QueryResult, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    select,
    sql_types::{BigInt, Bool},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{SqliteOptions, refold};
use crate::error::is_unavailable;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The page cache of a connection, in kibibytes.
const CACHE_KIB: u32 = 2_048;

/// The interval between attempts on a locked file.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Opens the writing connection. `busy_timeout` comes first, because the next statements may already meet a lock. With
/// `secure_delete`, deleted data is overwritten with zeros.
pub(super) fn writer(options: &SqliteOptions) -> Result<SqliteConnection> {
    let mut connection = open(options)?;
    let cannot = || format!("cannot use {} as a database", options.path.display());
    into_wal(&mut connection, options.busy_timeout).with_context(cannot)?;
    connection
        .batch_execute("PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = ON;")
        .with_context(cannot)?;
    Ok(connection)
}

/// Switches the file to WAL mode. Two processes that do so with a new file at once may both get an immediate error that
/// it is locked, whatever the busy time-out: SQLite does not wait if that could be a deadlock.
fn into_wal(connection: &mut SqliteConnection, limit: Duration) -> QueryResult<()> {
    let started = Instant::now();
    loop {
        match connection.batch_execute("PRAGMA journal_mode = WAL;") {
            Err(error) if is_unavailable(&error) && started.elapsed() < limit => thread::sleep(RETRY_INTERVAL),
            other => return other,
        }
    }
}

/// Opens a read-only connection.
pub(super) fn reader(options: &SqliteOptions) -> Result<SqliteConnection> {
    let mut connection = open(options)?;
    connection.batch_execute("PRAGMA synchronous = FULL; PRAGMA query_only = ON;")?;
    Ok(connection)
}

fn open(options: &SqliteOptions) -> Result<SqliteConnection> {
    let path = options.path.to_str().context("the path of the database is not UTF-8")?;
    let mut connection =
        SqliteConnection::establish(path).with_context(|| format!("cannot open the database {path}"))?;
    connection
        .batch_execute(&format!(
            "PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
             PRAGMA cache_size = -{CACHE_KIB};",
            options.busy_timeout.as_millis()
        ))
        .with_context(|| format!("cannot use {path} as a database"))?;
    Ok(connection)
}

/// Runs pending migrations in one immediate transaction: of several concurrent processes one migrates, and the others
/// find it done.
///
/// A migration may have to recreate a table that others reference. SQLite requires foreign keys to be off for that,
/// which can be set only outside a transaction, so all references are checked before the commit.
pub(super) fn migrate(connection: &mut SqliteConnection) -> Result<()> {
    connection.batch_execute("PRAGMA foreign_keys = OFF")?;
    let applied = connection.immediate_transaction(|connection| {
        let applied = connection.run_pending_migrations(MIGRATIONS).map_err(Failed)?;
        let applied: Vec<_> = applied.into_iter().map(|version| version.to_string()).collect();
        if applied.iter().any(|version| version == refold::VERSION) {
            refold::refold(connection)?;
        }
        if !applied.is_empty() {
            check_references(connection)?;
        }
        Ok::<_, Failed>(applied)
    });
    connection.batch_execute("PRAGMA foreign_keys = ON")?;
    let applied = applied.map_err(|Failed(why)| anyhow!("cannot bring the schema up to date: {why}"))?;
    for version in applied {
        tracing::info!(%version, "migrated");
    }
    Ok(())
}

fn check_references(connection: &mut SqliteConnection) -> Result<(), Failed> {
    let broken: i64 =
        select(sql::<BigInt>("(SELECT count(*) FROM pragma_foreign_key_check)")).get_result(connection)?;
    if broken == 0 { Ok(()) } else { Err(Failed(format!("{broken} rows refer to rows that are not there").into())) }
}

/// The names of pending migrations; all of them if there is no file, which is not created.
pub fn pending_migrations(path: &Path) -> Result<Vec<String>> {
    let name = |migration: Box<dyn diesel::migration::Migration<diesel::sqlite::Sqlite>>| migration.name().to_string();
    let refused = |why| anyhow!("cannot look at the schema: {why}");
    let all = || {
        let all = diesel::migration::MigrationSource::migrations(&MIGRATIONS).map_err(refused)?;
        Ok(all.into_iter().map(name).collect())
    };
    if !path.exists() {
        return all();
    }
    // Diesel creates its table if it is missing, and a check must not write.
    let mut connection = reader(&SqliteOptions::new(path))?;
    if !knows_migrations(&mut connection)? {
        return all();
    }
    let pending = connection.pending_migrations(MIGRATIONS).map_err(refused)?;
    Ok(pending.into_iter().map(name).collect())
}

/// Returns whether the file was ever migrated.
fn knows_migrations(connection: &mut SqliteConnection) -> Result<bool> {
    let table = "EXISTS (SELECT * FROM sqlite_schema WHERE name = '__diesel_schema_migrations')";
    Ok(select(sql::<Bool>(table)).get_result(connection)?)
}

/// A failed migration: Diesel's transaction requires its own error type.
struct Failed(Box<dyn std::error::Error + Send + Sync>);

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Self(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::Text;
    use tempfile::TempDir;

    use super::*;

    fn numbers(connection: &mut SqliteConnection, of: &[&str]) -> Vec<i64> {
        let ask = |name: &&str| {
            let value = sql::<BigInt>(&format!("(SELECT * FROM pragma_{name})"));
            select(value).get_result(connection).unwrap()
        };
        of.iter().map(ask).collect()
    }

    fn journal_mode(connection: &mut SqliteConnection) -> String {
        select(sql::<Text>("(SELECT * FROM pragma_journal_mode)")).get_result(connection).unwrap()
    }

    /// Confirmed changes survive a power cut, and foreign keys are enforced.
    #[test]
    fn every_connection_is_set_up() {
        const NAMES: [&str; 5] = ["synchronous", "foreign_keys", "busy_timeout", "query_only", "secure_delete"];
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions::new(folder.path().join("entrepot.db"));
        let mut writer = writer(&options).unwrap();
        let mut reader = reader(&options).unwrap();
        for connection in [&mut writer, &mut reader] {
            assert_eq!(journal_mode(connection), "wal");
        }
        assert_eq!(numbers(&mut writer, &NAMES), [2, 1, 5_000, 0, 1]);
        assert_eq!(numbers(&mut reader, &NAMES)[..4], [2, 1, 5_000, 1]);
    }

    #[test]
    fn reader_cannot_write() {
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions::new(folder.path().join("entrepot.db"));
        migrate(&mut writer(&options).unwrap()).unwrap();
        let refused = reader(&options).unwrap().batch_execute("DELETE FROM users");
        assert!(refused.is_err_and(|error| error.to_string().contains("readonly")));
    }

    /// A file of the version before tables were recreated, with rows that reference each other.
    #[test]
    fn older_file_keeps_its_rows() {
        const ROWS: &str = "
            INSERT INTO users VALUES (x'00000000000000000000000000000001', 'Ada', 'a@x.io', 'a@x.io', 'p', 1, 0, '', 1, 0, 0, NULL);
            INSERT INTO products VALUES (x'00000000000000000000000000000002', 'MUG', 'Mug', '', 1, 'GBP', 7, 'mug', 3, 0, 0, NULL),
                (x'00000000000000000000000000000003', 'OLD', 'Old', '', 1, 'GBP', 7, 'old', 3, 0, 0, 5);
            INSERT INTO orders VALUES (x'00000000000000000000000000000004', x'00000000000000000000000000000001', 'paid', 1, 'GBP', 1, 0, 0);
            INSERT INTO order_lines VALUES (x'00000000000000000000000000000004', 0, x'00000000000000000000000000000002', 'MUG', 'Mug', 1, 1, 1);
            INSERT INTO audit_entries VALUES (x'00000000000000000000000000000005', 0, 'nobody', NULL, NULL, '::1', 'r', 'product.created',
                'product', x'00000000000000000000000000000002', '[]', NULL);";
        let folder = TempDir::new().unwrap();
        let options = SqliteOptions::new(folder.path().join("entrepot.db"));
        let mut connection = writer(&options).unwrap();
        let mut migrations = connection.pending_migrations(MIGRATIONS).unwrap();
        migrations.retain(|migration| *migration.name().to_string() < *"2026-11-28");
        connection.run_migrations(&migrations).unwrap();
        connection.batch_execute(ROWS).unwrap();

        migrate(&mut connection).unwrap();
        let count = |connection: &mut SqliteConnection, what: &str| -> i64 {
            select(sql::<BigInt>(&format!("(SELECT count(*) FROM {what})"))).get_result(connection).unwrap()
        };
        for (rows, what) in [
            (2, "products"),
            (1, "audit_entries"),
            (1, "order_lines NATURAL JOIN (SELECT id AS product_id FROM products)"),
        ] {
            assert_eq!(count(&mut connection, what), rows, "{what}");
        }
        assert_eq!(numbers(&mut connection, &["foreign_keys"]), [1]);
        assert!(connection.batch_execute("DELETE FROM products").is_err(), "order lines refer to the new table");
    }
}
