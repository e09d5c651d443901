//! The options of a store.

use std::{collections::HashMap, path::PathBuf, str::FromStr, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use crate::tls::Verify;

/// The options of a store.
#[derive(Clone)]
pub struct PostgresOptions {
    pub(crate) config: Config,
    pub(crate) verify: Verify,
    pub(crate) root_certificates: Option<PathBuf>,
    pub(crate) behind_pgbouncer: bool,
    pub(crate) replica: Option<Box<Self>>,
    pub(crate) pool_max: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) writers: usize,
}

/// The division of the pool; health checks have one more connection.
pub(crate) struct Shares {
    /// For placing orders.
    pub(crate) orders: usize,
    /// For claiming jobs and writing their outcomes.
    pub(crate) jobs: usize,
    /// For everything else.
    pub(crate) shared: usize,
}

/// The time-outs of the server: of a statement (the same as of a request), of waiting for a lock, and of a transaction
/// left open by a dead client.
pub(crate) const SERVER_TIMEOUTS: [(&str, &str); 3] =
    [("statement_timeout", "30s"), ("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "5s")];

impl PostgresOptions {
    /// Reads a URL like `postgres://user:password@host:5432/database?sslmode=verify-full`.
    ///
    /// Beside what libpq knows of them (several hosts, `application_name`, `target_session_attrs` …) it takes
    /// `sslmode=disable|prefer|require|verify-ca|verify-full`, `sslrootcert=FILE` (else the machine's certificates are
    /// believed), and `pgbouncer=true`, which keeps every statement inside a transaction and prepares none for longer:
    /// what PgBouncer wants in its transaction mode. The error is a sentence without the password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ours = HashMap::new();
        let mut theirs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some((name @ ("sslmode" | "sslrootcert" | "pgbouncer"), value)) => drop(ours.insert(name, value)),
                _ => theirs.push(pair),
            }
        }
        let plain = if theirs.is_empty() { base.to_owned() } else { format!("{base}?{}", theirs.join("&")) };
        // The messages of tokio-postgres contain the name of the option, never a value.
        let mut config =
            Config::from_str(&plain).map_err(|why| format!("cannot be read: {:#}", anyhow::Error::new(why)))?;
        if config.get_hosts().is_empty() {
            return Err("must name a host".to_owned());
        }
        let (mode, verify) = match ours.get("sslmode").copied().unwrap_or("prefer") {
            "disable" => (SslMode::Disable, Verify::Nothing),
            "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
            "require" => (SslMode::Require, Verify::Nothing),
            "verify-ca" => (SslMode::Require, Verify::Authority),
            "verify-full" => (SslMode::Require, Verify::Full),
            _ => return Err("has an unknown sslmode; it is disable, prefer, require, verify-ca or verify-full".into()),
        };
        let behind_pgbouncer = match ours.get("pgbouncer").copied().unwrap_or("false") {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err("has a pgbouncer that is neither true nor false".to_owned()),
        };
        config.ssl_mode(mode);
        if config.get_application_name().is_none() {
            config.application_name("entrepot");
        }
        Ok(Self {
            config,
            verify,
            root_certificates: ours.get("sslrootcert").map(PathBuf::from),
            behind_pgbouncer,
            replica: None,
            pool_max: 20,
            idle_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(2),
            writers: 1,
        })
    }

    /// Sets the maximum number of connections. At least one places orders, one works on jobs, one does everything else,
    /// and one checks the server.
    #[must_use]
    pub fn pool_max(mut self, connections: usize) -> Self {
        self.pool_max = connections;
        self
    }

    /// Sets after which time an unused connection is closed.
    #[must_use]
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = time;
        self
    }

    /// Sets how long to wait for a connection, new or in use, and for an answer to a health check before the server is
    /// considered unavailable.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = time;
        self
    }

    /// Sets a replica, which serves lists as long as it has caught up (see [`PostgresStore`](crate::PostgresStore)).
    #[must_use]
    pub fn replica(mut self, replica: Option<Self>) -> Self {
        self.replica = replica.map(Box::new);
        self
    }

    /// Sets the number of concurrent statements that place orders; one by default, limited by the pool.
    #[must_use]
    pub fn writers(mut self, writers: usize) -> Self {
        self.writers = writers;
        self
    }

    /// The division of the pool.
    pub(crate) fn shares(&self) -> Shares {
        let orders = self.writers.min(self.pool_max / 4).max(1);
        let jobs = if self.pool_max < 8 { 1 } else { 2 };
        Shares { orders, jobs, shared: self.pool_max.saturating_sub(orders + jobs + 1).max(1) }
    }

    /// The database for error messages: `shop at db.example`.
    pub(crate) fn place(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let name = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        format!("{name} at {}", hosts.collect::<Vec<_>>().join(", "))
    }

    /// The configuration of new sessions.
    pub(crate) fn for_session(&self) -> Config {
        let mut config = self.config.clone();
        config.connect_timeout(self.connect_timeout).keepalives_idle(Duration::from_secs(30));
        if !self.behind_pgbouncer {
            let ours = SERVER_TIMEOUTS.iter().map(|(name, value)| format!("-c {name}={value}"));
            let all: Vec<_> = ours.chain(config.get_options().map(str::to_owned)).collect();
            config.options(all.join(" "));
        }
        config
    }
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions").field("database", &self.config.get_dbname()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sslmode_of_a_url_sets_the_checks() {
        let verify = |url: &str| {
            let options = PostgresOptions::parse(url).unwrap();
            (options.config.get_ssl_mode(), options.verify)
        };
        assert_eq!(verify("postgres://u:p@h/d"), (SslMode::Prefer, Verify::Nothing));
        assert_eq!(verify("postgres://h/d?sslmode=disable"), (SslMode::Disable, Verify::Nothing));
        assert_eq!(verify("postgres://h/d?sslmode=require"), (SslMode::Require, Verify::Nothing));
        assert_eq!(verify("postgresql://h/d?sslmode=verify-ca"), (SslMode::Require, Verify::Authority));
        assert_eq!(
            verify("postgres://h/d?application_name=x&sslmode=verify-full&sslrootcert=/ca.pem"),
            (SslMode::Require, Verify::Full)
        );
    }

    #[test]
    fn parse_error_does_not_contain_the_password() {
        for bad in [
            "postgres://u:geheim@h/d?sslmode=maybe",
            "postgres://u:geheim@h/d?pgbouncer=perhaps",
            "postgres://u:geheim@h/d?nonsense=1",
            "postgres://u:geheim@h:port/d",
            "mysql://u:geheim@h/d",
        ] {
            let why = PostgresOptions::parse(bad).unwrap_err();
            assert!(!why.contains("geheim"), "{bad}: {why}");
        }
    }
}
