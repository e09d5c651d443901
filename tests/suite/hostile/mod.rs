//! What strangers try: none of it is ever a 500, a hang, a panic, or done.

mod bodies;
mod ids;
mod queries;
mod tokens;
mod wire;

use anyhow::Result;
use entrepot_tests::{Answer, Server};

/// Expects that nothing went wrong on our side: whatever is refused is refused with a reason.
#[track_caller]
fn is_answered(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.body);
    assert!(!answer.header("x-request-id").is_empty(), "{what}");
    if answer.status >= 400 {
        assert!(answer.body["code"].is_string(), "{what}: {} {}", answer.status, answer.body);
    }
}

/// Expects that the server is as it was, and has nothing to complain of.
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
