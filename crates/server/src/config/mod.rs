//! What the program is told by its environment.

mod file;
mod keys;
mod names;
mod parse;
mod read;
mod secrets;
#[cfg(test)]
mod tests;
mod traces;

use std::{fmt, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use entrepot_domain::Currency;
use entrepot_postgres::PostgresOptions;
use entrepot_redis::RedisOptions;
use entrepot_security::PrivateKey;
use entrepot_telemetry::TraceOptions;
use entrepot_transport::Certificates;
use ipnet::IpNet;

/// Everything that can be set. Every field has the default that the contract names.
#[derive(Clone)]
pub struct Config {
    /// `APP_ENV`.
    pub environment: Environment,
    /// `HOST`.
    pub host: IpAddr,
    /// `PORT`; 0 picks a free one.
    pub port: u16,
    /// `DATA_DIR`.
    pub data_dir: PathBuf,
    /// `DATABASE_URL`, with what else concerns it.
    pub database: Database,
    /// `REDIS_URL`.
    pub redis: Option<RedisOptions>,
    /// The secrets.
    pub secrets: Secrets,
    /// `ACCESS_TOKEN_TTL`.
    pub access_token_ttl: Duration,
    /// `REFRESH_TOKEN_TTL`.
    pub refresh_token_ttl: Duration,
    /// `REFRESH_TOKEN_GRACE`.
    pub refresh_token_grace: Duration,
    /// `BCRYPT_COST`.
    pub bcrypt_cost: u32,
    /// `ALLOWED_ORIGINS`.
    pub allowed_origins: Vec<String>,
    /// `TRUSTED_PROXIES`.
    pub trusted_proxies: Vec<IpNet>,
    /// `RATE_LIMIT_*`; `None` if `RATE_LIMIT=off`.
    pub limits: Option<RateLimits>,
    /// `BODY_LIMIT`, in bytes.
    pub body_limit: usize,
    /// `REQUEST_TIMEOUT`.
    pub request_timeout: Duration,
    /// `SHUTDOWN_GRACE`.
    pub shutdown_grace: Duration,
    /// `SHUTDOWN_TIMEOUT`.
    pub shutdown_timeout: Duration,
    /// What `TLS_CERT` and `TLS_KEY` name.
    pub tls: Option<Arc<Certificates>>,
    /// `CACHE_TTL`; zero turns the cache off.
    pub cache_ttl: Duration,
    /// `LOG_LEVEL`: a filter such as `info,entrepot_sqlite=debug`.
    pub log_level: String,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `OTEL_*`; `None` without `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub traces: Option<TraceOptions>,
    /// `DEFAULT_CURRENCY`.
    pub default_currency: Currency,
}

/// Where everything is kept.
#[derive(Debug, Clone)]
pub enum Database {
    /// In this file.
    Sqlite(PathBuf),
    /// On a server: `postgres://…`, with `DATABASE_REPLICA_URL` and `DB_*`.
    Postgres(Box<PostgresOptions>),
}

/// Where the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On somebody's desk: secrets are made up.
    Development,
    /// For others: secrets must be given.
    Production,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines: one JSON object a line.
    Json,
}

/// The keys of the tokens. Of each list the first signs, and all are believed. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// `JWT_PRIVATE_KEY`; they sign access tokens if there are any.
    pub private: Vec<PrivateKey>,
    /// `JWT_SECRET`, 32 bytes or more each; none is needed where there is a private key.
    pub access: Vec<String>,
    /// `REFRESH_TOKEN_SECRET`, 32 bytes or more each; never empty.
    pub refresh: Vec<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// How often somebody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// `RATE_LIMIT_MAX`: requests of an address.
    pub address: u32,
    /// `RATE_LIMIT_USER_MAX`: requests of a user.
    pub user: u32,
    /// `RATE_LIMIT_AUTH_MAX`: failed logins of an address for an email.
    pub login: u32,
    /// `RATE_LIMIT_WINDOW`.
    pub window: Duration,
}
