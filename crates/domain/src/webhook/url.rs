//! The address of an endpoint.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

use crate::Invalid;

/// The URL of an endpoint: `https` or `http`, with a host, without credentials and fragment.
///
/// Hosts that are numbers in any notation (`0x7f.1`, `2130706433`) are addresses here as they are to every client that
/// follows the URL standard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    /// As it was given.
    text: String,
    url: Url,
}

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookHost {
    Address(IpAddr),
    /// In lower case, internationalised names in ASCII.
    Name(String),
}

impl WebhookUrl {
    /// The most characters of a URL.
    pub const MAX_CHARS: usize = 2_000;

    /// Parses a URL.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > Self::MAX_CHARS {
            return Err(Invalid::new("must be at most 2000 characters long"));
        }
        // A parser of URLs ignores some of these.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Invalid::new("must not contain spaces or control characters"));
        }
        let url = Url::parse(text).map_err(|_| Invalid::new("must be a URL like https://example.com/hook"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Invalid::new("must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::new("must not contain a user name or password"));
        }
        if url.fragment().is_some() {
            return Err(Invalid::new("must not contain a fragment"));
        }
        if url.host().is_none() || url.port() == Some(0) {
            return Err(Invalid::new("must name a host that can be called"));
        }
        Ok(Self { text: text.to_owned(), url })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// In the form in which it is called.
    pub fn normalised(&self) -> &str {
        self.url.as_str()
    }

    /// The host.
    pub fn host(&self) -> WebhookHost {
        match self.url.host() {
            Some(Host::Ipv4(address)) => WebhookHost::Address(address.into()),
            Some(Host::Ipv6(address)) => WebhookHost::Address(address.into()),
            Some(Host::Domain(name)) => WebhookHost::Name(name.to_ascii_lowercase()),
            // Every parsed URL has a host.
            None => WebhookHost::Name(String::new()),
        }
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for WebhookUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> WebhookHost {
        WebhookUrl::parse(text).unwrap().host()
    }

    #[test]
    fn url_is_kept_as_it_was_given() {
        for good in ["https://example.com", "http://127.0.0.1:4000/hook?a=b", "https://Example.com:8443/x"] {
            assert_eq!(WebhookUrl::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(host("https://Example.COM/x"), WebhookHost::Name("example.com".into()));
        assert_eq!(host("https://bücher.example/x"), WebhookHost::Name("xn--bcher-kva.example".into()));
    }

    #[test]
    fn numbers_in_every_notation_are_addresses() {
        let loopback = WebhookHost::Address([127, 0, 0, 1].into());
        for text in
            ["127.0.0.1", "127.1", "0x7f.1", "0177.0.0.1", "2130706433", "0x7f000001", "127.0.0.1.", "１２７.0.0.1"]
        {
            assert_eq!(host(&format!("http://{text}/")), loopback, "{text}");
        }
        assert_eq!(host("http://[::ffff:7f00:1]/"), WebhookHost::Address("::ffff:127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://",
            "https://user@example.com",
            "https://user:word@example.com",
            "https://example.com/#top",
            "https://example.com:0/",
            "https://example.com:70000/",
            "https://exa mple.com",
            " https://example.com",
            "https://example.com/\n",
            "https://example.com/\u{a0}",
            "https://[::1",
            "https://256.256.256.256/",
            "javascript:alert(1)",
        ] {
            assert!(WebhookUrl::parse(bad).is_err(), "{bad:?}");
        }
        assert!(WebhookUrl::parse(&format!("https://example.com/{}", "a".repeat(2_000))).is_err());
    }
}
