//! `entrepot doctor`

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use chrono::{DateTime, Utc};
use entrepot_domain::Clock;
use entrepot_memory::SystemClock;

use super::{Failure, print_line};
use crate::{
    backend,
    config::{Config, Database, Environment, Secrets},
};

/// How long before its end a certificate should be renewed.
const RENEW: Duration = Duration::from_hours(14 * 24);

/// What was found of one thing: a word when all is well, or what is wrong and how to mend it.
type Finding = Result<String, String>;

pub(super) fn doctor() -> Result<(), Failure> {
    let config = match Config::from_environment() {
        Ok(config) => config,
        Err(mistakes) => {
            for mistake in mistakes {
                report("configuration", &Err(mistake));
            }
            return Err(Failure::Usage(vec!["the configuration has to be mended before anything else".to_owned()]));
        }
    };
    let mut findings = vec![
        ("configuration", Ok(environment(&config))),
        ("keys", Ok(keys(&config.secrets))),
        ("data folder", folder(&config.data_dir)),
        ("address", address(&config)),
        ("database", database(&config)),
    ];
    findings.extend(certificate(&config).map(|finding| ("certificate", finding)));
    findings.extend(redis(&config).map(|finding| ("redis", finding)));
    for (what, finding) in &findings {
        report(what, finding);
    }
    match findings.iter().filter(|(_, finding)| finding.is_err()).count() {
        0 => Ok(()),
        1 => Err(Failure::Failed("one thing is wrong".to_owned())),
        many => Err(Failure::Failed(format!("{many} things are wrong"))),
    }
}

fn report(what: &str, finding: &Finding) {
    match finding {
        Ok(word) => print_line(&format!("ok     {what}: {word}")),
        Err(why) => print_line(&format!("wrong  {what}: {why}")),
    }
}

fn environment(config: &Config) -> String {
    match config.environment {
        Environment::Development => "for development; set APP_ENV=production where others depend on it".to_owned(),
        Environment::Production => "for production".to_owned(),
    }
}

/// Which keys sign, by their names in tokens, and how many others are believed.
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

fn folder(folder: &Path) -> Finding {
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let tried = fs::create_dir_all(folder).and_then(|()| fs::write(&probe, "")).and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) => Ok(format!("{} can be written to", folder.display())),
        Err(why) => {
            let folder = folder.display();
            Err(format!("{folder} cannot be written to ({why}); mend its rights, or set DATA_DIR to another one"))
        }
    }
}

fn address(config: &Config) -> Finding {
    let address = SocketAddr::new(config.host, config.port);
    match TcpListener::bind(address) {
        Ok(_) => Ok(format!("{address} is free")),
        Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
            Ok(format!("{address} is taken, by a running entrepot perhaps; else set PORT to another one"))
        }
        Err(why) => Err(format!("cannot listen on {address} ({why}); set HOST and PORT to what this machine has")),
    }
}

fn database(config: &Config) -> Finding {
    let (pending, name) = match &config.database {
        Database::Sqlite(path) => (entrepot_sqlite::pending_migrations(path), "DATA_DIR"),
        Database::Postgres(options) => (entrepot_postgres::pending_migrations(options), "DATABASE_URL"),
    };
    match pending {
        Ok(pending) if pending.is_empty() => Ok("can be reached, and its schema is up to date".to_owned()),
        Ok(pending) => {
            Ok(format!("{} migrations are pending, which serve runs, and entrepot migrate too", pending.len()))
        }
        Err(why) => Err(format!("{why:#}; see to the database, or to {name}")),
    }
}

fn certificate(config: &Config) -> Option<Finding> {
    let ends = DateTime::<Utc>::from(config.tls.as_ref()?.ends());
    let date = ends.format("%Y-%m-%d");
    Some(match (ends - SystemClock.now()).to_std() {
        Err(_) => Err(format!("it ended on {date}; put a new one where TLS_CERT and TLS_KEY name it")),
        Ok(left) if left < RENEW => Ok(format!("fits its key, but ends on {date}; it is time to renew it")),
        Ok(_) => Ok(format!("fits its key, and ends on {date}")),
    })
}

fn redis(config: &Config) -> Option<Finding> {
    let options = config.redis.as_ref()?;
    Some(match backend::ask_redis(options) {
        Ok(()) => Ok("answers".to_owned()),
        Err(why) => Err(format!(
            "{why:#}; see to it, or to REDIS_URL. The service goes on without it, but each instance for itself"
        )),
    })
}
