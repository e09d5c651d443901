//! Malformed HTTP: each connection gets the answers it is owed and is closed. What is no request is refused without the
//! envelope.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::time::Duration;

use anyhow::{Context, Result};
use entrepot_tests::{Bare, Server, Wire};
use serde_json::json;
use tokio::io::AsyncWriteExt;

const SECOND: Duration = Duration::from_secs(1);

const LIVE: &str = "GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";

fn post(path: &str, more: &str, body: &str) -> String {
    format!("POST /api/v1{path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{more}\r\n{body}")
}

fn chunked(path: &str, body: &str) -> String {
    post(path, "transfer-encoding: chunked\r\n", body)
}

#[track_caller]
fn is_in_the_envelope(answer: &Bare, what: &str) {
    assert_eq!(answer.body["status"], "error", "{what}: {answer:?}");
    let id = answer.body["requestId"].as_str().unwrap();
    assert!(answer.head.contains(&format!("\r\nx-request-id: {id}\r\n")), "{what}: {answer:?}");
}

/// Says it, reads as many answers and expects the end, soon; returns the last one.
async fn ends(server: &Server, said: &str, answers: usize, what: &str) -> Result<Bare> {
    let mut wire = Wire::to(server.address()).await?;
    wire.say(said).await?;
    let mut last = None;
    for _ in 0..answers {
        last = Some(wire.answer().await.with_context(|| what.to_owned())?);
    }
    // The client has sent everything, so the server need not wait for more.
    wire.stream().shutdown().await.ok();
    assert_eq!(wire.ended().await?, "", "{what}: one answer too many");
    assert!(wire.age() < 10 * SECOND, "{what}: {:?}", wire.age());
    last.context("no answer")
}

#[tokio::test]
async fn broken_chunked_body_gets_one_answer_that_closes() -> Result<()> {
    let server = Server::start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    // Who is unknown so far is looked up, and the body breaks meanwhile.
    let key = json!({"name": "Till", "scopes": ["orders:write"]});
    let key = ada.post("/auth/api-keys", key).await?.expect(201).data()["key"].as_str().context("no key")?.to_owned();
    let key = format!("authorization: Bearer {key}\r\ntransfer-encoding: chunked\r\n");
    let token = format!("authorization: Bearer {}\r\ntransfer-encoding: chunked\r\n", ada.token());
    for broken in [
        "zz\r\n",
        "\r\n",
        "-1\r\n",
        "ffffffffffffffffffff\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5;\0e\r\nhello\r\n0\r\n\r\n",
        "2\r\n{}\r\nzz\r\n",
        "2\n{}\n0\n\n",
        "2\r\n{}\r\n0\r\na\rb: c\r\n\r\n",
    ] {
        for (request, status, code) in [
            (chunked("/auth/login", broken), 400, "malformed_json"),
            (post("/orders", &key, broken), 400, "malformed_json"),
            (post("/orders", &token, broken), 400, "malformed_json"),
            (chunked("/orders", broken), 401, "missing_token"),
            (chunked("/nowhere", broken), 404, "not_found"),
        ] {
            let answer = ends(&server, &format!("{request}{LIVE}"), 1, &request).await?;
            assert_eq!((answer.status, &answer.body["code"]), (status, &code.into()), "{request}: {answer:?}");
            assert!(answer.closes(), "{request}: {answer:?}");
            is_in_the_envelope(&answer, &request);
        }
    }
    Ok(())
}

#[tokio::test]
async fn garbage_behind_a_whole_request_is_refused() -> Result<()> {
    let server = Server::start(&[]).await?;
    for (request, status) in [
        (LIVE.to_owned(), 200),
        (LIVE.replace("1.1\r\n", "1.0\r\nconnection: keep-alive\r\n"), 200),
        (LIVE.replace("live", "nothing"), 404),
        (LIVE.replace("GET", "OPTIONS"), 204),
        (post("/auth/login", "content-length: 2\r\n", "{}"), 400),
        (chunked("/auth/login", "2\r\n{}\r\n0\r\n\r\n"), 400),
    ] {
        for (garbage, refused) in [
            ("garbage\r\n\r\n".to_owned(), 400),
            (format!("GET /{} HTTP/1.1\r\n", "a".repeat(140_000)), 414),
            (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1_000)), 431),
        ] {
            let what = format!("{request}{garbage:.40}");
            let mut wire = Wire::to(server.address()).await?;
            wire.say(format!("{request}{garbage}")).await?;
            let answer = wire.answer().await.with_context(|| what.clone())?;
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            let answer = wire.answer().await.with_context(|| what.clone())?;
            assert_eq!(answer.status, refused, "{what}: {answer:?}");
            assert!(answer.closes(), "{what}: {answer:?}");
            assert_eq!(wire.ended().await?, "", "{what}");
        }
    }
    Ok(())
}

/// To close on what is unread would take the refusal back, and tell a client that goes on sending of nothing but a
/// reset.
#[tokio::test]
async fn client_that_keeps_sending_receives_the_refusal() -> Result<()> {
    let server = Server::start(&[]).await?;
    let mut wire = Wire::to(server.address()).await?;
    wire.say("GET /health/live HTTP/1.1\r\ncookie: ").await?;
    let piece = "x".repeat(64 << 10);
    for _ in 0..64 {
        wire.say(&piece).await.context("it was reset")?;
    }
    let answer = wire.answer().await?;
    assert!(answer.status == 431 && answer.closes(), "{answer:?}");
    // And not for ever.
    while wire.say(&piece).await.is_ok() {
        assert!(wire.age() < 15 * SECOND, "it is heard out for ever");
    }
    Ok(())
}

#[tokio::test]
async fn chunk_extensions_and_trailers_use_no_memory_and_are_limited() -> Result<()> {
    let server = Server::start(&[("REQUEST_TIMEOUT", "3s")]).await?;
    let before = server.peak_memory()?;
    let megabytes = "x".repeat(8 << 20);
    for (body, status) in [
        (format!("2;{megabytes}\r\n{{}}\r\n0\r\n\r\n"), 400),
        (format!("2\r\n{{}}\r\n0\r\na: {megabytes}\r\n\r\n"), 400),
        // No end of it: the time-out of the request is its end.
        (format!("2\r\n{{}}\r\n0\r\n{}", "a: b\r\n".repeat(100)), 503),
        (format!("2\r\n{{}}\r\n0\r\n{}", "a: b\r\n".repeat(101)), 400),
        ("2\r\n{}\r\n0\r\n".to_owned(), 503),
        ("ffffffffffffffff\r\n{}".to_owned(), 503),
    ] {
        let what = format!("{body:.30}");
        let mut wire = Wire::to(server.address()).await?;
        wire.say(chunked("/auth/login", &body)).await?;
        let answer = wire.answer().await.with_context(|| what.clone())?;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        is_in_the_envelope(&answer, &what);
        if status == 503 {
            assert!(answer.closes(), "{what}: {answer:?}");
            wire.ended().await?;
        }
        assert!(wire.age() < 15 * SECOND, "{what}: {:?}", wire.age());
    }
    let grown = server.peak_memory()?.saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
    Ok(())
}

#[tokio::test]
async fn body_ends_at_its_length_even_with_an_ignored_upgrade() -> Result<()> {
    let server = Server::start(&[]).await?;
    for upgrade in ["websocket", "h2c", "TLS/1.0"] {
        let more = format!("connection: upgrade\r\nupgrade: {upgrade}\r\n");
        let login = post("/auth/login", &format!("{more}content-length: 2\r\n"), "{}");
        let live = LIVE.replace("host", &format!("{more}host"));
        for (request, status) in [(login, 400), (live, 200)] {
            let what = format!("{request}{LIVE}");
            let mut wire = Wire::to(server.address()).await?;
            wire.say(&what).await?;
            let answer = wire.answer().await.with_context(|| what.clone())?;
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            assert_eq!(wire.answer().await?.status, 200, "{what}");
            assert!(wire.age() < 10 * SECOND, "{what}: {:?}", wire.age());
        }
    }
    Ok(())
}

#[tokio::test]
async fn half_closed_client_is_answered() -> Result<()> {
    let server = Server::start(&[]).await?;
    let login = r#"{"email":"nobody@example.com","password":"nothing at all"}"#;
    for (said, answers, status) in [
        (LIVE.to_owned(), 1, 200),
        (LIVE.repeat(3), 3, 200),
        (LIVE.repeat(1_000), 1_000, 200),
        (LIVE.replace("live", "nothing"), 1, 404),
        (post("/auth/login", &format!("content-length: {}\r\n", login.len()), login), 1, 401),
        (chunked("/auth/login", &format!("{:x}\r\n{login}\r\n0\r\n\r\n", login.len())), 1, 401),
        (post("/auth/login", "content-length: 200\r\n", "{}"), 1, 400),
    ] {
        let mut wire = Wire::to(server.address()).await?;
        wire.say(&said).await?;
        wire.stream().shutdown().await?;
        for _ in 0..answers {
            let answer = wire.answer().await.with_context(|| format!("{said:.200}"))?;
            assert_eq!(answer.status, status, "{said:.200}: {answer:?}");
        }
        assert_eq!(wire.ended().await?, "", "{said:.200}");
    }
    Ok(())
}
