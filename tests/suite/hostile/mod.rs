//! Hostile requests: none of them causes a 500, a hang or a panic, or succeeds.

mod bodies;
mod ids;
mod queries;
mod tokens;
mod wire;

use anyhow::Result;
use entrepot_tests::{Answer, Server};

/// Expects no server error: a refusal has a 4xx status and an error code.
#[track_caller]
fn is_answered(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.body);
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
    if answer.status >= 400 {
        assert!(answer.body["code"].is_string(), "{what}: {} {}", answer.status, answer.body);
    }
}

/// Expects that the server is ready, and has logged no error or panic.
async fn is_unharmed(server: &Server) -> Result<()> {
    for instance in server.urls() {
        server.anonymous().at(&instance).get("//health/ready").await?.expect(200);
    }
    let log = server.log();
    let complaints: Vec<_> =
        log.lines().filter(|line| line.contains("\"level\":\"ERROR\"") || line.contains("panicked")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    Ok(())
}
