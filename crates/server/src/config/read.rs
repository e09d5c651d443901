//! Reading the environment, with all mistakes at once.

use std::{
    collections::HashMap,
    io::IsTerminal,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Config, Environment, LogFormat, RateLimits, Secrets, parse, secrets};

/// Names of the contract whose parts this version does not have. Set, they are mistakes: who sets them relies on them.
const NOT_YET: [(&str, &str); 12] = [
    ("DATABASE_REPLICA_URL", "read replicas"),
    ("REDIS_URL", "Redis adapter"),
    ("DB_POOL_MAX", "connection pool"),
    ("DB_IDLE_TIMEOUT", "connection pool"),
    ("DB_CONNECT_TIMEOUT", "connection pool"),
    ("ORDER_PENDING_TTL", "background jobs"),
    ("TLS_CERT", "TLS of its own"),
    ("TLS_KEY", "TLS of its own"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "traces"),
    ("SMTP_URL", "mail"),
    ("MAIL_FROM", "mail"),
    ("WEBHOOK_ALLOW_PRIVATE", "webhooks"),
];

/// The fewest bytes of a secret (RFC 7518 3.2: as many as the hash has).
const SECRET_BYTES: usize = 32;

impl Config {
    /// Reads the environment, and the file `.env` of the working directory behind it.
    pub fn from_environment() -> Result<Self, Vec<String>> {
        let file = match dotenvy::from_path_iter(Path::new(".env")) {
            Err(error) if error.not_found() => HashMap::new(),
            Err(error) => return Err(vec![format!(".env cannot be read: {error}")]),
            Ok(lines) => {
                lines.collect::<Result<_, _>>().map_err(|error| vec![format!(".env cannot be read: {error}")])?
            }
        };
        Self::from_vars(&|name| std::env::var(name).ok().or_else(|| file.get(name).cloned()))
    }

    /// Reads whatever `get` says of each name; all mistakes come back at once, a sentence each.
    pub fn from_vars(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut vars = Vars { get, mistakes: Vec::new() };
        vars.refuse_what_is_not_there_yet();
        let environment = vars.read("APP_ENV", Environment::Development, environment);
        let data_dir = vars.read("DATA_DIR", PathBuf::from("./data"), |text| Ok(PathBuf::from(text)));
        let config = Self {
            host: vars.read("HOST", [127, 0, 0, 1].into(), |text| {
                text.parse().map_err(|_| "must be an address like 127.0.0.1 or 0.0.0.0".to_owned())
            }),
            port: vars
                .read("PORT", 3_000, |text| text.parse().map_err(|_| "must be a port from 0 to 65535".to_owned())),
            database: vars.read("DATABASE_URL", data_dir.join("entrepot.db"), database),
            access_token_ttl: vars.duration("ACCESS_TOKEN_TTL", Duration::from_mins(15), false),
            refresh_token_ttl: vars.duration("REFRESH_TOKEN_TTL", Duration::from_hours(7 * 24), false),
            refresh_token_grace: vars.duration("REFRESH_TOKEN_GRACE", Duration::ZERO, true),
            bcrypt_cost: vars.read("BCRYPT_COST", 10, |text| match text.parse() {
                Ok(cost @ 4..=16) => Ok(cost),
                _ => Err("must be a whole number from 4 to 16".to_owned()),
            }),
            allowed_origins: vars.read("ALLOWED_ORIGINS", Vec::new(), |text| parse::list(text, parse::origin)),
            trusted_proxies: vars.read("TRUSTED_PROXIES", Vec::new(), |text| parse::list(text, parse::network)),
            limits: vars.limits(),
            body_limit: vars.read("BODY_LIMIT", 10 << 20, parse::size),
            request_timeout: vars.duration("REQUEST_TIMEOUT", Duration::from_secs(30), false),
            shutdown_timeout: vars.duration("SHUTDOWN_TIMEOUT", Duration::from_secs(30), true),
            cache_ttl: vars.duration("CACHE_TTL", Duration::from_mins(5), true),
            log_level: vars.read("LOG_LEVEL", "info".to_owned(), log_level),
            log_format: vars.read("LOG_FORMAT", default_log_format(), log_format),
            default_currency: vars.currency(),
            secrets: vars.secrets(environment, &data_dir),
            environment,
            data_dir,
        };
        vars.check(&config);
        if vars.mistakes.is_empty() { Ok(config) } else { Err(vars.mistakes) }
    }
}

struct Vars<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<String>,
}

impl Vars<'_> {
    /// What a name is set to; an empty value is as good as none.
    fn get(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn read<T>(&mut self, name: &str, default: T, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        let Some(text) = self.get(name) else { return default };
        parse(&text).unwrap_or_else(|why| {
            self.mistakes.push(format!("{name} {why}"));
            default
        })
    }

    fn duration(&mut self, name: &str, default: Duration, zero: bool) -> Duration {
        self.read(name, default, |text| match parse::duration(text)? {
            none if none.is_zero() && !zero => Err("must be longer than nothing".to_owned()),
            duration => Ok(duration),
        })
    }

    fn limits(&mut self) -> Option<RateLimits> {
        let on = self.read("RATE_LIMIT", true, |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("must be on or off".to_owned()),
        });
        let limits = RateLimits {
            address: self.read("RATE_LIMIT_MAX", 100, parse::count),
            user: self.read("RATE_LIMIT_USER_MAX", 1_000, parse::count),
            login: self.read("RATE_LIMIT_AUTH_MAX", 5, parse::count),
            window: self.duration("RATE_LIMIT_WINDOW", Duration::from_mins(15), false),
        };
        on.then_some(limits)
    }

    fn currency(&mut self) -> entrepot_domain::Currency {
        let name = "DEFAULT_CURRENCY";
        let text = self.get(name).unwrap_or_else(|| "GBP".to_owned());
        text.parse().unwrap_or_else(|why| {
            self.mistakes.push(format!("{name} {why}"));
            entrepot_domain::Currency::default()
        })
    }

    fn secrets(&mut self, environment: Environment, data_dir: &Path) -> Secrets {
        let given = ["JWT_SECRET", "REFRESH_TOKEN_SECRET"].map(|name| (name, self.get(name)));
        for (name, secret) in &given {
            match secret {
                Some(secret) if secret.len() < SECRET_BYTES => {
                    self.mistakes.push(format!("{name} must be at least {SECRET_BYTES} bytes long"));
                }
                None if environment == Environment::Production => {
                    self.mistakes.push(format!("{name} must be set in production; openssl rand -base64 48 makes one"));
                }
                Some(_) | None => {}
            }
        }
        let [(_, access), (_, refresh)] = given;
        if access.is_some() && access == refresh {
            self.mistakes.push("JWT_SECRET and REFRESH_TOKEN_SECRET must not be equal".to_owned());
        }
        let made = || secrets::kept(data_dir);
        let (access, refresh) = match (access, refresh) {
            (Some(access), Some(refresh)) => (access, refresh),
            // Nothing is written for a start that will be refused.
            _ if !self.mistakes.is_empty() => Default::default(),
            (access, refresh) => match made() {
                Ok((kept, kept_refresh)) => (access.unwrap_or(kept), refresh.unwrap_or(kept_refresh)),
                Err(why) => {
                    self.mistakes.push(format!("DATA_DIR {why:#}"));
                    Default::default()
                }
            },
        };
        Secrets { access, refresh }
    }

    fn refuse_what_is_not_there_yet(&mut self) {
        for (name, part) in NOT_YET {
            if self.get(name).is_some() {
                self.mistakes.push(format!("{name} is set, but this version has no {part} yet; please unset it"));
            }
        }
    }

    /// What only shows when several values are looked at.
    fn check(&mut self, config: &Config) {
        if config.access_token_ttl > config.refresh_token_ttl {
            self.mistakes.push("ACCESS_TOKEN_TTL must not be longer than REFRESH_TOKEN_TTL".to_owned());
        }
        if config.environment == Environment::Production && config.bcrypt_cost < 10 {
            self.mistakes.push("BCRYPT_COST must be at least 10 in production".to_owned());
        }
    }
}

fn environment(text: &str) -> Result<Environment, String> {
    match text {
        "development" => Ok(Environment::Development),
        "production" => Ok(Environment::Production),
        _ => Err("must be development or production".to_owned()),
    }
}

fn database(url: &str) -> Result<PathBuf, String> {
    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
        Some(("postgres" | "postgresql", _)) => {
            Err("names a PostgreSQL server, but this version has no PostgreSQL adapter yet; use sqlite://…".to_owned())
        }
        _ => Err("must be a URL like sqlite://./data/entrepot.db".to_owned()),
    }
}

fn log_level(text: &str) -> Result<String, String> {
    let level = |part: &str| part.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    // A bare word that is no level would be taken for the name of a module.
    let good = text.split(',').all(|part| level(part.rsplit_once('=').map_or(part, |(_, level)| level)));
    if good && text.parse::<tracing_subscriber::filter::Targets>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("must be error, warn, info, debug or trace, or such a list: info,entrepot_sqlite=debug".to_owned())
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "pretty" => Ok(LogFormat::Pretty),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be pretty or json".to_owned()),
    }
}

fn default_log_format() -> LogFormat {
    if std::io::stdout().is_terminal() { LogFormat::Pretty } else { LogFormat::Json }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";
    const LONGER: &str = "0123456789abcdef0123456789abcdef!";

    fn read(vars: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().to_str().unwrap().to_owned();
        Config::from_vars(&|name| {
            let set = vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            set.or_else(|| (name == "DATA_DIR").then(|| folder.clone()))
        })
    }

    fn mistakes(vars: &[(&str, &str)]) -> Vec<String> {
        read(vars).err().unwrap_or_default()
    }

    #[test]
    fn nothing_need_be_set() {
        let config = read(&[]).unwrap();
        assert_eq!((config.host.to_string().as_str(), config.port), ("127.0.0.1", 3_000));
        assert_eq!(config.database, config.data_dir.join("entrepot.db"));
        assert_eq!(config.access_token_ttl.as_secs(), 900);
        assert_eq!(config.refresh_token_ttl.as_secs(), 604_800);
        assert_eq!(config.bcrypt_cost, 10);
        let limits = config.limits.unwrap();
        assert_eq!((limits.address, limits.user, limits.login, limits.window.as_secs()), (100, 1_000, 5, 900));
        assert_eq!(config.body_limit, 10_485_760);
        assert_eq!(config.cache_ttl.as_secs(), 300);
        assert!(config.secrets.access.len() >= 32 && config.secrets.access != config.secrets.refresh);
        assert_eq!(config.default_currency.as_str(), "GBP");
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let mistakes = mistakes(&[
            ("PORT", "x"),
            ("APP_ENV", "staging"),
            ("BODY_LIMIT", "many"),
            ("RATE_LIMIT", "maybe"),
            ("ALLOWED_ORIGINS", "https://a.example, *"),
            ("REDIS_URL", "redis://localhost"),
            ("DATABASE_URL", "postgres://localhost/x"),
            ("LOG_LEVEL", "loud"),
            ("DEFAULT_CURRENCY", "pounds"),
            ("JWT_SECRET", "short"),
        ]);
        for name in [
            "PORT",
            "APP_ENV",
            "BODY_LIMIT",
            "RATE_LIMIT",
            "ALLOWED_ORIGINS",
            "REDIS_URL",
            "DATABASE_URL",
            "LOG_LEVEL",
            "DEFAULT_CURRENCY",
            "JWT_SECRET",
        ] {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(&format!("{name} "))), "{name}: {mistakes:#?}");
        }
        assert_eq!(mistakes.len(), 10, "{mistakes:#?}");
    }

    #[test]
    fn production_wants_secrets() {
        let mistakes = mistakes(&[("APP_ENV", "production"), ("BCRYPT_COST", "4")]);
        assert_eq!(mistakes.len(), 3, "{mistakes:#?}");
        let good = [("APP_ENV", "production"), ("JWT_SECRET", LONG), ("REFRESH_TOKEN_SECRET", LONGER)];
        assert_eq!(read(&good).unwrap().secrets.access, LONG);
    }

    #[test]
    fn the_two_secrets_differ() {
        assert_eq!(mistakes(&[("JWT_SECRET", LONG), ("REFRESH_TOKEN_SECRET", LONG)]).len(), 1);
    }

    #[test]
    fn an_empty_value_is_none() {
        assert!(read(&[("REDIS_URL", ""), ("PORT", " ")]).is_ok());
    }

    #[test]
    fn limits_can_be_turned_off() {
        assert_eq!(read(&[("RATE_LIMIT", "off")]).unwrap().limits, None);
    }
}
