//! Tests of the routes for operators and for readers of the API.

use std::sync::Arc;

use actix_web::test::TestRequest;
use entrepot_domain::{Fault, HealthCheck, MockHealthCheck, auth::PublicKey};

use crate::testing::{Answer, Mocks, ask, state_for_tests};

fn check(name: &'static str, required: bool, is_up: bool) -> Arc<dyn HealthCheck> {
    let mut check = MockHealthCheck::new();
    check.expect_name().return_const(name);
    check.expect_required().return_const(required);
    check.expect_check().returning(move || {
        if is_up { Ok(()) } else { Err(Fault::unavailable("redis", anyhow::anyhow!("secret inside"))) }
    });
    check.expect_check_writes().returning(|| Ok(()));
    Arc::new(check)
}

/// A database whose reads work, and whose writes do not.
fn full_disk() -> Arc<dyn HealthCheck> {
    let mut check = MockHealthCheck::new();
    check.expect_name().return_const("database");
    check.expect_required().return_const(true);
    check.expect_check().returning(|| Ok(()));
    check.expect_check_writes().returning(|| Err(Fault::unavailable("sqlite", anyhow::anyhow!("secret inside"))));
    Arc::new(check)
}

fn with(health: Vec<Arc<dyn HealthCheck>>) -> Mocks {
    Mocks { health, ..Mocks::default() }
}

async fn get(mocks: Mocks, path: &str) -> Answer {
    ask(&mocks.state(), TestRequest::get().uri(path)).await
}

#[actix_web::test]
async fn liveness_checks_no_dependency() {
    let answer = get(with(vec![Arc::new(MockHealthCheck::new())]), "/health/live").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, r#"{"status":"success","data":{"status":"ok"}}"#);
}

#[actix_web::test]
async fn server_is_ready_without_an_optional_dependency() {
    let answer = get(with(vec![check("database", true, true), check("cache", false, false)]), "/health/ready").await;
    assert_eq!(answer.status, 200);
    insta::assert_snapshot!(std::str::from_utf8(&answer.body).unwrap(), @r#"{"status":"success","data":{"status":"ready","writes":"ok","dependencies":[{"name":"database","required":true,"status":"up"},{"name":"cache","required":false,"status":"down"}]}}"#);
}

#[actix_web::test]
async fn it_is_ready_for_reads_while_writes_fail() {
    let answer = get(with(vec![full_disk(), check("cache", false, true)]), "/health/ready").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["data"]["status"], "ready");
    assert_eq!(answer.json()["data"]["writes"], "failing");
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret inside"));
}

#[actix_web::test]
async fn server_is_not_ready_without_a_required_dependency() {
    let answer = get(with(vec![check("database", true, false), check("cache", false, true)]), "/health/ready").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    insta::assert_snapshot!(std::str::from_utf8(&answer.body).unwrap(), @r#"{"status":"error","code":"unavailable","message":"the service cannot do this now; please try again","requestId":"00000000-0000-0000-0000-000000000001","data":{"status":"unavailable","writes":"failing","dependencies":[{"name":"database","required":true,"status":"down"},{"name":"cache","required":false,"status":"up"}]}}"#);
}

#[actix_web::test]
async fn stopping_server_is_not_ready() {
    let state = with(vec![check("database", true, true)]).state();
    state.stop();
    let answer = ask(&state, TestRequest::get().uri("/health/ready")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["data"]["status"], "stopping");
    assert_eq!(answer.json()["data"]["dependencies"][0]["status"], "up");
}

#[actix_web::test]
async fn public_keys_are_a_cacheable_set() {
    let mut mocks = Mocks::default();
    mocks.tokens.expect_public_keys().returning(|| vec![PublicKey { id: "name".into(), bytes: [0; 32] }]);
    let answer = get(mocks, "/.well-known/jwks.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "public, max-age=300"));
    insta::assert_snapshot!(std::str::from_utf8(&answer.body).unwrap(), @r#"{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"name","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#);
    let mut secret = Mocks::default();
    secret.tokens.expect_public_keys().returning(Vec::new);
    assert_eq!(get(secret, "/.well-known/jwks.json").await.body, r#"{"keys":[]}"#);
}

#[actix_web::test]
async fn document_is_not_sent_to_a_client_that_has_it() {
    let state = state_for_tests();
    let first = ask(&state, TestRequest::get().uri("/openapi.json")).await;
    assert_eq!((first.status.as_u16(), first.header("content-type")), (200, "application/json"));
    assert_eq!(first.json()["info"]["title"], "Entrepot");
    let tag = first.header("etag");
    for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again = TestRequest::get().uri("/openapi.json").insert_header(("if-none-match", known));
        let again = ask(&state, again).await;
        assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, tag));
    }
}

#[actix_web::test]
async fn page_and_its_files_are_served() {
    let state = state_for_tests();
    for page in ["/docs", "/docs/", "/docs/index.html"] {
        let answer = ask(&state, TestRequest::get().uri(page)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "text/html; charset=utf-8"),
            "{page}"
        );
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        let files = text.split('"').filter(|part| [".js", ".css", ".png"].iter().any(|end| part.ends_with(end)));
        let files: Vec<_> = files.collect();
        assert_eq!(files.len(), 7, "{page}: {files:?}");
        for file in files {
            // As a browser resolves it: against the folder of the page.
            let path = format!("{}/{}", page.rsplit_once('/').unwrap().0, file.trim_start_matches("./"));
            let answer = ask(&state, TestRequest::get().uri(&path)).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.body.is_empty(), "{path}");
        }
    }
    let script = ask(&state, TestRequest::get().uri("/docs/swagger-initializer.js")).await;
    let script = String::from_utf8(script.body.to_vec()).unwrap();
    for setting in ["\"url\": \"/openapi.json\"", "\"persistAuthorization\": true", "\"tryItOutEnabled\": true"] {
        assert!(script.contains(setting), "{script}");
    }
}
