//! Where Redis is, and how fred connects to it.

use std::{fmt, time::Duration};

use fred::types::config::{
    ClusterDiscoveryPolicy, Config, ConnectionConfig, PerformanceConfig, ReconnectPolicy, Server, ServerConfig,
    TcpConfig,
};

/// How long one command may take, unless the options say otherwise.
const DEFAULT_COMMAND_TIMEOUT: Duration = Duration::from_millis(100);

/// How long connecting may take, TLS and authentication included.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long fred waits before it connects again, in milliseconds. Not zero: the breaker must be open before another
/// Redis answers on the new connection.
const RECONNECT_DELAY_MS: u32 = 50;

/// How many commands may wait to be sent; more are refused at once.
const MAX_QUEUED_COMMANDS: usize = 65_536;

const DEFAULT_PREFIX: &str = "entrepot:";

/// Where Redis is, the prefix of all keys, and the time-out of a command.
#[derive(Clone)]
pub struct RedisOptions {
    config: Config,
    prefix: String,
    command_timeout: Duration,
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
    /// A sentence for the author of the URL. It repeats no part of the URL, so that no password gets into a log.
    pub fn parse(url: &str) -> Result<Self, String> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
        let (kind, tls) = server_kind(&scheme).ok_or(
            "must begin with redis://, rediss://, redis-cluster://, rediss-cluster://, redis-sentinel:// or \
             rediss-sentinel://",
        )?;
        if tls {
            // fred uses the default provider of the process. If one was set already, it stays, which is as good.
            rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        }
        let OwnParameters { url, prefix, command_timeout } = take_own_parameters(url)?;
        let mut config = Config::from_url(&url).map_err(|error| match error.kind() {
            fred::error::ErrorKind::Tls => "needs the certificates of the system, which cannot be read".to_owned(),
            _ => format!("must look like {}", kind.url_format()),
        })?;
        if config.server.hosts().iter().any(|server| server.host.is_empty()) {
            return Err(format!("names no host; it must look like {}", kind.url_format()));
        }
        if let ServerConfig::Clustered { policy, .. } = &mut config.server {
            // The nodes that the URL names may be the ones that are down.
            *policy = ClusterDiscoveryPolicy::UseCache;
        }
        Ok(Self { config, prefix: prefix.unwrap_or_else(|| DEFAULT_PREFIX.to_owned()), command_timeout })
    }

    /// Sets the prefix, as `prefix=` in the URL does.
    #[must_use]
    pub fn prefix(self, prefix: &str) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// Sets the time-out of a command, which is 100 ms by default: for a Redis that is far away, or a machine that is
    /// slow.
    #[must_use]
    pub fn command_timeout(self, command_timeout: Duration) -> Self {
        Self { command_timeout, ..self }
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.command_timeout
    }

    pub(crate) fn key_prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// A client that is not connected yet. It also looks for a cluster at these nodes.
    pub(crate) fn client(&self, nodes: &[Server]) -> fred::clients::Client {
        let performance =
            PerformanceConfig { default_command_timeout: self.command_timeout, ..PerformanceConfig::default() };
        let connection = ConnectionConfig {
            connection_timeout: CONNECT_TIMEOUT,
            internal_command_timeout: CONNECT_TIMEOUT,
            // A command that was sent and not answered may have been executed: it is never sent again.
            max_command_attempts: 1,
            // See `slot_migration`.
            max_redirections: 0,
            max_command_buffer_len: MAX_QUEUED_COMMANDS,
            reconnect_on_auth_error: true,
            tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let policy = ReconnectPolicy::new_constant(0, RECONNECT_DELAY_MS);
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

/// A URL without the parameters that fred does not know, and their values.
struct OwnParameters {
    url: String,
    prefix: Option<String>,
    command_timeout: Duration,
}

/// Separates the parameters that fred does not know from a URL.
fn take_own_parameters(url: &str) -> Result<OwnParameters, String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut prefix, mut command_timeout) = (None, DEFAULT_COMMAND_TIMEOUT);
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("prefix", given)) => prefix = Some(given.to_owned()),
            Some(("timeout", given)) => command_timeout = parse_timeout(given)?,
            _ => others.push(pair),
        }
    }
    // Braces would decide the slots of the keys in a cluster.
    let is_plain = |text: &String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b));
    if prefix.as_ref().is_some_and(|prefix| prefix.is_empty() || !is_plain(prefix)) {
        return Err("must have a prefix of letters, digits and -_.: alone".to_owned());
    }
    let url = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
    Ok(OwnParameters { url, prefix, command_timeout })
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.01..=60.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "must have a timeout from 0.01 to 60 seconds".to_owned())
}

#[derive(Clone, Copy)]
enum ServerKind {
    Single,
    Cluster,
    Sentinel,
}

impl ServerKind {
    fn url_format(self) -> &'static str {
        match self {
            Self::Single => "redis://[[user]:password@]host[:port][/database]",
            Self::Cluster => "redis-cluster://[[user]:password@]host[:port][?node=host:port&node=...]",
            Self::Sentinel => {
                "redis-sentinel://[[user]:password@]host[:port][/database]?sentinelServiceName=name[&node=host:port]"
            }
        }
    }
}

/// The kind of server that a scheme names, and whether it uses TLS. fred would take any scheme for a single Redis.
fn server_kind(scheme: &str) -> Option<(ServerKind, bool)> {
    let (base, kind) = match scheme.split_once('-') {
        None => (scheme, ServerKind::Single),
        Some((base, "cluster")) => (base, ServerKind::Cluster),
        Some((base, "sentinel")) => (base, ServerKind::Sentinel),
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
    fn every_kind_of_url_is_parsed() {
        let single = options("redis://ada:s3cret@cache.internal:6380/2").config;
        assert!(single.server.is_centralized());
        assert_eq!((single.username.as_deref(), single.password.as_deref()), (Some("ada"), Some("s3cret")));
        assert_eq!((single.database, single.server.hosts().len()), (Some(2), 1));
        assert!(options("valkey://localhost").config.tls.is_none());
        assert!(options("rediss://localhost").config.tls.is_some());
        let cluster = options("redis-cluster://a:7000?node=b:7001&node=c:7002");
        assert!(cluster.is_clustered());
        assert_eq!(cluster.config.server.hosts().len(), 3);
        assert!(options("rediss-cluster://:s3cret@a:7000").config.tls.is_some());
        let sentinel = options("redis-sentinel://a:26379/1?sentinelServiceName=shop&node=b:26379&sentinelPassword=x");
        let ServerConfig::Sentinel { service_name, password, .. } = &sentinel.config.server else { panic!() };
        assert_eq!((service_name.as_str(), password.as_deref()), ("shop", Some("x")));
    }

    #[test]
    fn prefix_and_timeout_are_not_passed_to_fred() {
        assert_eq!(options("redis://localhost").key_prefix(), "entrepot:");
        assert_eq!(options("redis://localhost/1?prefix=shop:").key_prefix(), "shop:");
        let cluster = options("redis-cluster://a:7000?node=b:7001&prefix=shop.2:");
        assert_eq!((cluster.key_prefix(), cluster.config.server.hosts().len()), ("shop.2:", 2));
        assert_eq!(options("redis://localhost").timeout(), DEFAULT_COMMAND_TIMEOUT);
        assert_eq!(options("redis://localhost?timeout=0.5&prefix=a:").timeout(), Duration::from_millis(500));
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
    fn bad_url_is_explained_without_its_password() {
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
    fn debug_output_hides_the_credentials() {
        let printed = format!("{:?}", options("redis://ada:s3cret@localhost:1234").prefix("shop:"));
        assert!(printed.contains("localhost:1234") && printed.contains("shop:"), "{printed}");
        assert!(!printed.contains("s3cret") && !printed.contains("ada"), "{printed}");
    }
}
