//! `entrepot migrate`

use super::{Failure, print_line};
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
            let count = pending.len();
            Err(Failure::Failed(format!("the schema needs {count} more migrations; run entrepot migrate")))
        };
    }
    Backend::open(config).map_err(Failure::failed)?.close();
    print_line(&format!("the schema is up to date; {} migrations were needed", pending.len()));
    Ok(())
}
