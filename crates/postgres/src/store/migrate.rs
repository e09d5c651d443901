//! Migrations of the schema.

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

/// The advisory lock of schema changes: "entrepot" in ASCII.
const LOCK: i64 = 0x656e_7472_6570_6f74;

/// Migrates the schema, completely or not at all, and returns the number of migrations. Safe from several instances at
/// once: one does it, the others wait. Blocks; must not be called from a thread of an async runtime.
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

/// Begins a transaction that changes the schema or its data.
fn begin(connection: &mut AsyncConnectionWrapper<AsyncPgConnection>) -> QueryResult<()> {
    use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query};
    // Settings of the transaction and not of the session, which behind PgBouncer is shared.
    connection.batch_execute("DEALLOCATE ALL; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")?;
    sql_query(format!("SELECT pg_advisory_xact_lock({LOCK})")).execute(connection)?;
    Ok(())
}

/// Returns the names of pending migrations. Changes nothing. Blocks like [`migrate`].
pub fn pending_migrations(options: &PostgresOptions) -> Result<Vec<String>> {
    use diesel::migration::{Migration, MigrationSource};
    with_connection(options, |mut connection| {
        use diesel::{Connection, RunQueryDsl, connection::SimpleConnection, dsl::sql, select, sql_types::Bool};
        let pending = connection.transaction(|connection| {
            connection.batch_execute("DEALLOCATE ALL")?;
            // Diesel's method would create its table.
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

/// Runs work on a blocking connection for diesel's migrations, in its own thread and runtime. An index on a large table
/// may take long.
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
        // A server that hangs accepts connections and sends nothing, which no socket time-out detects.
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
