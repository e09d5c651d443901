//! The lock of the SQLite file.

use std::fs;

use anyhow::{Context, Result, anyhow};
use entrepot_sqlite::{FileLock, LockError};

use crate::config::{Config, Database};

/// Holds the SQLite file for this server or worker. What one server remembers, another one on the same file could not make it forget
/// in time; commands beside it are few, and noticed. Many servers may share a database of PostgreSQL.
pub(crate) fn lock(config: &Config) -> Result<Option<FileLock>> {
    let Database::Sqlite(database) = &config.database else { return Ok(None) };
    if let Some(folder) = database.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    match FileLock::acquire(database) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Taken(database)) => {
            let database = database.display();
            Err(anyhow!(
                "another entrepot serves {database} already; stop it, or set DATA_DIR to another folder. A file has one \
                 process, which serves and runs the jobs; for several set DATABASE_URL to postgres://…"
            ))
        }
        Err(other) => Err(other.into()),
    }
}
