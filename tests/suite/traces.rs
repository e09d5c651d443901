//! Traces that are exported to a collector.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use entrepot_tests::{Collector, Hold, PASSWORD, Server, Span};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{DEPENDENCIES, start};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

/// The span with this name in the trace of the caller.
fn named<'a>(spans: &'a [Span], name: &str) -> Option<&'a Span> {
    spans.iter().find(|span| span.trace == TRACE && span.name == name)
}

/// Whether a span is an ancestor of another.
fn is_around(outer: &Span, inner: &Span, spans: &[Span]) -> bool {
    let mut at = Some(inner);
    while let Some(span) = at {
        if span.parent == outer.id {
            return true;
        }
        at = spans.iter().find(|other| other.id == span.parent);
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_one_trace_from_the_caller_to_the_statement() -> Result<()> {
    let collector = Collector::start().await?;
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()), ("LOG_FORMAT", "json"), ("LOG_LEVEL", "info")];
    let mut server = start(&settings).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG-1", 295, 7).await?;
    let order = json!({"items": [{"productId": mug, "quantity": 2}]});
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let placed = admin.with(Method::POST, "/orders", ("traceparent", &parent), Some(order)).await?.expect(201);

    let is_statement = |span: &Span| span.trace == TRACE && !span.attribute("db.system.name").is_empty();
    collector
        .until(|spans| {
            let found =
                named(spans, "POST /api/v1/orders").is_some() && named(spans, "OrderRepository.place").is_some();
            (found && spans.iter().any(is_statement)).then_some(())
        })
        .await?;
    let spans = collector.spans();
    let request = named(&spans, "POST /api/v1/orders").unwrap();
    assert_eq!((request.parent.as_str(), request.kind, request.failed), (CALLER, 2, false));
    assert_eq!(request.attribute("http.route"), "/api/v1/orders");
    assert_eq!(request.attribute("http.request.method"), "POST");
    assert!(request.attribute("http.response.status_code").contains("201"), "{request:?}");
    let port = named(&spans, "OrderRepository.place").unwrap();
    assert_eq!(port.parent, request.id);
    let system = if DEPENDENCIES.contains(&"redis") { "postgresql" } else { "sqlite" };
    let statements: Vec<_> = spans.iter().filter(|span| is_statement(span) && is_around(port, span, &spans)).collect();
    assert!(!statements.is_empty(), "{spans:#?}");
    for statement in statements {
        assert_eq!((statement.attribute("db.system.name"), statement.kind), (system, 3));
        assert!(
            !statement.attribute("db.query.text").is_empty() && !statement.attribute("db.operation.name").is_empty()
        );
    }

    // The log line has the trace id; a request without `traceparent` has a new trace.
    admin.get("/orders/none").await?.error(404, "not_found");
    assert!(server.stop()?.success());
    let log = server.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |route: &str| lines.iter().find(|line| line["route"] == route && line["method"] != "PATCH").unwrap();
    assert_eq!(of("/api/v1/orders")["trace_id"], TRACE);
    let own = of("/api/v1/orders/{id}")["trace_id"].as_str().unwrap().to_owned();
    assert_eq!(own.len(), 32);
    // Spans that were pending at the stop were sent.
    let spans = collector.spans();
    assert!(spans.iter().any(|span| span.trace == own && span.name == "GET /api/v1/orders/{id}"), "{own}: {spans:#?}");

    // Spans have the route's pattern, and no values of the request.
    let told = format!("{spans:?}");
    for secret in [PASSWORD, admin.token(), admin.email(), admin.id(), &mug, &placed.id(), "MUG-1"] {
        assert!(!told.contains(secret), "{secret}");
    }
    // Only requests begin traces.
    assert!(spans.iter().all(|span| span.kind == 2 || !span.parent.is_empty()), "{spans:#?}");
    Ok(())
}

#[tokio::test]
async fn job_continues_the_trace_of_the_request_that_queued_it() -> Result<()> {
    let collector = Collector::start().await?;
    let server = start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]).await?;
    let ada = json!({"email": "ada@example.com", "password": PASSWORD, "name": "Ada"});
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let client = server.anonymous();
    client.with(Method::POST, "/users", ("traceparent", &parent), Some(ada)).await?.expect(201);
    let spans = collector
        .until(|spans| {
            let found = ["POST /api/v1/users", "job mail.send"].iter().all(|name| named(spans, name).is_some());
            found.then(|| spans.to_vec())
        })
        .await?;
    let (request, job) = (named(&spans, "POST /api/v1/users").unwrap(), named(&spans, "job mail.send").unwrap());
    assert!(is_around(request, job, &spans), "{spans:#?}");
    assert_eq!((job.kind, job.failed), (5, false), "a consumer");
    Ok(())
}

/// Orders that arrive together are placed by one statement, which is a span in the trace of one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_one_statement_link_to_it() -> Result<()> {
    const ORDERS: usize = 12;
    let collector = Collector::start().await?;
    let server = start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG-1", 295, 100).await?;
    admin.get("/users/me").await?.expect(200);
    let traces: Vec<_> = (1..=ORDERS).map(|n| format!("{n:032x}")).collect();
    let hold = Hold::on(&server).await?;
    let mut buyers = JoinSet::new();
    for trace in &traces {
        let (admin, parent) = (admin.clone(), format!("00-{trace}-{CALLER}-01"));
        let order = json!({"items": [{"productId": mug, "quantity": 1}]});
        buyers.spawn(async move { admin.with(Method::POST, "/orders", ("traceparent", &parent), Some(order)).await });
    }
    all_wait(&server, ORDERS).await?;
    hold.release().await?;
    for answer in buyers.join_all().await {
        answer?.expect(201);
    }
    let is_statement = |span: &Span, trace: &str| span.trace == trace && !span.attribute("db.system.name").is_empty();
    let leads = |spans: &[Span], trace: &str| {
        let links = spans.iter().filter(|span| span.trace == trace).flat_map(|span| &span.links);
        let mut roads = links.map(String::as_str).chain([trace]);
        roads.any(|road| spans.iter().any(|span| is_statement(span, road)))
    };
    collector.until(|spans| traces.iter().all(|trace| leads(spans, trace)).then_some(())).await?;
    let linked = collector.spans().iter().filter(|span| !span.links.is_empty()).count();
    // The embedded store has a statement for each order.
    assert_eq!(linked > 0, DEPENDENCIES.contains(&"redis"), "{linked} point to another trace");
    Ok(())
}

/// Waits until so many requests are being answered, by all instances together, beside the one that asks.
async fn all_wait(server: &Server, count: usize) -> Result<()> {
    let begun = Instant::now();
    loop {
        let mut waiting = 0;
        for instance in server.urls() {
            let text = server.anonymous().at(&instance).get("//metrics").await?.body;
            let line = text
                .as_str()
                .unwrap_or_default()
                .lines()
                .find_map(|line| line.strip_prefix("http_requests_in_flight "));
            waiting += line.context("no such number")?.parse::<usize>()? - 1;
        }
        if waiting == count {
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(10), "{waiting} wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_error_is_no_failed_span_and_unsampled_request_is_not_exported() -> Result<()> {
    let collector = Collector::start().await?;
    let server = start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())]).await?;
    let ada = server.customer("ada@example.com").await?;
    let unsampled = "11111111111111111111111111111111";
    ada.with(Method::GET, "/users/me", ("traceparent", &format!("00-{unsampled}-{CALLER}-00")), None)
        .await?
        .expect(200);
    let wrong = json!({"email": ada.email(), "password": "not the one"});
    ada.with(Method::POST, "/auth/login", ("traceparent", &format!("00-{TRACE}-{CALLER}-01")), Some(wrong))
        .await?
        .error(401, "invalid_credentials");
    let login = collector.until(|spans| named(spans, "POST /api/v1/auth/login").cloned()).await?;
    assert!(!login.failed, "a client's mistake is no failure");
    assert!(collector.spans().iter().all(|span| span.trace != unsampled));
    assert!(named(&collector.spans(), "PasswordHasher.verify").is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_collector_delays_no_request() -> Result<()> {
    // One that takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", silent.local_addr()?);
    for (url, patience) in [("http://127.0.0.1:1", 3), (url.as_str(), 7)] {
        let mut server = start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]).await?;
        let ada = server.customer("ada@example.com").await?;
        for _ in 0..50 {
            ada.get("/users/me").await?.expect(200);
        }
        let begun = Instant::now();
        assert!(server.stop()?.success());
        let took = begun.elapsed().as_secs();
        // What is more is the end of the server itself, of each instance.
        assert!(took <= patience + 6, "{took} s at {url}");
        assert_eq!(server.log().matches("traces are lost").count(), server.urls().len(), "{}", server.log());
    }
    Ok(())
}
