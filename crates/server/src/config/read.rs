//! Reads all settings, and collects all mistakes.

use std::{
    collections::HashSet,
    env::{self, VarError},
    io::IsTerminal,
    net::IpAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use entrepot_postgres::PostgresOptions;
use entrepot_redis::RedisOptions;
use entrepot_telemetry::{Sampling, TraceOptions};
use entrepot_transport::Certificates;

use super::{
    Config, Database, Environment, LogFormat, MailConfig, RateLimits, Secrets, file::DotEnv, keys, mail, names, parse,
    secrets, traces,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);
const YEAR: Duration = Duration::from_hours(365 * 24);

impl Config {
    /// Reads the environment, and behind it the file `.env` of the working directory.
    pub fn from_environment() -> Result<Self, Vec<String>> {
        from_environment(Self::read)
    }

    /// Reads what `get` returns for each name. The error is all mistakes, a sentence each.
    pub fn from_vars(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        Self::read(Vars::new(&|name| Ok(get(name)), &[], Vec::new()))
    }

    /// Reads all settings.
    pub(super) fn read(mut vars: Vars<'_>) -> Result<Self, Vec<String>> {
        let environment = vars.read("APP_ENV", Environment::Development, environment);
        let data_dir = vars.read("DATA_DIR", PathBuf::from("./data"), |text| Ok(PathBuf::from(text)));
        let (access_token_ttl, refresh_token_ttl) = vars.lifetimes();
        let config = Self {
            host: vars.host(),
            port: vars.port(),
            database: vars.database(&data_dir),
            redis: vars.read("REDIS_URL", None, |url| RedisOptions::parse(url).map(Some)),
            access_token_ttl,
            refresh_token_ttl,
            refresh_token_grace: vars.duration("REFRESH_TOKEN_GRACE", Duration::ZERO, Duration::ZERO..=HOUR),
            bcrypt_cost: vars.bcrypt_cost(environment),
            allowed_origins: vars.list("ALLOWED_ORIGINS", parse::origin),
            trusted_proxies: vars.list("TRUSTED_PROXIES", parse::network),
            limits: vars.limits(),
            body_limit: vars.read("BODY_LIMIT", 10 << 20, parse::size),
            request_timeout: vars.duration("REQUEST_TIMEOUT", Duration::from_secs(30), MILLISECOND..=HOUR),
            shutdown_grace: vars.duration("SHUTDOWN_GRACE", Duration::from_secs(2), Duration::ZERO..=HOUR),
            shutdown_timeout: vars.duration("SHUTDOWN_TIMEOUT", Duration::from_secs(30), Duration::ZERO..=HOUR),
            tls: vars.tls(),
            cache_ttl: vars.duration("CACHE_TTL", Duration::from_mins(5), Duration::ZERO..=MONTH),
            log_level: vars.read("LOG_LEVEL", "info".to_owned(), log_level),
            log_format: vars.read("LOG_FORMAT", default_log_format(), log_format),
            traces: vars.traces(environment),
            order_pending_ttl: vars
                .read("ORDER_PENDING_TTL", None, |text| parse::duration_within(text, &(SECOND..=YEAR)).map(Some)),
            event_retention: vars.duration("EVENT_RETENTION", MONTH, SECOND..=10 * YEAR),
            webhook_allow_private: vars.read("WEBHOOK_ALLOW_PRIVATE", false, parse::boolean),
            mail: vars.mail(environment),
            default_currency: vars.currency(),
            // Last, so that a start that is refused writes nothing.
            secrets: vars.secrets(environment, &data_dir),
            environment,
            data_dir,
        };
        if vars.mistakes.is_empty() { Ok(config) } else { Err(vars.mistakes) }
    }
}

/// Reads the environment, and behind it the file `.env` of the working directory.
pub(super) fn from_environment<T>(read: impl FnOnce(Vars<'_>) -> T) -> T {
    let DotEnv { values, mistakes } = DotEnv::read(Path::new(".env"));
    let get = |name: &str| match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(values.get(name).cloned()),
        Err(VarError::NotUnicode(_)) => Err("must be UTF-8".to_owned()),
    };
    let names_in_file: Vec<_> = values.keys().map(String::as_str).collect();
    read(Vars::new(&get, &names_in_file, mistakes))
}

/// Returns the value of a name, or why it cannot be read.
type Get<'a> = dyn Fn(&str) -> Result<Option<String>, String> + 'a;

/// The source of the settings, and the mistakes in it.
pub(super) struct Vars<'a> {
    get: &'a Get<'a>,
    names_in_file: &'a [&'a str],
    /// The names that were asked for.
    known: HashSet<&'static str>,
    pub(super) mistakes: Vec<String>,
}

impl<'a> Vars<'a> {
    /// What `get` returns for each name, with the names of the file `.env` and its mistakes.
    pub(super) fn new(get: &'a Get<'a>, names_in_file: &'a [&'a str], mistakes: Vec<String>) -> Self {
        Self { get, names_in_file, known: HashSet::new(), mistakes }
    }

    pub(super) fn host(&mut self) -> IpAddr {
        self.read("HOST", [127, 0, 0, 1].into(), |text| {
            text.parse().map_err(|_| "must be an address like 127.0.0.1 or 0.0.0.0".to_owned())
        })
    }

    pub(super) fn port(&mut self) -> u16 {
        self.read("PORT", 3_000, |text| text.parse().map_err(|_| "must be a port from 0 to 65535".to_owned()))
    }

    /// The value of a name; an empty one counts as none.
    pub(super) fn get(&mut self, name: &'static str) -> Option<String> {
        self.known.insert(name);
        let given = (self.get)(name).unwrap_or_else(|why| {
            self.mistakes.push(format!("{name} {why}"));
            None
        });
        given.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn read<T>(&mut self, name: &'static str, default: T, parse: impl FnOnce(&str) -> Result<T, String>) -> T {
        let Some(text) = self.get(name) else { return default };
        parse(&text).unwrap_or_else(|why| {
            self.mistakes.push(format!("{name} {why}"));
            default
        })
    }

    fn duration(&mut self, name: &'static str, default: Duration, bounds: RangeInclusive<Duration>) -> Duration {
        self.read(name, default, |text| parse::duration_within(text, &bounds))
    }

    /// A list with commas between; empty items are skipped.
    fn list<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let text = self.get(name).unwrap_or_default();
        let mut good = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match parse(part) {
                Ok(part) => good.push(part),
                Err(why) => self.mistakes.push(format!("{name} {why}")),
            }
        }
        good
    }

    /// The store; the settings of connections are only for a server.
    fn database(&mut self, data_dir: &Path) -> Database {
        let database = self.read("DATABASE_URL", Database::Sqlite(data_dir.join("entrepot.db")), store);
        let replica = self.read("DATABASE_REPLICA_URL", None, |url| match store(url)? {
            Database::Postgres(options) => Ok(Some(options)),
            Database::Sqlite(_) => Err("must be a URL like postgres://user:password@host/database".to_owned()),
        });
        let connections = self.read("DB_POOL_MAX", 20, |text| match text.parse() {
            Ok(connections @ 1..=10_000) => Ok(connections),
            _ => Err("must be a whole number from 1 to 10000".to_owned()),
        });
        let idle = self.duration("DB_IDLE_TIMEOUT", Duration::from_secs(30), MILLISECOND..=DAY);
        let connect_timeout =
            self.duration("DB_CONNECT_TIMEOUT", Duration::from_secs(2), MILLISECOND..=Duration::from_mins(5));
        match database {
            Database::Sqlite(_) if replica.is_some() => {
                self.mistakes
                    .push("DATABASE_REPLICA_URL is set, but a file has no replica; set DATABASE_URL too".into());
                database
            }
            Database::Sqlite(_) => database,
            Database::Postgres(options) => {
                let with = |options: Box<PostgresOptions>| {
                    options.pool_max(connections).idle_timeout(idle).connect_timeout(connect_timeout)
                };
                Database::Postgres(Box::new(with(options).replica(replica.map(with))))
            }
        }
    }

    /// Of an access token and of a refresh token.
    fn lifetimes(&mut self) -> (Duration, Duration) {
        let access = self.duration("ACCESS_TOKEN_TTL", Duration::from_mins(15), SECOND..=YEAR);
        let refresh = self.duration("REFRESH_TOKEN_TTL", Duration::from_hours(7 * 24), SECOND..=YEAR);
        if access > refresh {
            self.mistakes.push("ACCESS_TOKEN_TTL must not be longer than REFRESH_TOKEN_TTL".to_owned());
        }
        (access, refresh)
    }

    fn bcrypt_cost(&mut self, environment: Environment) -> u32 {
        let cost = self.read("BCRYPT_COST", 10, |text| match text.parse() {
            Ok(cost @ 4..=16) => Ok(cost),
            _ => Err("must be a whole number from 4 to 16".to_owned()),
        });
        if environment == Environment::Production && cost < 10 {
            self.mistakes.push("BCRYPT_COST must be at least 10 in production".to_owned());
        }
        cost
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
            window: self.duration("RATE_LIMIT_WINDOW", Duration::from_mins(15), SECOND..=MONTH),
        };
        on.then_some(limits)
    }

    /// A certificate and its key, or neither.
    fn tls(&mut self) -> Option<Arc<Certificates>> {
        let (certificate, key) = match (self.get("TLS_CERT"), self.get("TLS_KEY")) {
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => {
                self.mistakes.push("TLS_KEY must name the key of the certificate in TLS_CERT".to_owned());
                return None;
            }
            (None, Some(_)) => {
                self.mistakes.push("TLS_CERT must name the certificate of the key in TLS_KEY".to_owned());
                return None;
            }
            (None, None) => return None,
        };
        match Certificates::read(Path::new(&certificate), Path::new(&key)) {
            Ok(certificates) => Some(Arc::new(certificates)),
            Err(mistakes) => {
                self.mistakes.extend(mistakes.iter().map(ToString::to_string));
                None
            }
        }
    }

    fn traces(&mut self, environment: Environment) -> Option<TraceOptions> {
        let headers = self.list("OTEL_EXPORTER_OTLP_HEADERS", traces::header);
        let service_name = self.get("OTEL_SERVICE_NAME").unwrap_or_else(|| "entrepot".to_owned());
        let sampler = self.get("OTEL_TRACES_SAMPLER").unwrap_or_else(|| "parentbased_always_on".to_owned());
        let argument = self.get("OTEL_TRACES_SAMPLER_ARG");
        let sampling = Sampling::parse(&sampler, argument.as_deref()).unwrap_or_else(|(name, why)| {
            self.mistakes.push(format!("{name} {why}"));
            Sampling::default()
        });
        let endpoint = self.read("OTEL_EXPORTER_OTLP_ENDPOINT", None, traces::endpoint)?;
        let environment = match environment {
            Environment::Development => "development",
            Environment::Production => "production",
        };
        Some(TraceOptions { endpoint, headers, service_name, environment, sampling })
    }

    fn mail(&mut self, environment: Environment) -> MailConfig {
        let [smtp, from, public_url] = ["SMTP_URL", "MAIL_FROM", "PUBLIC_URL"].map(|name| self.get(name));
        let in_production = environment == Environment::Production;
        let (config, mistakes) = mail::read(smtp.as_deref(), from.as_deref(), public_url.as_deref(), in_production);
        self.mistakes.extend(mistakes);
        config
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
        let in_production = environment == Environment::Production;
        let private = self.checked("JWT_PRIVATE_KEY", keys::private).unwrap_or_default();
        let access = self.checked("JWT_SECRET", |text| keys::secrets(text, in_production));
        let refresh = self.checked("REFRESH_TOKEN_SECRET", |text| keys::secrets(text, in_production));
        self.refuse_misspelt();
        // Beside a private key no secret is needed: it would only verify older tokens.
        let access = access.or_else(|| (!private.is_empty()).then(Vec::new));
        for (name, secrets) in [("JWT_SECRET", &access), ("REFRESH_TOKEN_SECRET", &refresh)] {
            if secrets.is_none() && in_production {
                self.mistakes.push(format!("{name} must be set in production; openssl rand -base64 48 makes one"));
            }
        }
        let (access, refresh) = match (access, refresh) {
            (Some(access), Some(refresh)) => (access, refresh),
            _ if !self.mistakes.is_empty() => return Secrets::default(),
            (access, refresh) => match secrets::read_or_generate(data_dir) {
                Ok(generated) => (
                    access.unwrap_or_else(|| vec![generated.access]),
                    refresh.unwrap_or_else(|| vec![generated.refresh]),
                ),
                Err(why) => {
                    self.mistakes.push(format!("DATA_DIR {why:#}"));
                    return Secrets::default();
                }
            },
        };
        if access.iter().any(|secret| refresh.contains(secret)) {
            self.mistakes
                .push("JWT_SECRET and REFRESH_TOKEN_SECRET must not be equal, nor have a key in common".into());
        }
        Secrets { private, access, refresh }
    }

    /// A list whose mistakes are all reported.
    fn checked<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> (Vec<T>, Vec<String>)) -> Option<Vec<T>> {
        let text = self.get(name)?;
        let (values, mistakes) = read(&text);
        self.mistakes.extend(mistakes.into_iter().map(|why| format!("{name} {why}")));
        Some(values)
    }

    /// Call it when every name was asked for.
    fn refuse_misspelt(&mut self) {
        for name in self.names_in_file.iter().filter(|name| !self.known.contains(*name)) {
            if let Some(meant) = names::nearest(name, self.known.iter().copied()) {
                self.mistakes.push(format!("{name} in .env is unknown; did you mean {meant}?"));
            }
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

fn store(url: &str) -> Result<Database, String> {
    match url.split_once("://") {
        Some(("sqlite", path)) if is_file(path) => Ok(Database::Sqlite(PathBuf::from(path))),
        Some(("postgres" | "postgresql", _)) => PostgresOptions::parse(url).map(Box::new).map(Database::Postgres),
        _ => Err(
            "must be a URL like postgres://user:password@host/database or sqlite://./data/entrepot.db, which is the \
                  path of a file without options"
                .to_owned(),
        ),
    }
}

/// Whether SQLite opens this as a plain file. `:memory:` would be a separate store for each connection, and `file:` takes
/// options that change what a store guarantees.
fn is_file(path: &str) -> bool {
    !(path.is_empty()
        || path.starts_with(':')
        || path.starts_with("file:")
        || path.contains('?')
        || path.ends_with('/'))
}

fn log_level(text: &str) -> Result<String, String> {
    let level = |part: &str| part.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
    // Targets would take any other word for the name of a module.
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
