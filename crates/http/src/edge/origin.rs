//! The origin of the page that sends a request (RFC 6454). Browsers let the pages of every site open a WebSocket, so the
//! server has to look.

use actix_web::{
    HttpRequest,
    http::{
        Uri,
        header::{HOST, HeaderMap, ORIGIN},
        uri::Authority,
    },
    web,
};

use super::{address, cors};
use crate::HttpState;

/// Whether a page of another origin sends the request, which is none of those that are allowed. A request without an
/// origin does not come from a page of another site.
pub(super) fn is_foreign(req: &HttpRequest) -> bool {
    let headers = req.headers();
    let Some(state) = req.app_data::<web::Data<HttpState>>() else { return true };
    if !headers.contains_key(ORIGIN) || cors::allowed_origin(headers, &state.settings.allowed_origins).is_some() {
        return false;
    }
    let peer = req.peer_addr().map(|peer| peer.ip());
    let is_secure = state.settings.tls
        || peer.is_some_and(|peer| address::is_secure(peer, headers, &state.settings.trusted_proxies));
    !is_own(headers, req.uri(), is_secure)
}

/// Whether the origin is that of the server, by the name that the client calls it. A proxy that is not trusted may have
/// ended TLS, so an `https` page is at home on plain HTTP too.
fn is_own(headers: &HeaderMap, uri: &Uri, is_secure: bool) -> bool {
    let mut sent = headers.get_all(ORIGIN);
    let (Some(origin), None) = (sent.next(), sent.next()) else { return false };
    let Some((scheme, site)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else { return false };
    let port = match scheme {
        "https" => ":443",
        "http" if !is_secure => ":80",
        _ => return false,
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = uri.authority().map(Authority::as_str).or(host) else { return false };
    let bare = |site: &str| site.strip_suffix(port).unwrap_or(site).to_ascii_lowercase();
    !site.is_empty() && bare(site) == bare(host)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn own(origin: &'static str, host: &'static str, is_secure: bool) -> bool {
        let mut headers = HeaderMap::new();
        headers.append(ORIGIN, HeaderValue::from_static(origin));
        headers.append(HOST, HeaderValue::from_static(host));
        is_own(&headers, &Uri::from_static("/api/v1/ws"), is_secure)
    }

    #[test]
    fn own_origin_is_that_of_the_host() {
        assert!(own("http://shop.example:3000", "shop.example:3000", false));
        assert!(own("http://shop.example", "Shop.Example:80", false));
        assert!(
            own("https://shop.example", "shop.example", true) && own("https://shop.example:443", "shop.example", true)
        );
        assert!(own("https://shop.example", "shop.example", false), "a proxy may have ended TLS");
        assert!(own("http://[::1]:3000", "[::1]:3000", false));
        for (origin, host) in [
            ("http://shop.example", "shop.example"),
            ("https://evil.example", "shop.example"),
            ("https://shop.example:444", "shop.example"),
            ("https://shop.example.evil", "shop.example"),
            ("ftp://shop.example", "shop.example"),
            ("https://", ""),
            ("null", "shop.example"),
            ("", "shop.example"),
        ] {
            assert!(!own(origin, host, true), "{origin}");
        }
    }
}
