//! The settings, from the environment and the file `.env`.
//!
//! - `read`: reads all settings and collects all mistakes
//! - `endpoint`: reads only those that say where a server listens
//! - `parse`: durations, sizes, origins and networks
//! - `file`: the file `.env`
//! - `names`: misspelt names
//! - `mail`: how mails are sent
//! - `keys`: the keys of tokens that are given
//! - `secrets`: the secrets that are generated in development
//! - `traces`: where traces are sent

mod endpoint;
mod file;
mod keys;
mod mail;
mod names;
mod parse;
mod read;
mod secrets;
#[cfg(test)]
mod tests;
mod traces;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

pub use endpoint::Endpoint;
use entrepot_domain::Currency;
use entrepot_mail::{Sender, SmtpOptions};
use entrepot_postgres::PostgresOptions;
use entrepot_redis::RedisOptions;
use entrepot_security::PrivateKey;
use entrepot_telemetry::TraceOptions;
use entrepot_transport::Certificates;
use ipnet::IpNet;

/// All settings. The defaults are those of the README.
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
    /// `DATABASE_URL`, `DATABASE_REPLICA_URL` and `DB_*`.
    pub database: Database,
    /// `REDIS_URL`.
    pub redis: Option<RedisOptions>,
    /// `JWT_PRIVATE_KEY`, `JWT_SECRET` and `REFRESH_TOKEN_SECRET`.
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
    /// The files of `TLS_CERT` and `TLS_KEY`.
    pub tls: Option<Arc<Certificates>>,
    /// `CACHE_TTL`; zero turns the cache off.
    pub cache_ttl: Duration,
    /// `LOG_LEVEL`: a filter such as `info,entrepot_sqlite=debug`.
    pub log_level: String,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `OTEL_*`; `None` without `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub traces: Option<TraceOptions>,
    /// `ORDER_PENDING_TTL`; `None` lets unpaid orders wait for ever.
    pub order_pending_ttl: Option<Duration>,
    /// `EVENT_RETENTION`.
    pub event_retention: Duration,
    /// `WEBHOOK_ALLOW_PRIVATE`: whether webhooks may lead to private addresses.
    pub webhook_allow_private: bool,
    /// `SMTP_URL`, `MAIL_FROM` and `PUBLIC_URL`.
    pub mail: MailConfig,
    /// `DEFAULT_CURRENCY`.
    pub default_currency: Currency,
}

impl Config {
    /// The folder that mails are written to without an SMTP server.
    pub fn outbox(&self) -> PathBuf {
        self.data_dir.join("outbox")
    }

    /// What links in mails begin with. Without `PUBLIC_URL` that is where the server listens.
    pub fn public_url(&self, port: u16) -> String {
        if let Some(url) = &self.mail.public_url {
            return url.clone();
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        if self.host.is_unspecified() {
            return format!("{scheme}://localhost:{port}");
        }
        format!("{scheme}://{}", SocketAddr::new(self.host, port))
    }
}

/// How mails are sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `SMTP_URL`; `None` writes mails to files.
    pub smtp: Option<SmtpOptions>,
    /// `MAIL_FROM`.
    pub sender: Sender,
    /// `PUBLIC_URL`; `None` is where the server listens.
    pub public_url: Option<String>,
}

/// The kind of store.
#[derive(Debug, Clone)]
pub enum Database {
    /// This file.
    Sqlite(PathBuf),
    /// A server: `postgres://…`, with `DATABASE_REPLICA_URL` and `DB_*`.
    Postgres(Box<PostgresOptions>),
}

/// What the program is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// Development: missing secrets are generated.
    Development,
    /// Production: secrets must be set.
    Production,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The keys of tokens. The first of each list signs, and all verify. Never printed.
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

/// How many requests are allowed in a window.
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
