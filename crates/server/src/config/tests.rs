use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use entrepot_telemetry::Sampling;

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

fn is_file(config: &Config, file: &Path) -> bool {
    matches!(&config.database, Database::Sqlite(path) if path == file)
}

#[test]
fn every_setting_has_a_default() {
    let config = read(&[]).unwrap();
    assert_eq!(config.environment, Environment::Development);
    assert_eq!((config.host.to_string().as_str(), config.port), ("127.0.0.1", 3_000));
    assert!(is_file(&config, &config.data_dir.join("entrepot.db")) && config.redis.is_none());
    let seconds = |duration: Duration| duration.as_secs();
    assert_eq!(seconds(config.access_token_ttl), 15 * 60);
    assert_eq!(seconds(config.refresh_token_ttl), 7 * 24 * 3_600);
    assert_eq!(config.refresh_token_grace, Duration::ZERO);
    assert_eq!(config.bcrypt_cost, 10);
    assert!(config.allowed_origins.is_empty() && config.trusted_proxies.is_empty());
    let limits = RateLimits { address: 100, user: 1_000, login: 5, window: Duration::from_mins(15) };
    assert_eq!(config.limits, Some(limits));
    assert_eq!(config.body_limit, 10 * 1_024 * 1_024);
    assert_eq!((seconds(config.request_timeout), seconds(config.shutdown_timeout)), (30, 30));
    assert_eq!(seconds(config.shutdown_grace), 2);
    assert!(config.tls.is_none());
    assert_eq!(seconds(config.cache_ttl), 300);
    assert_eq!(config.log_level, "info");
    assert!(config.secrets.access[0].len() >= 32 && config.secrets.access != config.secrets.refresh);
    assert_eq!(config.default_currency.as_str(), "GBP");
}

#[test]
fn everything_can_be_set() {
    let config = read(&[
        ("HOST", "::1"),
        ("PORT", "0"),
        ("DATABASE_URL", "sqlite:///var/lib/shop.db"),
        ("REFRESH_TOKEN_GRACE", "10s"),
        ("ALLOWED_ORIGINS", "https://shop.example, http://127.0.0.1:5173,"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("RATE_LIMIT_AUTH_MAX", "7"),
        ("BODY_LIMIT", "512kb"),
        ("SHUTDOWN_TIMEOUT", "0"),
        ("CACHE_TTL", "0"),
        ("LOG_LEVEL", "warn,entrepot_sqlite=debug"),
        ("LOG_FORMAT", "pretty"),
        ("DEFAULT_CURRENCY", "EUR"),
    ]);
    let config = config.unwrap();
    assert_eq!((config.host.to_string().as_str(), config.port), ("::1", 0));
    assert!(is_file(&config, Path::new("/var/lib/shop.db")));
    assert_eq!(config.refresh_token_grace, Duration::from_secs(10));
    assert_eq!(config.allowed_origins, ["https://shop.example", "http://127.0.0.1:5173"]);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.limits.unwrap().login, 7);
    assert_eq!(config.body_limit, 512 * 1_024);
    assert!(config.shutdown_timeout.is_zero() && config.cache_ttl.is_zero());
    assert_eq!(config.log_level, "warn,entrepot_sqlite=debug");
    assert_eq!(config.log_format, LogFormat::Pretty);
    assert_eq!(config.default_currency.as_str(), "EUR");
}

#[test]
fn traces_are_sent_if_a_collector_is_set() {
    let collector = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
    let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    assert!(read(&[sampler]).unwrap().traces.is_none());
    let traces = read(&[collector, sampler, ("OTEL_TRACES_SAMPLER_ARG", "0.1")]).unwrap().traces.unwrap();
    assert_eq!((traces.endpoint.as_str(), traces.service_name.as_str()), ("http://localhost:4318", "entrepot"));
    assert_eq!(traces.sampling, Sampling { ratio: 0.1, by_parent: true });
}

/// Each has one mistake, which is reported in one sentence that begins with the name.
const WRONG: [(&str, &str); 36] = [
    ("APP_ENV", "staging"),
    ("HOST", "localhost:3000"),
    ("PORT", "70000"),
    ("DATABASE_URL", "postgres://ada:hush-hush@localhost/x?sslmode=perhaps"),
    ("DATABASE_REPLICA_URL", "mysql://ada:hush-hush@localhost/x"),
    ("DB_POOL_MAX", "0"),
    ("DB_IDLE_TIMEOUT", "soon"),
    ("DB_CONNECT_TIMEOUT", "0"),
    ("REDIS_URL", "memcached://:hush-hush@localhost"),
    ("JWT_PRIVATE_KEY", "/nowhere/jwt.pem"),
    ("JWT_SECRET", "hush-hush"),
    ("REFRESH_TOKEN_SECRET", "hush-hush too"),
    ("ACCESS_TOKEN_TTL", "soon"),
    ("REFRESH_TOKEN_TTL", "0"),
    ("REFRESH_TOKEN_GRACE", "-1s"),
    ("BCRYPT_COST", "17"),
    ("ALLOWED_ORIGINS", "*"),
    ("TRUSTED_PROXIES", "10.0.0.0/99"),
    ("RATE_LIMIT", "maybe"),
    ("RATE_LIMIT_MAX", "0"),
    ("RATE_LIMIT_USER_MAX", "many"),
    ("RATE_LIMIT_AUTH_MAX", "-5"),
    ("RATE_LIMIT_WINDOW", "1y"),
    ("BODY_LIMIT", "10tb"),
    ("REQUEST_TIMEOUT", "0s"),
    ("SHUTDOWN_GRACE", "-2s"),
    ("SHUTDOWN_TIMEOUT", "x"),
    ("TLS_CERT", "/nowhere/cert.pem"),
    ("TLS_KEY", "/nowhere/key.pem"),
    ("CACHE_TTL", "1.5h"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "ada:hush-hush@localhost"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "hush-hush"),
    ("OTEL_TRACES_SAMPLER", "sometimes"),
    ("DEFAULT_CURRENCY", "pounds"),
];

#[test]
fn all_mistakes_are_reported_at_once() {
    let mistakes = mistakes(&WRONG);
    let told: BTreeSet<_> = mistakes.iter().filter_map(|mistake| mistake.split(' ').next()).collect();
    assert_eq!(told, WRONG.iter().map(|(name, _)| *name).collect(), "{mistakes:#?}");
    assert_eq!(mistakes.len(), WRONG.len(), "{mistakes:#?}");
    assert!(!format!("{mistakes:?}").contains("hush-hush"), "a secret was told");
}

#[test]
fn durations_have_bounds() {
    for (name, value) in [
        ("ACCESS_TOKEN_TTL", "500ms"),
        ("REFRESH_TOKEN_TTL", "100000000d"),
        ("REFRESH_TOKEN_GRACE", "2h"),
        ("RATE_LIMIT_WINDOW", "31d"),
        ("DB_IDLE_TIMEOUT", "2d"),
        ("DB_CONNECT_TIMEOUT", "1h"),
        ("REQUEST_TIMEOUT", "1d"),
        ("SHUTDOWN_GRACE", "1d"),
        ("SHUTDOWN_TIMEOUT", "1d"),
        ("CACHE_TTL", "31d"),
    ] {
        let mistakes = mistakes(&[(name, value)]);
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(&format!("{name} must be from ")), "{mistakes:#?}");
    }
}

#[test]
fn misspelt_name_in_the_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let get = |name: &str| Ok((name == "DATA_DIR").then(|| data_dir.to_str().unwrap().to_owned()));
    let names = ["REDIS_ULR", "JWT_SECRT", "PORT", "POSTGRES_PASSWORD"];
    assert_eq!(
        Config::read(read::Vars::new(&get, &names, Vec::new())).err().unwrap(),
        [
            "REDIS_ULR in .env is unknown; did you mean REDIS_URL?",
            "JWT_SECRT in .env is unknown; did you mean JWT_SECRET?",
        ]
    );
    assert!(!data_dir.exists(), "a start that is refused wrote something");
}

#[test]
fn every_bad_item_of_a_list_is_reported() {
    let mistakes = mistakes(&[("ALLOWED_ORIGINS", "https://a.example, *, b.example"), ("TRUSTED_PROXIES", "x,y,::1")]);
    assert_eq!(mistakes.len(), 4, "{mistakes:#?}");
}

#[test]
fn events_are_kept_for_a_month_unless_told_otherwise() {
    assert_eq!(read(&[]).unwrap().event_retention, Duration::from_hours(30 * 24));
    assert_eq!(read(&[("EVENT_RETENTION", "90d")]).unwrap().event_retention, Duration::from_hours(90 * 24));
    for bad in ["0", "999ms", "4000d", "long"] {
        let mistakes = mistakes(&[("EVENT_RETENTION", bad)]);
        assert!(mistakes.len() == 1 && mistakes[0].starts_with("EVENT_RETENTION must be"), "{mistakes:#?}");
    }
}

#[test]
fn unpaid_orders_are_kept_unless_told_otherwise() {
    assert_eq!(read(&[]).unwrap().order_pending_ttl, None);
    assert_eq!(read(&[("ORDER_PENDING_TTL", "30m")]).unwrap().order_pending_ttl, Some(Duration::from_mins(30)));
    for bad in ["0", "500ms", "366d", "soon"] {
        let mistakes = mistakes(&[("ORDER_PENDING_TTL", bad)]);
        assert!(mistakes.len() == 1 && mistakes[0].starts_with("ORDER_PENDING_TTL must be"), "{mistakes:#?}");
    }
}

#[test]
fn servers_are_configured_by_url() {
    let config = read(&[
        ("DATABASE_URL", "postgres://ada:secret@db.example/shop?sslmode=verify-full"),
        ("DATABASE_REPLICA_URL", "postgresql://ada:secret@replica.example/shop"),
        ("DB_POOL_MAX", "8"),
        ("REDIS_URL", "rediss://:secret@redis.example:6380"),
    ]);
    let config = config.unwrap();
    assert!(matches!(config.database, Database::Postgres(_)) && config.redis.is_some());
    assert!(!format!("{:?}", config.database).contains("secret"));
}

#[test]
fn sqlite_has_no_replica() {
    let mistakes = mistakes(&[("DATABASE_REPLICA_URL", "postgres://replica.example/shop")]);
    assert!(mistakes.len() == 1 && mistakes[0].starts_with("DATABASE_REPLICA_URL is set, but"), "{mistakes:#?}");
}

/// SQLite would not open these as a plain file.
#[test]
fn sqlite_url_is_a_plain_file() {
    for url in ["sqlite://", "sqlite://:memory:", "sqlite://file:x.db", "sqlite://x.db?mode=memory", "sqlite://data/"] {
        assert_eq!(mistakes(&[("DATABASE_URL", url)]).len(), 1, "{url}");
    }
}

#[test]
fn production_requires_secrets() {
    let mistakes = mistakes(&[("APP_ENV", "production"), ("BCRYPT_COST", "4")]);
    assert_eq!(mistakes.len(), 3, "{mistakes:#?}");
    let good = [("APP_ENV", "production"), ("JWT_SECRET", LONG), ("REFRESH_TOKEN_SECRET", LONGER)];
    assert_eq!(read(&good).unwrap().secrets.access, [LONG]);
}

#[test]
fn secrets_differ() {
    assert_eq!(mistakes(&[("JWT_SECRET", LONG), ("REFRESH_TOKEN_SECRET", LONG)]).len(), 1);
    let overlap = format!("{LONGER}!,{LONG}");
    assert_eq!(mistakes(&[("JWT_SECRET", LONG), ("REFRESH_TOKEN_SECRET", &overlap)]).len(), 1);
}

#[test]
fn several_keys_are_accepted() {
    let secrets = read(&[("JWT_SECRET", &format!("{LONG},{LONGER}"))]).unwrap().secrets;
    assert_eq!(secrets.access, [LONG, LONGER]);
    assert_eq!((secrets.refresh.len(), secrets.private.len()), (1, 0));
}

#[test]
fn production_requires_strong_secrets() {
    let weak = "change me ".repeat(4);
    let vars = [("JWT_SECRET", weak.as_str()), ("REFRESH_TOKEN_SECRET", &"x".repeat(32))];
    assert_eq!(mistakes(&vars), [""; 0]);
    assert_eq!(mistakes(&[&[("APP_ENV", "production")], &vars[..]].concat()).len(), 2);
}

#[test]
fn private_key_needs_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwt.pem");
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOpLwJkgbERo3B3yp1n5XJChK8hjoVqES9jB1REHTgMW\n\
        -----END PRIVATE KEY-----\n";
    fs::write(&file, pem).unwrap();
    let vars = [("JWT_PRIVATE_KEY", file.to_str().unwrap()), ("REFRESH_TOKEN_SECRET", LONG)];
    for environment in ["development", "production"] {
        let secrets = read(&[&[("APP_ENV", environment)], &vars[..]].concat()).unwrap().secrets;
        assert_eq!((secrets.private.len(), secrets.access.len()), (1, 0), "{environment}");
    }
    assert_eq!(read(&[vars[0], ("JWT_SECRET", LONG)]).unwrap().secrets.access, [LONG]);
}

/// This holds between a secret that is set and one that is generated, too.
#[test]
fn given_secret_differs_from_the_generated_one() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let with = |given: Option<&str>| {
        Config::from_vars(&|name| match name {
            "DATA_DIR" => Some(data_dir.to_owned()),
            "JWT_SECRET" => given.map(str::to_owned),
            _ => None,
        })
    };
    let generated = with(None).unwrap().secrets;
    assert!(with(Some(LONG)).unwrap().secrets == Secrets { access: vec![LONG.to_owned()], ..generated.clone() });
    assert_eq!(with(Some(&generated.refresh[0])).err().unwrap().len(), 1);
}

#[test]
fn access_token_expires_before_its_refresh_token() {
    let mistakes = mistakes(&[("ACCESS_TOKEN_TTL", "8d")]);
    assert_eq!(mistakes, ["ACCESS_TOKEN_TTL must not be longer than REFRESH_TOKEN_TTL"]);
}

#[test]
fn refused_start_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    for (bad, value) in [("PORT", "x"), ("ACCESS_TOKEN_TTL", "8d"), ("TLS_CERT", "cert.pem")] {
        let refused = Config::from_vars(&|name| match name {
            "DATA_DIR" => data_dir.to_str().map(str::to_owned),
            name => (name == bad).then(|| value.to_owned()),
        });
        assert!(refused.is_err());
        assert!(!data_dir.exists(), "{bad}: {:?}", fs::read_dir(&data_dir));
    }
}

#[test]
fn empty_value_counts_as_unset() {
    assert_eq!(read(&[("REDIS_URL", ""), ("PORT", " ")]).unwrap().port, 3_000);
}

#[test]
fn rate_limits_can_be_turned_off() {
    assert_eq!(read(&[("RATE_LIMIT", "off")]).unwrap().limits, None);
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?}", read(&[("JWT_SECRET", LONG), ("REFRESH_TOKEN_SECRET", LONGER)]).unwrap().secrets);
    assert!(!shown.contains(LONG), "{shown}");
}
