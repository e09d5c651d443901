//! The schema.

use anyhow::{Context, Result, anyhow};
use diesel::{QueryResult, result::Error};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::time::timeout;

use super::{pool::Connector, refold};
use crate::PostgresOptions;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Makes the index of searches, where that can be done and is not done yet: the extension that it takes may come later
/// than the migration.
const SEARCH_INDEX: &str = include_str!("../../../../migrations/postgres/2026-11-28-200000_product_search/up.sql");

/// Names the lock that whoever changes the schema holds: "entrepot" in ASCII.
const LOCK: i64 = 0x656e_7472_6570_6f74;

/// Brings the schema up to date, all of it or nothing, and says how many migrations that took. Safe from many instances
/// at once: one does it, the others wait. Blocks; not to be called from a thread of an async runtime.
pub fn migrate(options: &PostgresOptions) -> Result<usize> {
    with_connection(options, |mut connection| {
        use diesel::{
            Connection,
            connection::{CacheSize, SimpleConnection},
        };
        // Each transaction deallocates its statements.
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        refold::refold(&mut connection, begin).context("emails and search texts could not be folded again")?;
        let run = connection.transaction(|connection| {
            begin(connection)?;
            let run = connection.run_pending_migrations(MIGRATIONS).map_err(Error::QueryBuilderError)?.len();
            connection.batch_execute(SEARCH_INDEX)?;
            Ok::<_, Error>(run)
        });
        run.context("the schema could not be brought up to date")
    })
}

/// The beginning of a transaction that changes the schema or what is in it.
fn begin(connection: &mut AsyncConnectionWrapper<AsyncPgConnection>) -> QueryResult<()> {
    use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query};
    // Of the transaction and not of the session, which behind PgBouncer is nobody's.
    connection.batch_execute("DEALLOCATE ALL; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
    sql_query(format!("SELECT pg_advisory_xact_lock({LOCK})")).execute(connection)?;
    Ok(())
}

/// The names of the migrations that [`migrate`] would run. Changes nothing. Blocks, as that does.
pub fn pending_migrations(options: &PostgresOptions) -> Result<Vec<String>> {
    use diesel::migration::{Migration, MigrationSource};
    with_connection(options, |mut connection| {
        use diesel::{Connection, RunQueryDsl, connection::SimpleConnection, dsl::sql, select, sql_types::Bool};
        let pending = connection.transaction(|connection| {
            connection.batch_execute("DEALLOCATE ALL")?;
            // Asking diesel would make its table.
            let known = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
            let pending = if select(known).get_result(connection)? {
                connection.pending_migrations(MIGRATIONS)
            } else {
                MIGRATIONS.migrations()
            };
            pending.map_err(Error::QueryBuilderError)
        });
        let pending = pending.context("cannot look at the schema")?;
        Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
    })
}

/// Whether searches of products have their index. Blocks, as [`migrate`] does.
pub fn has_search_index(options: &PostgresOptions) -> Result<bool> {
    with_connection(options, |mut connection| {
        use diesel::{Connection, RunQueryDsl, connection::SimpleConnection, dsl::sql, select, sql_types::Bool};
        let has_index = connection.transaction(|connection| {
            connection.batch_execute("DEALLOCATE ALL")?;
            let index =
                "EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('products_by_search') AND indisvalid)";
            select(sql::<Bool>(index)).get_result(connection)
        });
        has_index.context("cannot look at the schema")
    })
}

/// A connection for diesel's migrations, which know no async; on a thread and a runtime of its own. An index on a large
/// table may take its time.
fn with_connection<T: Send>(
    options: &PostgresOptions,
    work: impl FnOnce(AsyncConnectionWrapper<AsyncPgConnection>) -> Result<T> + Send,
) -> Result<T> {
    let on_thread = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let connect = async {
            let connection = Connector::new(options, String::new())?.connect().await?;
            anyhow::Ok(connection.into_diesel())
        };
        // A server that hangs lets anybody in and says nothing, which no time-out of a socket notices.
        let hosts = u32::try_from(options.config.get_hosts().len()).unwrap_or(1);
        let limit = options.connect_timeout * hosts;
        let connection = runtime.block_on(async { timeout(limit, connect).await });
        let connection = connection.unwrap_or_else(|_| Err(anyhow!("no answer in {limit:?}")));
        let _inside = runtime.enter();
        work(AsyncConnectionWrapper::from(
            connection.with_context(|| format!("cannot reach the database {}", options.place()))?,
        ))
    };
    std::thread::scope(|scope| scope.spawn(on_thread).join().map_err(|_| anyhow!("a migration panicked"))?)
}
