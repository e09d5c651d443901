//! Misspelt names of settings.

/// The setting that was probably meant by a name that is none: the nearest one, if few letters differ.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Of short names too many words are near.
    let max_distance = if name.len() < 8 { 1 } else { 2 };
    let name = name.to_ascii_uppercase();
    let distances = known.into_iter().map(|known| (strsim::osa_distance(&name, known), known));
    let (distance, nearest) = distances.min()?;
    (distance <= max_distance).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_name_has_a_nearest_setting() {
        let known = ["PORT", "HOST", "REDIS_URL", "DATABASE_URL", "DATABASE_REPLICA_URL", "LOG_LEVEL", "JWT_SECRET"];
        for (name, meant) in [
            ("REDIS_ULR", "REDIS_URL"),
            ("redis_url", "REDIS_URL"),
            ("DATABASEURL", "DATABASE_URL"),
            ("DATABSE_ULR", "DATABASE_URL"),
            ("LOGLEVEL", "LOG_LEVEL"),
            ("JWT_SECRETS", "JWT_SECRET"),
            ("PROT", "PORT"),
        ] {
            assert_eq!(nearest(name, known), Some(meant), "{name}");
        }
        for name in
            ["POSTGRES_PASSWORD", "PATH", "HOME", "NODE_ENV", "COMPOSE_PROJECT_NAME", "PGHOST", "LOG_FILE", "TZ"]
        {
            assert_eq!(nearest(name, known), None, "{name}");
        }
    }
}
