//! `entrepot migrate`

use super::{Failure, counted, print_line};
use crate::{
    backend::Backend,
    config::{Config, Database},
};

pub(super) fn migrate(config: &Config, check: bool) -> Result<(), Failure> {
    let pending = match &config.database {
        Database::Sqlite(path) => entrepot_sqlite::pending_migrations(path),
        Database::Postgres(options) => entrepot_postgres::pending_migrations(options),
    };
    let pending = pending.map_err(Failure::failed)?;
    if check {
        return if pending.is_empty() {
            print_line("the schema is up to date");
            Ok(())
        } else {
            let needed = counted(pending.len(), "more migration");
            Err(Failure::Failed(format!("the schema needs {needed}; run entrepot migrate")))
        };
    }
    Backend::open(config).map_err(Failure::failed)?.close();
    print_line(&format!("the schema is up to date; ran {}", counted(pending.len(), "migration")));
    Ok(())
}
