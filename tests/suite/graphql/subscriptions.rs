//! Subscriptions over graphql-transport-ws and server-sent events.

use anyhow::{Context, Result};
use entrepot_tests::{
    Client,
    feed::{Sse, Ws},
};
use reqwest::{Method, header::ACCEPT};
use serde_json::{Value, json};

use super::{data, error};
use crate::start;

const PROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

const EVENTS: &str = "subscription ($types: [String!], $order: ID, $last: String) {
    events(types: $types, orderId: $order, lastEventId: $last) { id type timestamp data } }";

/// A connection over which nothing was said.
async fn open(client: &Client, query: &str) -> Result<Ws> {
    let opened = Ws::to(client, &format!("/graphql{query}"), &[PROTOCOL]).await;
    opened.map_err(|status| anyhow::anyhow!("refused with {status}"))
}

/// A connection that was acknowledged.
async fn ready(client: &Client) -> Result<Ws> {
    let mut ws = open(client, "").await?;
    ws.say(r#"{"type":"connection_init"}"#).await?;
    assert_eq!(ws.next().await?, json!({"type": "connection_ack"}));
    Ok(ws)
}

/// Begins an operation. A query that is answered after it tells that it has begun: they are begun in order.
async fn begin(ws: &mut Ws, id: &str, query: &str, variables: Value) -> Result<()> {
    let payload = json!({"query": query, "variables": variables});
    ws.say(json!({"type": "subscribe", "id": id, "payload": payload}).to_string()).await
}

/// The next result of this operation.
async fn result(ws: &mut Ws, id: &str) -> Result<Value> {
    let next = ws.next().await?;
    assert_eq!((&next["type"], &next["id"]), (&json!("next"), &json!(id)), "{next}");
    Ok(next["payload"].clone())
}

/// A subscription by server-sent events.
async fn stream(client: &Client, variables: Value) -> Result<Sse> {
    let request = client.request(Method::POST, "/graphql").header(ACCEPT, "text/event-stream");
    let response = request.json(&json!({"query": EVENTS, "variables": variables})).send().await?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    Ok(Sse::of(response))
}

/// The next `next` of a stream.
async fn event(stream: &mut Sse) -> Result<Value> {
    loop {
        let block = stream.block().await?.context("the stream has ended")?;
        match block.event.as_deref() {
            Some("next") => return Ok(data(block.data)["events"].clone()),
            None if block.has_comment => {}
            _ => anyhow::bail!("{block:?}"),
        }
    }
}

/// The id of the newest event.
async fn newest(staff: &Client) -> Result<Value> {
    let mut newest = Value::Null;
    for event in staff.get("/events/log?limit=100").await?.expect(200).list() {
        newest = event["id"].clone();
    }
    Ok(newest)
}

#[tokio::test]
async fn each_step_of_a_purchase_is_seen() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG", 295, 10).await?;
    let last = newest(&staff).await?;
    let mut sse = stream(&ada, json!({})).await?;
    let mut ws = ready(&ada).await?;
    begin(&mut ws, "live", EVENTS, json!({"last": last})).await?;
    let order = ada.order(&mug, 1).await?.expect(201).id();
    for step in ["pay", "ship", "deliver"] {
        staff.call(&format!("/orders/{order}/{step}")).await?.expect(200);
    }
    for (kind, from, to) in [
        ("order.created", Value::Null, "pending"),
        ("order.status_changed", json!("pending"), "paid"),
        ("order.status_changed", json!("paid"), "shipped"),
        ("order.status_changed", json!("shipped"), "delivered"),
    ] {
        let seen = data(result(&mut ws, "live").await?)["events"].clone();
        assert_eq!(seen, event(&mut sse).await?);
        assert_eq!((&seen["type"], &seen["data"]["orderId"]), (&json!(kind), &json!(order)));
        let status = if from.is_null() { &seen["data"]["status"] } else { &seen["data"]["to"] };
        assert_eq!((&seen["data"]["from"], status), (&from, &json!(to)));
        assert!(seen["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{seen}");
    }
    let logged = staff.get("/events/log?type=order.created").await?.expect(200);
    let again = stream(&ada, json!({"last": last, "types": ["order.created"]})).await;
    assert_eq!(event(&mut again?).await?, logged.list()[0]);
    Ok(())
}

#[tokio::test]
async fn subscriptions_are_narrowed_and_go_on() -> Result<()> {
    let server = start(&[]).await?;
    let (staff, ada) = (server.staff().await?, server.customer("ada@example.com").await?);
    let mug = staff.product("MUG", 295, 10).await?;
    let last = newest(&staff).await?;
    let (one, two) = (ada.order(&mug, 1).await?.expect(201).id(), ada.order(&mug, 1).await?.expect(201).id());
    let mut of_two = stream(&staff, json!({"order": two, "last": last})).await?;
    assert_eq!(event(&mut of_two).await?["data"]["orderId"], two);
    assert_eq!(event(&mut of_two).await?["type"], "product.stock_changed");
    let mut created = stream(&staff, json!({"types": ["order.created"], "last": last})).await?;
    assert_eq!(event(&mut created).await?["data"]["orderId"], one);
    assert_eq!(event(&mut created).await?["data"]["orderId"], two);
    let mut strange = stream(&staff, json!({"last": "no id"})).await?;
    let reset = json!({"id": null, "type": "reset", "timestamp": null, "data": {"reason": "unknown"}});
    assert_eq!(event(&mut strange).await?, reset);
    staff.call(&format!("/orders/{one}/pay")).await?.expect(200);
    assert_eq!(event(&mut strange).await?["type"], "order.status_changed");
    // Of another's order there is nothing, and no error that would tell that it exists.
    let eve = server.customer("eve@example.com").await?;
    let mut none = stream(&eve, json!({"order": one, "last": last})).await?;
    let own = eve.order(&mug, 1).await?.expect(201).id();
    let mut all = stream(&eve, json!({"last": last})).await?;
    assert_eq!(event(&mut all).await?["data"]["orderId"], own);
    let nothing = tokio::time::timeout(std::time::Duration::from_millis(300), event(&mut none)).await;
    assert!(nothing.is_err(), "{nothing:?}");
    Ok(())
}

#[tokio::test]
async fn queries_and_changes_run_over_both() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mut ws = ready(&admin).await?;
    begin(&mut ws, "q", "{ me { id } }", Value::Null).await?;
    assert_eq!(data(result(&mut ws, "q").await?)["me"]["id"], admin.id());
    assert_eq!(ws.next().await?, json!({"type": "complete", "id": "q"}));
    let create = "mutation { createProduct(input: {sku: \"MUG\", name: \"Mug\", price: {amount: 295}}) { sku } }";
    begin(&mut ws, "q", create, Value::Null).await?;
    assert_eq!(data(result(&mut ws, "q").await?)["createProduct"]["sku"], "MUG");
    assert_eq!(ws.next().await?, json!({"type": "complete", "id": "q"}));
    begin(&mut ws, "q", "{ product(id: \"x\") { id } }", Value::Null).await?;
    assert_eq!(error(&result(&mut ws, "q").await?).0, "not_found");
    assert_eq!(ws.next().await?["type"], "complete");
    begin(&mut ws, "q", EVENTS, json!({"types": ["order.made"]})).await?;
    assert_eq!(error(&result(&mut ws, "q").await?), ("validation_failed", 400, vec!["types[0]"]));
    assert_eq!(ws.next().await?["type"], "complete");
    for refused in ["{", "", "{ nothing }", "{ me { nothing } }", "subscription { a: events { id } b: events { id } }"]
    {
        begin(&mut ws, "bad", refused, Value::Null).await?;
        let answer = ws.next().await?;
        assert_eq!((&answer["type"], &answer["id"]), (&json!("error"), &json!("bad")), "{refused}");
        assert_eq!(answer["payload"][0]["extensions"]["code"], "validation_failed", "{answer}");
    }

    for (query, expected) in [("{ me { roles } }", json!(["customer", "admin"])), ("{ nothing }", Value::Null)] {
        let request = admin.request(Method::POST, "/graphql").header(ACCEPT, "text/event-stream");
        let mut sse = Sse::of(request.json(&json!({"query": query})).send().await?);
        let mut seen = Vec::new();
        while let Some(block) = sse.block().await? {
            seen.extend(block.event.map(|event| (event, block.data)));
        }
        let [(next, result), (complete, _)] = seen.as_slice() else { panic!("{seen:?}") };
        assert_eq!((next.as_str(), complete.as_str()), ("next", "complete"));
        assert_eq!(result["data"]["me"]["roles"], expected);
        assert_eq!(expected.is_null(), result.get("errors").is_some());
    }
    Ok(())
}

#[tokio::test]
async fn protocol_is_kept() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let subscribe = |id: &str| json!({"type": "subscribe", "id": id, "payload": {"query": EVENTS}}).to_string();
    let init = r#"{"type":"connection_init"}"#;

    let mut ws = open(&ada, "").await?;
    ws.say(r#"{"type":"ping","payload":{"n":1}}"#).await?;
    assert_eq!(ws.next().await?, json!({"type": "pong", "payload": {"n": 1}}));
    ws.say(init).await?;
    assert_eq!(ws.next().await?["type"], "connection_ack");
    // What is not known cannot end.
    ws.say(r#"{"type":"complete","id":"x"}"#).await?;
    ws.say(r#"{"type":"pong"}"#).await?;
    ws.say(subscribe("x")).await?;
    ws.say(r#"{"type":"complete","id":"x"}"#).await?;
    ws.say(subscribe("x")).await?;
    ws.say(r#"{"type":"ping"}"#).await?;
    assert_eq!(ws.next().await?, json!({"type": "pong"}));

    for (said, code) in [
        (vec![init, "{"], 4400),
        (vec!["[]"], 4400),
        (vec![init, r#"{"type":"start","id":"1"}"#], 4400),
        (vec![init, r#"{"type":"subscribe","payload":{"query":"{ me { id } }"}}"#], 4400),
        (vec![init, r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#], 4400),
        (vec![&subscribe("1")], 4401),
        (vec![init, &subscribe("1"), &subscribe("1")], 4409),
        (vec![init, init], 4429),
    ] {
        let mut ws = open(&ada, "").await?;
        for text in &said {
            ws.say(*text).await?;
        }
        assert_eq!(ws.closed().await?, code, "{said:?}");
    }
    let other = Ws::to(&ada, "/graphql", &[("sec-websocket-protocol", "graphql-ws")]).await;
    // Clients that are strict about protocols close it themselves.
    if let Ok(mut other) = other {
        assert_eq!(other.closed().await?, 4406);
    }
    let mut idle = open(&ada, "").await?;
    assert_eq!(idle.closed().await?, 4408);
    Ok(())
}

#[tokio::test]
async fn clients_show_who_they_are() -> Result<()> {
    let server = start(&[]).await?;
    let (ada, nobody) = (server.customer("ada@example.com").await?, server.anonymous());
    let ticket = async || -> Result<String> {
        Ok(ada.call("/auth/ticket").await?.expect(200).data()["ticket"].as_str().context("no ticket")?.to_owned())
    };
    let init = |token: &str| {
        json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {token}")}}).to_string()
    };
    for (query, said) in [
        (format!("?ticket={}", ticket().await?), r#"{"type":"connection_init"}"#.to_owned()),
        (String::new(), init(ada.token())),
    ] {
        let mut ws = open(&nobody, &query).await?;
        ws.say(said).await?;
        assert_eq!(ws.next().await?["type"], "connection_ack");
        begin(&mut ws, "1", "{ me { id } }", Value::Null).await?;
        assert_eq!(data(result(&mut ws, "1").await?)["me"]["id"], ada.id());
    }
    for (query, said) in [
        ("", r#"{"type":"connection_init"}"#.to_owned()),
        ("", init("nonsense")),
        ("?ticket=nonsense", r#"{"type":"connection_init"}"#.to_owned()),
    ] {
        let mut ws = open(&nobody, query).await?;
        ws.say(said).await.ok();
        assert_eq!(ws.closed().await?, 4403, "{query}");
    }
    let foreign = [PROTOCOL, ("origin", "https://evil.example")];
    assert_eq!(Ws::to(&ada, "/graphql", &foreign).await.err(), Some(403));

    let get = async |query: &[(&str, &str)], origin: &str| -> Result<reqwest::Response> {
        let request = nobody.request(Method::GET, "/graphql").header(ACCEPT, "text/event-stream");
        let request = if origin.is_empty() { request } else { request.header("origin", origin) };
        Ok(request.query(&[&[("query", EVENTS)], query].concat()).send().await?)
    };
    let opened = get(&[("ticket", &ticket().await?)], "").await?;
    assert_eq!((opened.status().as_u16(), &opened.headers()["content-type"]), (200, &"text/event-stream".parse()?));
    assert_eq!(get(&[("ticket", "nonsense")], "").await?.status(), 401);
    assert_eq!(get(&[("ticket", &ticket().await?)], "https://evil.example").await?.status(), 403);
    let mut refused = Sse::of(get(&[], "").await?);
    let refused = loop {
        let block = refused.block().await?.context("it has ended")?;
        if block.event.is_some() {
            break block.data;
        }
    };
    assert_eq!(error(&refused), ("missing_token", 401, vec![]));
    Ok(())
}

#[tokio::test]
async fn connections_end_with_their_session_and_with_the_server() -> Result<()> {
    let mut server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let other = ada.again().await?;
    let (mut ws, mut sse) = (ready(&ada).await?, stream(&ada, json!({})).await?);
    begin(&mut ws, "1", EVENTS, Value::Null).await?;
    ada.post("/auth/logout", json!({"refreshToken": ada.refresh_token()})).await?.expect(204);
    assert_eq!(ws.closed().await?, 4403);
    sse.ended().await?;

    let (mut ws, mut sse) = (ready(&other).await?, stream(&other, json!({})).await?);
    begin(&mut ws, "1", EVENTS, Value::Null).await?;
    server.terminate()?;
    assert_eq!(ws.closed().await?, 1001);
    sse.ended().await?;
    assert!(server.wait()?.success());
    Ok(())
}

#[tokio::test]
async fn operations_of_a_connection_are_counted() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_USER_MAX", "8")]).await?;
    let ada = server.customer("ada@example.com").await?;
    let mut ws = ready(&ada).await?;
    let mut counted = 0;
    let refused = loop {
        begin(&mut ws, &counted.to_string(), "{ __typename }", Value::Null).await?;
        let answer = ws.next().await?;
        if answer["type"] != "next" {
            break answer;
        }
        assert_eq!(ws.next().await?["type"], "complete");
        counted += 1;
        assert!(counted < 8, "the handshake is one of them");
    };
    assert!(counted > 3, "{counted}");
    let code = &refused["payload"][0]["extensions"]["code"];
    assert_eq!((&refused["type"], code), (&json!("error"), &json!("rate_limited")));
    Ok(())
}
