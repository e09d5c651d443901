//! Which hosts may be called.

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use entrepot_domain::{
    Invalid,
    webhook::{WebhookHost, WebhookUrl, is_public, is_reserved_name},
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{net::lookup_host, time::timeout};

/// How long a host name may take to be resolved.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Decides which hosts may be called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    allows_private: bool,
}

impl Guard {
    pub(crate) const fn new(allows_private: bool) -> Self {
        Self { allows_private }
    }

    pub(crate) fn allows(self, address: IpAddr) -> bool {
        self.allows_private || is_public(address)
    }

    /// Checks the host of a URL at this moment.
    pub(crate) async fn check(self, url: &WebhookUrl) -> Result<(), Invalid> {
        match url.host() {
            WebhookHost::Address(address) if self.allows(address) => Ok(()),
            WebhookHost::Address(_) => Err(not_public()),
            WebhookHost::Name(name) => self.resolve(&name).await.map(drop),
        }
    }

    /// The addresses of a name. All of them may be called, or it is an error.
    async fn resolve(self, name: &str) -> Result<Vec<SocketAddr>, Invalid> {
        if !self.allows_private && is_reserved_name(&name.to_ascii_lowercase()) {
            return Err(not_public());
        }
        let unresolved = || Invalid::new("must name a host that resolves to an address");
        let found = timeout(RESOLVE_TIMEOUT, lookup_host((name, 0))).await.map_err(|_| unresolved())?;
        let addresses: Vec<_> = found.map_err(|_| unresolved())?.collect();
        if addresses.is_empty() {
            return Err(unresolved());
        }
        if addresses.iter().all(|address| self.allows(address.ip())) { Ok(addresses) } else { Err(not_public()) }
    }
}

fn not_public() -> Invalid {
    Invalid::new("must not lead to a private, local or reserved address")
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let addresses = guard.resolve(name.as_str()).await.map_err(Box::<dyn Error + Send + Sync>::from)?;
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(guard: Guard, url: &str) -> Result<(), Invalid> {
        guard.check(&WebhookUrl::parse(url).unwrap()).await
    }

    #[tokio::test]
    async fn local_hosts_are_refused_unless_allowed() {
        for url in [
            "http://127.0.0.1/",
            "http://0x7f.1:8080/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://[::ffff:10.0.0.1]/",
            "http://[64:ff9b::a00:1]/",
            "http://169.254.169.254/latest/meta-data",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://metadata.google.internal/",
        ] {
            assert_eq!(check(Guard::new(false), url).await, Err(not_public()), "{url}");
        }
        for url in ["http://127.0.0.1/", "http://localhost:1/", "http://[::1]/"] {
            assert_eq!(check(Guard::new(true), url).await, Ok(()), "{url}");
        }
        assert_eq!(check(Guard::new(false), "https://8.8.8.8/").await, Ok(()));
    }

    #[tokio::test]
    async fn host_must_resolve() {
        let refused = check(Guard::new(true), "https://nowhere.invalid/").await.unwrap_err();
        assert!(refused.to_string().contains("resolves"), "{refused}");
    }

    #[tokio::test]
    async fn name_of_a_private_address_is_not_handed_over() {
        let resolve = |allows_private| Resolve::resolve(&Guard::new(allows_private), "localhost".parse().unwrap());
        assert!(resolve(false).await.is_err());
        assert!(resolve(true).await.unwrap().all(|address| address.ip().is_loopback()));
    }
}
