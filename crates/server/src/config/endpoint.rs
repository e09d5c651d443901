//! Where a server listens: what a probe has to know.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use super::read::{Vars, from_environment};

/// Where a server of this configuration listens. Reading it needs no secret and no other file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `HOST` and `PORT`.
    pub address: SocketAddr,
    /// `TLS_CERT`; `None` serves plain HTTP.
    pub certificate: Option<PathBuf>,
}

impl Endpoint {
    /// Reads the environment, and behind it the file `.env` of the working directory.
    ///
    /// # Errors
    /// All mistakes, a sentence each.
    pub fn from_environment() -> Result<Self, Vec<String>> {
        from_environment(Self::read)
    }

    fn read(mut vars: Vars<'_>) -> Result<Self, Vec<String>> {
        let (host, port) = (vars.host(), vars.port());
        let certificate = vars.get("TLS_CERT").map(PathBuf::from);
        if port == 0 {
            vars.mistakes
                .push("PORT is 0, so only the server knows its port; set PORT to the one it printed".to_owned());
        }
        let address = SocketAddr::new(host, port);
        if vars.mistakes.is_empty() { Ok(Self { address, certificate }) } else { Err(vars.mistakes) }
    }

    /// Where the server is reached from its own machine: one that listens on all addresses, on the loopback.
    pub fn local_address(&self) -> SocketAddr {
        let host = match self.address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            host => host,
        };
        SocketAddr::new(host, self.address.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Endpoint, Vec<String>> {
        let get = |name: &str| Ok(settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
        Endpoint::read(Vars::new(&get, &[], Vec::new()))
    }

    #[test]
    fn server_on_all_addresses_is_reached_on_the_loopback() {
        for (host, reached) in [
            ("0.0.0.0", "127.0.0.1:3000"),
            ("::", "[::1]:3000"),
            ("192.0.2.1", "192.0.2.1:3000"),
            ("::1", "[::1]:3000"),
        ] {
            let endpoint = read(&[("HOST", host)]).unwrap();
            assert_eq!(endpoint.local_address().to_string(), reached, "{host}");
        }
    }

    #[test]
    fn all_mistakes_are_reported() {
        assert_eq!(read(&[("HOST", "localhost"), ("PORT", "http")]).unwrap_err().len(), 2);
        assert!(read(&[("PORT", "0")]).unwrap_err()[0].starts_with("PORT is 0"));
    }

    #[test]
    fn certificate_needs_no_key_here() {
        let endpoint = read(&[("TLS_CERT", "cert.pem"), ("PORT", "8443")]).unwrap();
        assert_eq!((endpoint.certificate, endpoint.address.port()), (Some("cert.pem".into()), 8_443));
    }
}
