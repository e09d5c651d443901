//! Rate limits, size limits, and the headers that report them.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::Result;
use entrepot_tests::{Answer, PASSWORD, Server};
use reqwest::Method;
use serde_json::json;

use crate::start;

fn number(answer: &Answer, header: &str) -> u64 {
    answer.header(header).parse().unwrap_or_else(|_| panic!("{header}: {:?}", answer.header(header)))
}

#[tokio::test]
async fn address_is_limited_and_headers_tell_the_limit() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "5"), ("RATE_LIMIT_WINDOW", "15m")]).await?;
    let nobody = server.anonymous();
    for left in (0..5).rev() {
        let answer = nobody.get("/products").await?.expect(200);
        assert_eq!((number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")), (5, left));
        let reset = number(&answer, "ratelimit-reset");
        assert!((1..=900).contains(&reset));
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=5;w=900");
        assert_eq!(answer.header("ratelimit"), format!("\"default\";r={left};t={reset}"));
        assert_eq!(answer.header("retry-after"), "");
    }
    let refused = nobody.get("/products").await?;
    refused.error(429, "rate_limited");
    assert!((1..=900).contains(&number(&refused, "retry-after")));
    assert_eq!(number(&refused, "ratelimit-remaining"), 0);
    // Unknown paths are counted too, or paths could be guessed without a limit.
    nobody.get("/nowhere").await?.error(429, "rate_limited");
    // Health, metrics and documentation are not.
    for path in ["//health/live", "//health/ready", "//metrics", "//openapi.json"] {
        for instance in server.urls() {
            assert_eq!(nobody.at(&instance).get(path).await?.status, 200, "{path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn default_limits_are_those_of_the_documentation() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let (own, address) = (ada.get("/users/me").await?.expect(200), server.anonymous().get("/products").await?);
    assert_eq!(own.header("ratelimit-policy"), "\"default\";q=1000;w=900");
    assert_eq!(address.expect(200).header("ratelimit-policy"), "\"default\";q=100;w=900");
    Ok(())
}

#[tokio::test]
async fn user_has_a_limit_apart_from_the_address() -> Result<()> {
    let limits = [("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "5"), ("RATE_LIMIT_USER_MAX", "3")];
    let server = start(&limits).await?;
    let (ada, eve) = (server.customer("ada@example.com").await?, server.customer("eve@example.com").await?);
    for left in (0..3).rev() {
        let answer = ada.get("/users/me").await?.expect(200);
        assert_eq!((number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")), (3, left));
    }
    ada.get("/users/me").await?.error(429, "rate_limited");
    eve.get("/users/me").await?.expect(200);
    // A request with an invalid token counts for the address.
    let forged = ada.with_token("a.b.c").get("/users/me").await?;
    forged.error(401, "invalid_token");
    assert_eq!(number(&forged, "ratelimit-limit"), 5);
    Ok(())
}

#[tokio::test]
async fn login_is_limited_after_five_failures() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on")]).await?;
    server.customer("ada@example.com").await?;
    server.customer("eve@example.com").await?;
    let nobody = server.anonymous();
    let login = async |email: &str, password: &str| {
        nobody.post("/auth/login", json!({"email": email, "password": password})).await
    };
    for email in ["ada@example.com", " Ada@Example.COM", "ADA@example.com", "ada@example.com", "ada@example.com"] {
        login(email, "a guess").await?.error(401, "invalid_credentials");
    }
    for password in ["a guess", PASSWORD] {
        let refused = login("ada@example.com", password).await?;
        refused.error(429, "rate_limited");
        assert!((1..=900).contains(&number(&refused, "retry-after")));
    }
    login("eve@example.com", PASSWORD).await?.expect(200);
    Ok(())
}

#[tokio::test]
async fn concurrent_guesses_are_all_counted() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_AUTH_MAX", "3")]).await?;
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let nobody = server.anonymous();
        guesses.spawn(async move {
            nobody.post("/auth/login", json!({"email": "ada@example.com", "password": "a guess"})).await
        });
    }
    let mut tried = 0;
    for answer in guesses.join_all().await {
        let answer = answer?;
        if answer.status == 401 {
            tried += 1;
        } else {
            answer.error(429, "rate_limited");
        }
    }
    assert_eq!(tried, 3);
    Ok(())
}

#[tokio::test]
async fn successful_logins_count_as_no_failure() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_AUTH_MAX", "2")]).await?;
    let ada = server.customer("ada@example.com").await?;
    for _ in 0..5 {
        ada.again().await?;
    }
    Ok(())
}

#[tokio::test]
async fn client_address_is_the_sockets_unless_a_proxy_is_trusted() -> Result<()> {
    let limits = [("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "2")];
    let server = start(&limits).await?;
    let get = async |server: &Server, address: &str| {
        let nobody = server.anonymous();
        anyhow::Ok(nobody.with(Method::GET, "/products", ("x-forwarded-for", address), None).await?.status)
    };
    let mut statuses = Vec::new();
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        statuses.push(get(&server, address).await?);
    }
    assert_eq!(statuses, [200, 200, 429], "a header that anybody can write was believed");

    let behind = start(&[limits[0], limits[1], ("TRUSTED_PROXIES", "127.0.0.0/8")]).await?;
    statuses.clear();
    for address in ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.9, 192.0.2.1"] {
        statuses.push(get(&behind, address).await?);
    }
    assert_eq!(statuses, [200, 200, 429, 200, 429]);
    Ok(())
}

#[tokio::test]
async fn long_body_is_refused() -> Result<()> {
    let server = start(&[("BODY_LIMIT", "2kb")]).await?;
    let nobody = server.anonymous();
    let body = |length: usize| json!({"name": "x".repeat(length), "email": "a@example.com", "password": PASSWORD});
    nobody.post("/users", body(1_000)).await?.invalid(&["name"]);
    nobody.post("/users", body(3_000)).await?.error(413, "payload_too_large");
    // A body without a content-length.
    let mut stream = TcpStream::connect(server.address())?;
    let chunk = "x".repeat(0xc00);
    write!(
        stream,
        "POST /api/v1/users HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\nc00\r\n{chunk}\r\n0\r\n\r\n",
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("payload_too_large"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn body_that_stalls_is_a_503_after_the_timeout() -> Result<()> {
    let server = start(&[("REQUEST_TIMEOUT", "1s")]).await?;
    let mut stream = TcpStream::connect(server.address())?;
    let head =
        "POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"unavailable\""), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nretry-after: "), "{answer}");
    Ok(())
}

#[tokio::test]
async fn responses_have_the_security_headers() -> Result<()> {
    let server = start(&[]).await?;
    for path in ["/products", "/nowhere", "/users/me", "//health/live"] {
        let answer = server.anonymous().get(path).await?;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "SAMEORIGIN"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("origin-agent-cluster", "?1"),
            ("x-dns-prefetch-control", "off"),
            ("x-download-options", "noopen"),
            ("x-permitted-cross-domain-policies", "none"),
            ("x-xss-protection", "0"),
        ] {
            assert_eq!(answer.header(name), value, "{name} of {path}");
        }
        assert!(answer.header("content-security-policy").contains("default-src 'self'"));
        assert_eq!(answer.header("strict-transport-security"), "", "it must not be sent without TLS");
        assert_eq!(answer.header("x-powered-by"), "");
    }
    let behind = start(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await?;
    let nobody = behind.anonymous();
    let told = nobody.with(Method::GET, "/products", ("x-forwarded-proto", "https"), None).await?;
    assert!(told.header("strict-transport-security").contains("includeSubDomains"), "a trusted proxy has TLS");
    Ok(())
}

#[tokio::test]
async fn cors_allows_only_named_origins() -> Result<()> {
    let allowed = "https://shop.example";
    let server = start(&[("ALLOWED_ORIGINS", allowed)]).await?;
    let nobody = server.anonymous();
    let from = async |origin: &'static str| nobody.with(Method::GET, "/products", ("origin", origin), None).await;
    let answer = from(allowed).await?.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), allowed);
    assert!(
        answer.header("vary").contains("Origin") || answer.headers.get_all("vary").iter().any(|vary| vary == "Origin")
    );
    for origin in ["https://evil.example", "https://shop.example.evil.example", "null"] {
        assert_eq!(from(origin).await?.header("access-control-allow-origin"), "");
    }
    let preflight = async |origin: &str| {
        let request = nobody.request(Method::OPTIONS, "/orders").header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        nobody.send(request.header("access-control-request-headers", "authorization,idempotency-key")).await
    };
    let asked = preflight(allowed).await?;
    assert!(asked.status < 300);
    assert_eq!(asked.header("access-control-allow-origin"), allowed);
    assert!(asked.header("access-control-allow-headers").to_lowercase().contains("idempotency-key"));
    assert_eq!(preflight("https://evil.example").await?.header("access-control-allow-origin"), "");
    Ok(())
}
