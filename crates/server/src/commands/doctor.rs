//! `entrepot doctor`

use std::{
    fs::{self, File},
    io::{self, Read},
    net::{SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use anyhow::Context;
use chrono::{DateTime, Utc};
use entrepot_domain::{Clock, HealthCheck};
use entrepot_memory::SystemClock;
use entrepot_postgres::{PostgresOptions, PostgresStore};
use tokio::runtime::Builder;

use super::{Failure, counted, print_line};
use crate::{
    backend,
    config::{Config, Database, Environment, Secrets},
};

/// How long before its end a certificate should be renewed.
const RENEWAL_PERIOD: Duration = Duration::from_hours(14 * 24);

/// How much free space a disk should have.
const MIN_FREE_BYTES: u64 = 200 << 20;

/// How much is written to find out whether there is room: more than the journal of a small change.
const PROBE_BYTES: u64 = 64 << 10;

/// What was found out about one thing.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    Ok(String),
    /// It works, but not for long perhaps.
    Warning(String),
    /// What is wrong and how to fix it.
    Wrong(String),
}

impl From<Result<String, String>> for Finding {
    fn from(result: Result<String, String>) -> Self {
        result.map_or_else(Self::Wrong, Self::Ok)
    }
}

pub(super) fn doctor() -> Result<(), Failure> {
    let config = match Config::from_environment() {
        Ok(config) => config,
        Err(mistakes) => {
            for mistake in mistakes {
                report("configuration", &Finding::Wrong(mistake));
            }
            return Err(Failure::Usage(vec!["the configuration has to be fixed before anything else".to_owned()]));
        }
    };
    let mut findings = vec![
        ("configuration", Finding::Ok(environment(&config))),
        ("keys", Finding::Ok(keys(&config.secrets))),
        ("data folder", folder(&config.data_dir, "DATA_DIR")),
    ];
    findings.extend(database_folder(&config).map(|finding| ("database folder", finding)));
    findings.extend([("address", address(&config).into()), ("database", database(&config).into())]);
    findings.extend(search(&config).map(|finding| ("search", finding)));
    findings.extend(certificate(&config).map(|finding| ("certificate", finding)));
    findings.extend(redis(&config).map(|finding| ("redis", finding.into())));
    findings.extend([("mail", mail(&config)), ("links in mails", links(&config))]);
    findings.push(("unpaid orders", Finding::Ok(unpaid_orders(&config))));
    for (what, finding) in &findings {
        report(what, finding);
    }
    match findings.iter().filter(|(_, finding)| matches!(finding, Finding::Wrong(_))).count() {
        0 => Ok(()),
        1 => Err(Failure::Failed("one thing is wrong".to_owned())),
        many => Err(Failure::Failed(format!("{many} things are wrong"))),
    }
}

fn report(what: &str, finding: &Finding) {
    match finding {
        Finding::Ok(text) => print_line(&format!("ok     {what}: {text}")),
        Finding::Warning(text) => print_line(&format!("warn   {what}: {text}")),
        Finding::Wrong(text) => print_line(&format!("wrong  {what}: {text}")),
    }
}

fn unpaid_orders(config: &Config) -> String {
    match config.order_pending_ttl {
        Some(ttl) => format!("cancelled after {ttl:?} by a job of entrepot serve, or of entrepot worker"),
        None => "wait for ever; ORDER_PENDING_TTL=30m would cancel them after half an hour".to_owned(),
    }
}

fn environment(config: &Config) -> String {
    match config.environment {
        Environment::Development => "for development; set APP_ENV=production where others depend on it".to_owned(),
        Environment::Production => "for production".to_owned(),
    }
}

/// Which keys sign, by their names in tokens, and how many others verify.
fn keys(secrets: &Secrets) -> String {
    let others = |count: usize| match count {
        0 | 1 => "no other key is believed".to_owned(),
        2 => "one older key is believed too".to_owned(),
        many => format!("{} older keys are believed too", many - 1),
    };
    let refresh = format!("refresh tokens by REFRESH_TOKEN_SECRET ({})", others(secrets.refresh.len()));
    let known = secrets.private.len() + secrets.access.len();
    match secrets.private.first() {
        Some(key) => format!(
            "access tokens are signed with Ed25519 by JWT_PRIVATE_KEY, key {} ({}), {refresh}",
            key.public().id,
            others(known)
        ),
        None => format!("access tokens are signed with HS256 by JWT_SECRET ({}), {refresh}", others(known)),
    }
}

/// Writes to a folder, and looks how much more could be written.
fn folder(folder: &Path, setting: &str) -> Finding {
    let written = fs::create_dir_all(folder).and_then(|()| write_probe(folder));
    let shown = folder.display();
    match written.and_then(|()| free_bytes(folder)) {
        Ok(free) => writable(folder, setting, free),
        Err(why) if matches!(why.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
            Finding::Wrong(format!("{shown} cannot be written to: its disk is full ({why}); make room there"))
        }
        Err(why) => Finding::Wrong(format!(
            "{shown} cannot be written to ({why}); change its permissions, or set {setting} to another one"
        )),
    }
}

fn writable(folder: &Path, setting: &str, free_bytes: u64) -> Finding {
    let shown = folder.display();
    if free_bytes >= MIN_FREE_BYTES {
        return Finding::Ok(format!("{shown} can be written to"));
    }
    let megabytes = free_bytes >> 20;
    Finding::Warning(format!(
        "{shown} can be written to, but its disk has only {megabytes} MB left; make room there, or set {setting} to \
         another one"
    ))
}

fn write_probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let mut file = File::create(&path)?;
    // Some file systems only notice at the flush that the disk is full.
    let written = io::copy(&mut io::repeat(0).take(PROBE_BYTES), &mut file).and_then(|_| file.sync_all());
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// The space that is left for those who are not root.
fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The folder of an SQLite file that is not in the data folder.
fn database_folder(config: &Config) -> Option<Finding> {
    let Database::Sqlite(file) = &config.database else { return None };
    let parent = file.parent()?;
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    (parent != config.data_dir).then(|| folder(parent, "DATABASE_URL"))
}

fn address(config: &Config) -> Result<String, String> {
    let address = SocketAddr::new(config.host, config.port);
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
            Ok(format!("{address} is taken, perhaps by a running entrepot; if not, set PORT to another one"))
        }
        Err(why) => Err(format!("cannot listen on {address} ({why}); set HOST and PORT to what this machine has")),
    }
}

fn database(config: &Config) -> Result<String, String> {
    let (pending, setting) = match &config.database {
        Database::Sqlite(path) => (entrepot_sqlite::pending_migrations(path), "DATA_DIR"),
        Database::Postgres(options) => {
            (entrepot_postgres::pending_migrations(options).and_then(|pending| write(options, pending)), "DATABASE_URL")
        }
    };
    match pending {
        Ok(pending) if pending.is_empty() => Ok("can be reached, and its schema is up to date".to_owned()),
        Ok(pending) => {
            let (count, verb) = (pending.len(), if pending.len() == 1 { "is" } else { "are" });
            Ok(format!("{} {verb} pending; serve runs them, and entrepot migrate does", counted(count, "migration")))
        }
        Err(why) => Err(format!("{why:#}; check the database, or {setting}")),
    }
}

/// Checks that a server takes writes, once its schema is up to date.
fn write(options: &PostgresOptions, pending: Vec<String>) -> anyhow::Result<Vec<String>> {
    if !pending.is_empty() {
        return Ok(pending);
    }
    let store = PostgresStore::open(options)?;
    let written = futures_executor::block_on(store.check_writes());
    store.close();
    written.context("can be read, but not written to")?;
    Ok(pending)
}

/// Whether products are searched by an index, which PostgreSQL has only with an extension. Nothing of a server that
/// cannot be asked: that is told of the database.
fn search(config: &Config) -> Option<Finding> {
    let Database::Postgres(options) = &config.database else { return None };
    if !entrepot_postgres::pending_migrations(options).ok()?.is_empty() {
        return None;
    }
    Some(if entrepot_postgres::has_search_index(options).ok()? {
        Finding::Ok("products are found by an index".to_owned())
    } else {
        Finding::Warning(
            "reads every product, for the database has no pg_trgm; have an administrator run CREATE EXTENSION pg_trgm \
             in it (it is in PostgreSQL's contrib package), then run entrepot migrate"
                .to_owned(),
        )
    })
}

fn certificate(config: &Config) -> Option<Finding> {
    let ends = DateTime::<Utc>::from(config.tls.as_ref()?.expires_at());
    let date = ends.format("%Y-%m-%d");
    Some(match (ends - SystemClock.now()).to_std() {
        Err(_) => Finding::Wrong(format!("it ended on {date}; put a new one where TLS_CERT and TLS_KEY name it")),
        Ok(left) if left < RENEWAL_PERIOD => {
            Finding::Warning(format!("fits its key, but ends on {date}; it is time to renew it"))
        }
        Ok(_) => Finding::Ok(format!("fits its key, and ends on {date}")),
    })
}

fn redis(config: &Config) -> Option<Result<String, String>> {
    let options = config.redis.as_ref()?;
    Some(match backend::check_redis(options) {
        Ok(()) => Ok("answers".to_owned()),
        Err(why) => Err(format!(
            "{why:#}; check the server, or REDIS_URL. The service works without it, but each instance for itself"
        )),
    })
}

/// Whether mails can be sent: a connection, TLS and a login as for a mail.
fn mail(config: &Config) -> Finding {
    let Some(smtp) = &config.mail.smtp else {
        return Finding::Ok(format!(
            "written to {} as .eml files; set SMTP_URL to send them",
            config.outbox().display()
        ));
    };
    let checked = Builder::new_current_thread().enable_all().build().map_err(Into::into);
    match checked.and_then(|runtime| runtime.block_on(smtp.check())) {
        Ok(()) => Finding::Ok("the SMTP server takes mails".to_owned()),
        Err(why) => {
            Finding::Wrong(format!("{why:#}; check the SMTP server, or SMTP_URL. Mails wait until it is there"))
        }
    }
}

fn links(config: &Config) -> Finding {
    match &config.mail.public_url {
        Some(url) => Finding::Ok(format!("lead to {url}")),
        None if config.environment == Environment::Production => {
            Finding::Warning("lead to this server itself; set PUBLIC_URL to where its users find the site".to_owned())
        }
        None => Finding::Ok(format!("lead to {}; PUBLIC_URL would change that", config.public_url(config.port))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_is_written_to() {
        let data = tempfile::tempdir().unwrap();
        assert!(!matches!(folder(&data.path().join("new"), "DATA_DIR"), Finding::Wrong(_)));
        assert_eq!(fs::read_dir(data.path().join("new")).unwrap().count(), 0, "the probe was left behind");
        assert!(free_bytes(data.path()).unwrap() > 0);
        let file = data.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(folder(&file, "DATA_DIR"), Finding::Wrong(why) if why.contains("set DATA_DIR")));
    }

    #[test]
    fn little_free_space_is_a_warning() {
        let finding = |free| writable(Path::new("/data"), "DATA_DIR", free);
        assert_eq!(finding(200 << 20), Finding::Ok("/data can be written to".to_owned()));
        assert!(matches!(finding((200 << 20) - 1), Finding::Warning(text) if text.contains("only 199 MB left")));
    }

    #[test]
    fn only_a_database_elsewhere_has_a_folder_of_its_own() {
        let data = tempfile::tempdir().unwrap();
        let config = |url: Option<String>| {
            Config::from_vars(&|name| match name {
                "DATA_DIR" => Some(data.path().to_str().unwrap().to_owned()),
                "DATABASE_URL" => url.clone(),
                _ => None,
            })
        };
        assert_eq!(database_folder(&config(None).unwrap()), None);
        let elsewhere = format!("sqlite://{}/shop.db", data.path().join("elsewhere").display());
        assert!(database_folder(&config(Some(elsewhere)).unwrap()).is_some());
    }
}
