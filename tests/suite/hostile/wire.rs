//! Requests that no honest client sends, byte by byte.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Result, bail};
use entrepot_tests::Server;

use super::is_unharmed;
use crate::start;

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// All that the server sends until it closes the connection.
fn talk(server: &Server, bytes: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // The server may refuse and close the connection before it has read everything.
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    let mut part = [0; 4_096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => bail!("no end of the answer to {:.60}: {error}", String::from_utf8_lossy(bytes)),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The status of the response; 0 if the server closed the connection without one.
fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn get(line: &str, headers: &str) -> Vec<u8> {
    format!("{line}\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

#[tokio::test]
async fn invalid_heads_are_refused() -> Result<()> {
    let server = start(&[]).await?;
    for bad in [
        b"\0\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20),
        get("GET /api/v1/products\0 HTTP/1.1", ""),
        get("GET /api/v1/prod ucts HTTP/1.1", ""),
        get("GET /api/v1/products HTTP/1.1", "x-request-id: a\x01b\r\n"),
        get("GET /api/v1/products HTTP/1.1", "x-request-id: a\0b\r\n"),
        get("GET /api/v1/products HTTP/1.1", " folded: 1\r\n"),
        get("GET /api/v1/products HTTP/1.1", "no-colon\r\n"),
        get("GET /api/v1/products HTTP/1.1", "content-length: -1\r\n"),
        get("GET /api/v1/products HTTP/1.1", "content-length: 99999999999999999999\r\n"),
        get("GET /api/v1/products HTTP/1.1", &"x-many: 1\r\n".repeat(1_000)),
        get("GET /api/v1/products HTTP/1.1", &format!("x-long: {}\r\n", "x".repeat(1 << 20))),
        get(&format!("GET /api/v1/products?q={} HTTP/1.1", "x".repeat(1 << 20)), ""),
    ] {
        let answer = talk(&server, &bad)?;
        let status = status(&answer);
        assert!(status == 0 || (400..500).contains(&status), "{:.60}: {answer}", String::from_utf8_lossy(&bad));
        assert!(!answer.to_lowercase().contains("\r\nx-injected"));
    }
    assert_eq!(status(&talk(&server, b"GET / HTTP/9.9\r\nhost: x\r\n\r\n")?), 505);
    is_unharmed(&server).await
}

#[tokio::test]
async fn long_urls_and_headers_within_the_limit_are_served() -> Result<()> {
    let server = start(&[]).await?;
    for (request, expected) in [
        (get(&format!("GET /api/v1/products?q={} HTTP/1.1", "x".repeat(30_000)), ""), 400),
        (get(&format!("GET /api/v1/products?zzz={} HTTP/1.1", "%0d%0a".repeat(5_000)), ""), 200),
        (get(&format!("GET /{} HTTP/1.1", "x/".repeat(15_000)), ""), 404),
        (get(&format!("GET /api/v1/products/{} HTTP/1.1", "%2f".repeat(9_000)), ""), 404),
        (get("GET /api/v1/users/me HTTP/1.1", &format!("authorization: Bearer {}\r\n", "x".repeat(60_000))), 401),
        (get("GET /api/v1/products HTTP/1.1", &format!("x-request-id: {}\r\n", "x".repeat(60_000))), 200),
        (get("GET /api/v1/products HTTP/1.1", &format!("accept-encoding: {}\r\n", "gzip;q=0.1,".repeat(5_000))), 200),
        (
            get(
                "GET /api/v1/products HTTP/1.1",
                &format!("accept: {}\r\n", "application/problem+json;q=0.1,".repeat(2_000)),
            ),
            200,
        ),
        (get("GET /api/v1/products HTTP/1.1", &format!("traceparent: {}\r\n", "00-".repeat(9_000))), 200),
        (get("GET /api/v1/products HTTP/1.1", &"x-h: 1\r\n".repeat(60)), 200),
    ] {
        let answer = talk(&server, &request)?;
        assert_eq!(status(&answer), expected, "{:.60}: {answer:.300}", String::from_utf8_lossy(&request));
    }
    is_unharmed(&server).await
}

#[tokio::test]
async fn unknown_methods_are_refused() -> Result<()> {
    let server = start(&[]).await?;
    let paths = ["/api/v1/products", "/api/v1/orders/x/pay", "/health/live", "/metrics", "/openapi.json"];
    for method in ["BREW", "get", "PROPFIND", "G-E_T", &"M".repeat(1_000)] {
        for path in paths {
            let answer = talk(&server, &get(&format!("{method} {path} HTTP/1.1"), ""))?;
            assert_eq!(status(&answer), 501, "{method:.9} {path}: {answer}");
        }
    }
    for method in ["TRACE", "CONNECT"] {
        for path in paths {
            let answer = talk(&server, &get(&format!("{method} {path} HTTP/1.1"), ""))?;
            assert_eq!(status(&answer), 405, "{method:.9} {path}: {answer}");
            assert!(answer.to_lowercase().contains("\r\nallow: "), "{answer}");
        }
    }
    // Method overrides are ignored.
    for override_of in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let answer = talk(&server, &get("GET /api/v1/users/me HTTP/1.1", &format!("{override_of}: DELETE\r\n")))?;
        assert_eq!(status(&answer), 401, "{answer}");
    }
    is_unharmed(&server).await
}

#[tokio::test]
async fn echoed_values_cannot_inject_headers() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    for n in 0..3 {
        admin.product(&format!("MUG-{n}"), 295, 10).await?;
    }
    let injected = "%0d%0ax-injected:%201%0d%0a%0d%0a<script>";
    for line in [
        format!("GET /api/v1/products?limit=1&zzz={injected} HTTP/1.1"),
        format!("GET /api/v1/products?limit=1&{injected}=1&cursor= HTTP/1.1"),
        format!("GET /api/v1/products?cursor={injected} HTTP/1.1"),
        format!("GET /{injected} HTTP/1.1"),
        format!("GET /docs/{injected} HTTP/1.1"),
        "GET /api/v1/products?limit=1&q=%3E;rel=next HTTP/1.1".to_owned(),
    ] {
        let answer = talk(&server, &get(&line, "origin: https://x\r\nx-request-id: <script>\r\n"))?;
        let (head, _) = answer.split_once("\r\n\r\n").unwrap();
        assert!((200..500).contains(&status(&answer)), "{line}: {answer}");
        assert!(!head.to_lowercase().lines().any(|line| line.starts_with("x-injected")), "{head}");
        assert!(!head.contains("<script>"), "{head}");
    }
    is_unharmed(&server).await
}

#[tokio::test]
async fn chunked_body_has_the_same_limit() -> Result<()> {
    let server = start(&[]).await?;
    let head = "POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, "x".repeat(1 << 20));
    let eleven = format!("{head}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(11));
    let answer = talk(&server, eleven.as_bytes())?;
    assert!(status(&answer) == 413 || answer.is_empty(), "{answer}");
    for bad in
        ["ffffffffffffffffffff\r\n", "-1\r\n", "zz\r\n", "5;\0ext\r\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n"]
    {
        let answer = talk(&server, format!("{head}transfer-encoding: chunked\r\n\r\n{bad}").as_bytes())?;
        assert!(matches!(status(&answer), 0 | 400..500), "{bad:?}: {answer}");
    }
    let peak = server.peak_memory()?;
    assert!(peak < 150 << 20, "{peak} bytes were resident");
    is_unharmed(&server).await
}
