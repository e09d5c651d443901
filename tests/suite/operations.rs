//! Health, metrics, documentation, logs and stops.

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
};

use anyhow::Result;
use entrepot_tests::PASSWORD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{DEPENDENCIES, start};

#[tokio::test]
async fn health_reports_the_process_and_each_dependency() -> Result<()> {
    let server = start(&[]).await?;
    for instance in server.urls() {
        let nobody = server.anonymous().at(&instance);
        nobody.get("//health/live").await?.expect(200);
        let ready = nobody.get("//health/ready").await?.expect(200);
        let dependencies = ready.data()["dependencies"].as_array().unwrap();
        let names: Vec<_> = dependencies.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, DEPENDENCIES);
        assert!(dependencies.iter().all(|one| one["status"] == "up"), "{dependencies:?}");
        assert_eq!(ready.data()["writes"], "ok");
    }
    Ok(())
}

#[tokio::test]
async fn metrics_are_labelled_by_route_pattern_and_count_orders() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 1).await?;
    admin.order(&mug, 1).await?.expect(201);
    admin.order(&mug, 1).await?.error(409, "insufficient_stock");
    for n in 0..10 {
        admin.get(&format!("/nowhere/{n}")).await?.error(404, "not_found");
        admin.get(&format!("/products/{n}")).await?.error(404, "not_found");
    }
    // Each instance counts its own requests; Prometheus adds them up.
    let (mut text, mut placed) = (String::new(), 0);
    for instance in server.urls() {
        let metrics = admin.at(&instance).get("//metrics").await?;
        assert!(metrics.header("content-type").starts_with("text/plain"));
        let told = metrics.body.as_str().unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix("orders_placed_total "));
        placed += line.unwrap_or_else(|| panic!("{told}")).parse::<u64>()?;
        text += told;
    }
    assert_eq!(placed, 1, "{text}");
    assert!(text.contains("insufficient_stock"));
    assert!(text.contains("{id}") && !text.contains("nowhere") && !text.contains(&mug), "{text}");
    Ok(())
}

#[tokio::test]
async fn openapi_document_has_every_route_and_is_printed_by_the_binary() -> Result<()> {
    let server = start(&[]).await?;
    let document = server.anonymous().get("//openapi.json").await?;
    assert_eq!(document.status, 200);
    assert!(document.body["openapi"].as_str().unwrap().starts_with("3.1"));
    let printed = server.command(&["openapi"], &[])?;
    assert!(printed.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout)?, document.body);

    let mut told = BTreeSet::new();
    for (path, item) in document.body["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            told.insert(format!("{method} {}", path.trim_start_matches("/api/v1")));
        }
    }
    for route in [
        "post /auth/login",
        "post /auth/refresh",
        "post /auth/logout",
        "get /auth/sessions",
        "delete /auth/sessions",
        "delete /auth/sessions/{id}",
        "post /users",
        "get /users",
        "get /users/me",
        "get /users/{id}",
        "patch /users/{id}",
        "delete /users/{id}",
        "put /users/{id}/roles",
        "get /products",
        "post /products",
        "get /products/{id}",
        "patch /products/{id}",
        "delete /products/{id}",
        "post /products/{id}/stock",
        "get /orders",
        "post /orders",
        "get /orders/{id}",
        "get /orders/{id}/events",
        "post /orders/{id}/cancel",
        "post /orders/{id}/pay",
        "post /orders/{id}/ship",
        "post /orders/{id}/deliver",
        "post /orders/{id}/refund",
        "get /health/live",
        "get /health/ready",
        "get /.well-known/jwks.json",
    ] {
        assert!(told.contains(route), "{route} is not in {told:#?}");
    }
    // Every operation of the document is served: none is an unknown path or method.
    let nobody = server.anonymous();
    for route in told {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{id}", "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55");
        let roots = ["/health", "/metrics", "/docs", "/openapi.json", "/.well-known"];
        let root = roots.into_iter().any(|root| path.starts_with(root));
        let path = if root { format!("/{path}") } else { path };
        let answer = nobody.send(nobody.request(Method::from_bytes(method.to_uppercase().as_bytes())?, &path)).await?;
        assert_ne!(answer.status, 405, "{route}");
        assert_ne!(answer.body["message"], "nothing is served at this path", "{route}");
    }
    Ok(())
}

#[tokio::test]
async fn docs_page_is_served_from_the_binary() -> Result<()> {
    let server = start(&[]).await?;
    for instance in server.urls() {
        let page = reqwest::get(format!("{instance}/docs")).await?;
        assert_eq!(page.status(), 200);
        let page = page.text().await?;
        assert!(page.to_lowercase().contains("swagger") && !page.contains("//unpkg") && !page.contains("//cdn"));
    }
    Ok(())
}

#[tokio::test]
async fn log_line_has_the_request_id_and_no_secret() -> Result<()> {
    let mut server = start(&[("LOG_FORMAT", "json")]).await?;
    let ada = server.customer("ada@example.com").await?;
    ada.with(Method::GET, "/orders?q=1&token=hush-hush", ("x-request-id", "find-me-1"), None).await?;
    assert!(server.stop()?.success());
    let log = server.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let line = lines.iter().find(|line| line["request_id"] == "find-me-1").expect(&log);
    assert_eq!([&line["level"], &line["message"], &line["target"]], ["INFO", "request", "http"], "{line}");
    assert_eq!([&line["method"], &line["route"], &line["user"]], ["GET", "/api/v1/orders", ada.id()], "{line}");
    assert_eq!((&line["status"], &line["address"]), (&json!(200), &json!("127.0.0.1")), "{line}");
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z') && line["duration_ms"].is_f64(), "{line}");
    for secret in [PASSWORD, ada.token(), ada.refresh_token(), "hush-hush"] {
        assert!(!log.contains(secret), "{secret}");
    }
    Ok(())
}

#[tokio::test]
async fn request_in_progress_is_finished_before_the_stop() -> Result<()> {
    let mut server = start(&[]).await?;
    // The head is there and half of the body, so the request is in flight.
    let body = json!({"name": "Ada", "email": "ada@example.com", "password": PASSWORD}).to_string();
    let (first, second) = body.split_at(10);
    let mut stream = TcpStream::connect(server.address())?;
    write!(
        stream,
        "POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\n\r\n",
        body.len(),
    )?;
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on)?;
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    stream.write_all(first.as_bytes())?;
    server.terminate()?;
    while server.log().matches("stopping").count() < server.urls().len() {
        tokio::task::yield_now().await;
    }
    stream.write_all(second.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(server.wait()?.code(), Some(0));
    server.restart()?;
    server.anonymous().login("ada@example.com", PASSWORD).await?;
    Ok(())
}

#[tokio::test]
async fn client_that_hangs_does_not_block_the_stop() -> Result<()> {
    let mut server = start(&[("SHUTDOWN_TIMEOUT", "1s")]).await?;
    let mut stream = TcpStream::connect(server.address())?;
    stream.write_all(b"POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n")?;
    assert_eq!(server.stop()?.code(), Some(0));
    Ok(())
}
