//! Where Redis is, and how it is talked to.

use std::{fmt, time::Duration};

use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, Server, ServerConfig,
    TcpConfig,
};

/// How long one command may take, unless told otherwise.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a connection may take, with TLS, authentication and all.
pub(crate) const CONNECT: Duration = Duration::from_secs(1);

/// How long fred waits before it connects again, in milliseconds. Not zero: whoever is told of the loss must have
/// closed the door before another Redis answers behind it.
const RECONNECT: u32 = 50;

/// How many commands may wait to be sent; more are refused at once.
const QUEUE: usize = 65_536;

const PREFIX: &str = "entrepot:";

/// Where Redis is, and what the keys begin with.
#[derive(Clone)]
pub struct RedisOptions {
    config: Config,
    prefix: String,
    patience: Duration,
}

impl RedisOptions {
    /// Reads a URL:
    ///
    /// - `redis://[[user]:password@]host[:port][/database]`, with TLS `rediss://`
    /// - `redis-cluster://[[user]:password@]host[:port][?node=host:port&…]`, with TLS `rediss-cluster://`
    /// - `redis-sentinel://[[user]:password@]host[:port][/database]?sentinelServiceName=name[&node=host:port…]
    ///   [&sentinelUsername=…][&sentinelPassword=…]`, with TLS `rediss-sentinel://`
    ///
    /// `valkey` may stand for `redis`. With `prefix=NAME:` among the parameters all keys begin with that instead of
    /// `entrepot:`, for several services that share one Redis, and with `timeout=SECONDS` a command may take that long
    /// instead of 100 ms: for a Redis that is far away, or a machine that is slow.
    ///
    /// # Errors
    /// A sentence for whoever wrote the URL. It repeats none of it, so that no password gets into a log.
    pub fn parse(url: &str) -> Result<Self, String> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
        let (kind, tls) = kind(&scheme).ok_or(
            "must begin with redis://, rediss://, redis-cluster://, rediss-cluster://, redis-sentinel:// or \
             rediss-sentinel://",
        )?;
        if tls {
            // fred takes the provider of the process. The first one that was set stays, which is as good.
            rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        }
        let Ours { url, prefix, patience } = ours(url)?;
        let mut config = Config::from_url(&url).map_err(|error| match error.kind() {
            fred::error::ErrorKind::Tls => "needs the certificates of the system, which cannot be read".to_owned(),
            _ => format!("must look like {}", kind.shape()),
        })?;
        if config.server.hosts().iter().any(|server| server.host.is_empty()) {
            return Err(format!("names no host; it must look like {}", kind.shape()));
        }
        if let ServerConfig::Clustered { policy, .. } = &mut config.server {
            // The nodes that the URL names may be the ones that are away.
            *policy = ClusterDiscoveryPolicy::UseCache;
        }
        Ok(Self { config, prefix: prefix.unwrap_or_else(|| PREFIX.to_owned()), patience })
    }

    /// The same as `prefix=` in the URL.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Another time-out of a command than 100 ms: for a Redis that is far away, or a machine that is slow.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn command_timeout(&self) -> Duration {
        self.patience
    }

    pub(crate) fn key_prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn clustered(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// A client that is not connected yet. It also looks for a cluster at those nodes.
    pub(crate) fn client(&self, nodes: &[Server]) -> fred::clients::Client {
        let performance = PerformanceConfig { default_command_timeout: self.patience, ..PerformanceConfig::default() };
        let connection = ConnectionConfig {
            connection_timeout: CONNECT,
            internal_command_timeout: CONNECT,
            // A command that was sent and not answered may have been done: it is never sent again.
            max_command_attempts: 1,
            // See `moving`.
            max_redirections: 0,
            max_command_buffer_len: QUEUE,
            reconnect_on_auth_error: true,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let policy = ReconnectPolicy::new_constant(0, RECONNECT);
        let mut config = self.config.clone();
        if let ServerConfig::Clustered { hosts, .. } = &mut config.server {
            hosts.extend_from_slice(nodes);
        }
        fred::clients::Client::new(config, Some(performance), Some(connection), Some(policy))
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.config.server.hosts().iter().map(ToString::to_string).collect();
        f.debug_struct("RedisOptions").field("servers", &servers).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A URL without our own parameters, and what they say.
struct Ours {
    url: String,
    prefix: Option<String>,
    patience: Duration,
}

/// Takes our own parameters out of a URL: fred is to see only what it knows.
fn ours(url: &str) -> Result<Ours, String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut prefix, mut patience) = (None, PATIENCE);
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("prefix", given)) => prefix = Some(given.to_owned()),
            Some(("timeout", given)) => patience = seconds(given)?,
            _ => others.push(pair),
        }
    }
    // Braces would take part in how a cluster spreads the keys.
    let plain = |text: &String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    if prefix.as_ref().is_some_and(|prefix| prefix.is_empty() || !plain(prefix)) {
        return Err("must have a prefix of letters, digits and -_.: alone".to_owned());
    }
    let url = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
    Ok(Ours { url, prefix, patience })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.01..=60.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "must have a timeout from 0.01 to 60 seconds".to_owned())
}

#[derive(Clone, Copy)]
enum Kind {
    Single,
    Cluster,
    Sentinel,
}

impl Kind {
    fn shape(self) -> &'static str {
        match self {
            Self::Single => "redis://[[user]:password@]host[:port][/database]",
            Self::Cluster => "redis-cluster://[[user]:password@]host[:port][?node=host:port&node=...]",
            Self::Sentinel => {
                "redis-sentinel://[[user]:password@]host[:port][/database]?sentinelServiceName=name[&node=host:port]"
            }
        }
    }
}

/// fred would take any scheme for a single Redis.
fn kind(scheme: &str) -> Option<(Kind, bool)> {
    let (base, kind) = match scheme.split_once('-') {
        None => (scheme, Kind::Single),
        Some((base, "cluster")) => (base, Kind::Cluster),
        Some((base, "sentinel")) => (base, Kind::Sentinel),
        Some(_) => return None,
    };
    match base {
        "redis" | "valkey" => Some((kind, false)),
        "rediss" | "valkeys" => Some((kind, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fred::types::config::ServerConfig;

    use super::*;

    fn options(url: &str) -> RedisOptions {
        RedisOptions::parse(url).unwrap_or_else(|why| panic!("{url}: {why}"))
    }

    #[test]
    fn every_kind_of_url_is_understood() {
        let single = options("redis://ada:s3cret@cache.internal:6380/2").config;
        assert!(single.server.is_centralized());
        assert_eq!((single.username.as_deref(), single.password.as_deref()), (Some("ada"), Some("s3cret")));
        assert_eq!((single.database, single.server.hosts().len()), (Some(2), 1));
        assert!(options("valkey://localhost").config.tls.is_none());
        assert!(options("rediss://localhost").config.tls.is_some());
        let cluster = options("redis-cluster://a:7000?node=b:7001&node=c:7002");
        assert!(cluster.clustered());
        assert_eq!(cluster.config.server.hosts().len(), 3);
        assert!(options("rediss-cluster://:s3cret@a:7000").config.tls.is_some());
        let sentinel = options("redis-sentinel://a:26379/1?sentinelServiceName=shop&node=b:26379&sentinelPassword=x");
        let ServerConfig::Sentinel { service_name, password, .. } = &sentinel.config.server else { panic!() };
        assert_eq!((service_name.as_str(), password.as_deref()), ("shop", Some("x")));
    }

    #[test]
    fn a_prefix_and_a_timeout_are_ours_and_not_freds() {
        assert_eq!(options("redis://localhost").key_prefix(), "entrepot:");
        assert_eq!(options("redis://localhost/1?prefix=shop:").key_prefix(), "shop:");
        let cluster = options("redis-cluster://a:7000?node=b:7001&prefix=shop.2:");
        assert_eq!((cluster.key_prefix(), cluster.config.server.hosts().len()), ("shop.2:", 2));
        assert_eq!(options("redis://localhost").command_timeout(), PATIENCE);
        assert_eq!(options("redis://localhost?timeout=0.5&prefix=a:").command_timeout(), Duration::from_millis(500));
        for bad in [
            "redis://localhost?prefix=",
            "redis://localhost?prefix={x}",
            "redis://localhost?timeout=0",
            "redis://localhost?timeout=soon",
            "redis://localhost?timeout=NaN",
        ] {
            assert!(RedisOptions::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bad_url_is_explained_without_its_password() {
        for url in [
            "",
            "s3cret",
            "http://ada:s3cret@localhost",
            "redis:s3cret",
            "redis://",
            "redis://ada:s3cret@",
            "redis://ada:s3cret@localhost:s3cret",
            "redis://:s3cret@localhost/s3cret",
            "redis://:s3cret@localhost/1/2",
            "redis-cluster://:s3cret@a?node=s3cret",
            "redis-sentinel://:s3cret@a",
            "redis-ring://:s3cret@a",
        ] {
            let why = RedisOptions::parse(url).expect_err(url);
            assert!(why.starts_with('m') && why.contains("redis") && !why.contains("s3cret"), "{url}: {why}");
        }
    }

    #[test]
    fn nobody_prints_the_password() {
        let printed = format!("{:?}", options("redis://ada:s3cret@localhost:1234").prefix("shop:"));
        assert!(printed.contains("localhost:1234") && printed.contains("shop:"), "{printed}");
        assert!(!printed.contains("s3cret") && !printed.contains("ada"), "{printed}");
    }
}
