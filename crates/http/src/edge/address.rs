//! The client's address.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use ipnet::IpNet;

/// The client's address: the peer's, unless that is a trusted proxy; then the rightmost hop of `X-Forwarded-For` that
/// is not trusted: the client may have written those to the left of it.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    if !is_trusted(client, trusted) {
        return client;
    }
    let sent: Vec<_> = headers.get_all(&X_FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    for hop in sent.iter().rev().flat_map(|value| value.rsplit(',')) {
        // A proxy would not write this: what is to the left of it is not trusted.
        let Some(hop) = parse(hop.trim()) else { break };
        client = hop;
        if !is_trusted(hop, trusted) {
            break;
        }
    }
    client
}

/// Whether a trusted proxy says that the client uses TLS.
pub(super) fn is_secure(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
    // Of several proxies the first is next to the client.
    let scheme = || headers.get(&X_FORWARDED_PROTO)?.to_str().ok()?.split(',').next();
    is_trusted(peer.to_canonical(), trusted)
        && scheme().is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// Parses a hop, which may have a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse().map(|socket: SocketAddr| socket.ip()));
    Some(address.ok()?.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client_of(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client(ip(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn header_of_an_untrusted_peer_is_ignored() {
        assert_eq!(client_of("203.0.113.9", &["1.2.3.4"]), "203.0.113.9");
        assert_eq!(client_of("::ffff:203.0.113.9", &[]), "203.0.113.9");
    }

    #[test]
    fn header_of_a_trusted_proxy_is_used() {
        assert_eq!(client_of("10.0.0.1", &["6.6.6.6, 1.2.3.4"]), "1.2.3.4");
        assert_eq!(client_of("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"]), "1.2.3.4");
        assert_eq!(client_of("10.0.0.1", &["6.6.6.6", "1.2.3.4", "10.0.0.2"]), "1.2.3.4", "several headers are one");
        assert_eq!(client_of("::ffff:10.0.0.1", &["::ffff:1.2.3.4"]), "1.2.3.4");
        assert_eq!(client_of("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client_of("10.0.0.1", &["1.2.3.4:5678"]), "1.2.3.4");
    }

    #[test]
    fn trusted_proxy_says_whether_the_client_uses_tls() {
        let is_secure = |peer: &str, scheme: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_str(scheme).unwrap());
            super::is_secure(ip(peer), &headers, &["10.0.0.0/8".parse().unwrap()])
        };
        assert!(is_secure("10.0.0.1", "https") && is_secure("::ffff:10.0.0.1", "HTTPS, http"));
        assert!(!is_secure("10.0.0.1", "http") && !is_secure("10.0.0.1", "http, https"));
        assert!(!is_secure("203.0.113.9", "https"), "the peer is not trusted");
    }

    #[test]
    fn malformed_hop_ends_the_chain() {
        assert_eq!(client_of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client_of("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.7"]), "10.0.0.7");
        assert_eq!(client_of("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }
}
