//! Checks the host of a request. A request with an invalid host must be refused (RFC 9112 3.2), because proxies may
//! have interpreted it differently.

use std::net::Ipv6Addr;

use http::{HeaderMap, Version, header::HOST, request::Parts};

use crate::refusal::Refusal;

/// Refuses a request with a missing, invalid or ambiguous host.
pub(crate) fn check(parts: &Parts) -> Result<(), Refusal> {
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    let host = single_host(&parts.headers)?;
    if !authority.is_none_or(|authority| is_valid(authority.as_bytes())) || !host.is_none_or(is_valid) {
        return Err(Refusal::BadHost);
    }
    match parts.version {
        Version::HTTP_11 if host.is_none() => Err(Refusal::BadHost),
        // In HTTP/1 an authority in the target overrides `Host` (RFC 9112 3.2.2).
        Version::HTTP_2 => match (host, authority) {
            (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority.as_bytes()) => Err(Refusal::BadHost),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn single_host(headers: &HeaderMap) -> Result<Option<&[u8]>, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (host, None) => Ok(host.map(http::HeaderValue::as_bytes)),
        _ => Err(Refusal::BadHost),
    }
}

/// Returns whether a text is a host with an optional port (RFC 3986 3.2.2), or empty. Userinfo is not allowed.
fn is_valid(host: &[u8]) -> bool {
    let (name, port) = match host {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else { return false };
            let (address, port) = rest.split_at(end);
            if !str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok()) {
                return false;
            }
            (&[][..], port.get(1..).unwrap_or_default())
        }
        _ => host.split_at(host.iter().position(|byte| *byte == b':').unwrap_or(host.len())),
    };
    is_name(name) && (port.is_empty() || is_port(port))
}

fn is_name(mut name: &[u8]) -> bool {
    loop {
        name = match name {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => rest,
            _ => return false,
        };
    }
}

fn is_port(port: &[u8]) -> bool {
    match port {
        [b':'] => true,
        [b':', digits @ ..] => {
            digits.iter().all(u8::is_ascii_digit)
                && str::from_utf8(digits).is_ok_and(|digits| digits.parse::<u16>().is_ok())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_checked() {
        for host in [
            "",
            "localhost:3000",
            "shop.example",
            "192.0.2.1:80",
            "[2001:db8::1]:443",
            "[::1]",
            "xn--bcher-kva.example",
            "a_b",
            "a:",
            "%c3%bc.example",
        ] {
            assert!(is_valid(host.as_bytes()), "{host}");
        }
        for bad in [
            "a b",
            "a/b",
            "user@shop.example",
            "http://shop.example",
            "a\\b",
            "a\tb",
            "a?b",
            "a#b",
            "<a>",
            "a\"b",
            "[::1",
            "[::1]x",
            "[a]",
            "::1",
            "a:x",
            "a:80:80",
            "a:99999",
            "%zz",
            "%a",
            "a]",
        ] {
            assert!(!is_valid(bad.as_bytes()), "{bad}");
        }
    }
}
