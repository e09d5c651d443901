//! `entrepot migrate`

use entrepot_sqlite::pending_migrations;

use super::{Failure, print_line};
use crate::{compose, config::Config};

pub(super) fn migrate(config: &Config, check: bool) -> Result<(), Failure> {
    let pending = pending_migrations(&config.database).map_err(Failure::failed)?;
    if check {
        return if pending.is_empty() {
            print_line("the schema is up to date");
            Ok(())
        } else {
            let count = pending.len();
            Err(Failure::Failed(format!("the schema needs {count} more migrations; run entrepot migrate")))
        };
    }
    compose::open(config).map_err(Failure::failed)?.close();
    print_line(&format!("the schema is up to date; {} migrations were needed", pending.len()));
    Ok(())
}
