//! What holds on every route: envelopes, errors, lists, request ids, versions, compression, CORS.

use std::collections::HashSet;

use anyhow::Result;
use entrepot_tests::{Answer, Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

/// The target of one relation of the `Link` header.
fn link(answer: &Answer, rel: &str) -> Option<String> {
    answer.header("link").split(", ").find_map(|link| {
        let (target, params) = link.split_once('>')?;
        params.contains(&format!("rel=\"{rel}\"")).then(|| target.trim_start_matches('<').to_owned())
    })
}

/// A target of a `Link`, as a path below `/api/v1`.
fn path(target: &str) -> &str {
    target.split_once("/api/v1").unwrap().1
}

async fn stocked(server: &Server, count: i64) -> Result<Client> {
    let admin = server.admin().await?;
    for n in 0..count {
        admin.product(&format!("SKU-{n:03}"), 100 + n / 3, n).await?;
    }
    Ok(admin)
}

#[tokio::test]
async fn pages_count_and_link() -> Result<()> {
    let server = start(&[]).await?;
    let admin = stocked(&server, 25).await?;
    let first = admin.get("/products?sort=sku&page=1&limit=10").await?.expect(200);
    assert_eq!(first.body["pagination"], json!({"page": 1, "limit": 10, "total": 25, "pages": 3}));
    assert_eq!(first.list().len(), 10);
    assert_eq!(link(&first, "prev"), None);
    let second = admin.get(path(&link(&first, "next").unwrap())).await?.expect(200);
    assert_eq!(second.body["pagination"]["page"], 2);
    assert_eq!(second.list()[0]["sku"], "SKU-010");
    assert!(link(&second, "prev").is_some() && link(&second, "first").is_some());
    let last = admin.get(path(&link(&first, "last").unwrap())).await?.expect(200);
    assert_eq!((last.list().len(), link(&last, "next")), (5, None));

    let usual = admin.get("/products").await?.expect(200);
    assert_eq!(usual.body["pagination"], json!({"page": 1, "limit": 20, "total": 25, "pages": 2}));
    let beyond = admin.get("/products?page=9").await?.expect(200);
    assert_eq!((beyond.list().len(), &beyond.body["pagination"]["total"]), (0, &json!(25)));
    Ok(())
}

#[tokio::test]
async fn cursor_returns_every_element_once_in_every_sort_order() -> Result<()> {
    let server = start(&[]).await?;
    let admin = stocked(&server, 25).await?;
    for sort in
        ["", "sort=name&", "sort=-price&", "sort=price,-name&", "sort=-createdAt&", "sort=createdAt&", "sort=-sku&"]
    {
        let paged = admin.get(&format!("/products?{sort}limit=100")).await?.expect(200).each("id");
        let (mut found, mut next) = (Vec::new(), String::new());
        loop {
            let part = admin.get(&format!("/products?{sort}limit=7&cursor={next}")).await?.expect(200);
            found.extend(part.each("id"));
            assert_eq!(part.body["pagination"]["limit"], 7);
            assert_eq!(part.body["pagination"].as_object().unwrap().len(), 2, "{}", part.body["pagination"]);
            match &part.body["pagination"]["nextCursor"] {
                Value::String(cursor) => {
                    assert!(link(&part, "next").unwrap().contains(cursor));
                    next.clone_from(cursor);
                }
                none => {
                    assert!(none.is_null() && link(&part, "next").is_none());
                    break;
                }
            }
        }
        assert_eq!(found, paged, "{sort}");
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), 25);
    }
    Ok(())
}

#[tokio::test]
async fn cursor_is_stable_under_concurrent_inserts() -> Result<()> {
    let server = start(&[]).await?;
    let admin = stocked(&server, 4).await?;
    let first = admin.get("/products?sort=sku&limit=2&cursor=").await?.expect(200);
    let next = first.body["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    admin.product("A-FIRST", 1, 1).await?;
    let second = admin.get(&format!("/products?sort=sku&limit=2&cursor={next}")).await?.expect(200);
    assert_eq!(second.each("sku"), ["SKU-002", "SKU-003"]);
    Ok(())
}

#[tokio::test]
async fn forged_or_foreign_cursor_is_refused() -> Result<()> {
    let server = start(&[]).await?;
    let admin = stocked(&server, 3).await?;
    let first = admin.get("/products?sort=sku&limit=1&cursor=").await?.expect(200);
    let cursor = first.body["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let other = if cursor.starts_with('A') { "B" } else { "A" };
    let forged = format!("{other}{}", &cursor[1..]);
    for query in [
        "cursor=x".to_owned(),
        "cursor=%00%ff".to_owned(),
        format!("sort=sku&cursor={forged}"),
        format!("sort=-sku&cursor={cursor}"),
        format!("sort=sku&q=mug&cursor={cursor}"),
    ] {
        admin.get(&format!("/products?{query}")).await?.error(400, "invalid_cursor");
    }
    admin.get(&format!("/users?cursor={cursor}")).await?.error(400, "invalid_cursor");
    Ok(())
}

#[tokio::test]
async fn all_invalid_query_parameters_are_reported_at_once() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let answer = nobody.get("/products?limit=0&page=0&sort=colour&inStock=perhaps&minPrice=x&maxPrice=-1").await?;
    answer.invalid(&["limit", "page", "sort", "inStock", "minPrice", "maxPrice"]);
    nobody.get("/products?limit=101").await?.invalid(&["limit"]);
    nobody.get("/products?page=-1").await?.invalid(&["page"]);
    nobody.get("/products?limit=1e1").await?.invalid(&["limit"]);
    nobody.get("/products?page=1&cursor=").await?.invalid(&["cursor"]);
    Ok(())
}

#[tokio::test]
async fn all_invalid_body_fields_are_reported_at_once() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let answer =
        nobody.post("/users", json!({"name": "", "email": "x", "password": "short", "roles": ["admin"]})).await?;
    answer.invalid(&["name", "email", "password", "roles"]);
    let answer = nobody.post("/users", json!({})).await?;
    answer.invalid(&["name", "email", "password"]);
    let answer = nobody.post("/users", json!({"name": 1, "email": null, "password": []})).await?;
    answer.invalid(&["name", "email", "password"]);

    let ada = server.customer("ada@example.com").await?;
    let items = json!([{"productId": "x", "quantity": 0}, {"quantity": 1.5}, {"productId": ada.id(), "quantity": 1, "price": 1}]);
    let answer = ada.post("/orders", json!({"items": items, "total": 1, "userId": ada.id()})).await?;
    answer.invalid(&[
        "items[0].productId",
        "items[0].quantity",
        "items[1].productId",
        "items[1].quantity",
        "items[2].price",
        "total",
        "userId",
    ]);
    Ok(())
}

/// JSON Schema calls `1.0` an integer, and many clients write their numbers so. Nothing is rounded.
#[tokio::test]
async fn integer_may_be_written_with_a_point_or_an_exponent() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let send = async |path: &str, body: String| {
        let request = admin.request(Method::POST, path).header("content-type", "application/json");
        admin.send(request.body(body)).await
    };
    let product = |amount: &str, stock: &str| {
        let price = format!(r#"{{"amount": {amount}, "currency": "GBP"}}"#);
        format!(r#"{{"sku": "1.5e3", "name": "Mug", "price": {price}, "stock": {stock}}}"#)
    };
    let made = send("/products", product("2.95e2", "1e1")).await?.expect(201);
    let (id, data) = (made.id(), made.data());
    assert_eq!((&data["price"]["amount"], &data["stock"], &data["sku"]), (&json!(295), &json!(10), &json!("1.5e3")));
    let stock = format!("/products/{id}/stock");
    send(&stock, r#"{"delta": -1.0, "reason": "broken"}"#.to_owned()).await?.expect(200);
    let order = |quantity: &str| format!(r#"{{"items": [{{"productId": "{id}", "quantity": {quantity}}}]}}"#);
    for (quantity, left) in [("2.0", 7), ("10e-1", 6), ("1E+0", 5)] {
        send("/orders", order(quantity)).await?.expect(201);
        assert_eq!(admin.stock(&id).await?, left, "{quantity}");
    }
    for bad in ["1.5", "1.00000000000000000000001", "1e-1", "1e400", "-1e400", "0.0", "-0", "9223372036854775808.0"] {
        send("/orders", order(bad)).await?.invalid(&["items[0].quantity"]);
    }
    let bad = product("0.1", "1e30").replace("1.5e3", "CUP");
    send("/products", bad).await?.invalid(&["price.amount", "stock"]);
    assert_eq!(admin.stock(&id).await?, 5);
    Ok(())
}

#[tokio::test]
async fn body_must_be_json() -> Result<()> {
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let send = async |kind: &'static str, body: Vec<u8>| {
        ada.send(ada.request(Method::POST, "/orders").header("content-type", kind).body(body)).await
    };
    for body in ["", "{", "{\"items\":[}", "{} {}", "{\"items\":[],}", "{\"items\":[],\"items\":[]}"] {
        send("application/json", body.into()).await?.error(400, "malformed_json");
    }
    send("application/json", vec![b'"', 0xff, b'"']).await?.error(400, "malformed_json");
    send("application/json", "[".repeat(100_000).into()).await?.error(400, "malformed_json");
    for body in ["[]", "null", "7", "\"x\""] {
        assert_eq!(send("application/json", body.into()).await?.status, 400, "{body}");
    }
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        send(kind, "items=1".into()).await?.error(415, "unsupported_media_type");
    }
    for kind in ["application/json; charset=utf-8", "application/json; charset=utf8", "application/json;charset=UTF8"] {
        send(kind, "{}".into()).await?.invalid(&["items"]);
    }
    send("application/json", "\u{feff}{}".into()).await?.invalid(&["items"]);
    send("application/json; charset=latin1", "{}".into()).await?.error(415, "unsupported_media_type");
    Ok(())
}

#[tokio::test]
async fn users_and_logins_are_accepted_as_forms() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let form = [("name", "Ada & Co"), ("email", "ada+1@example.com"), ("password", "pass word+%")];
    let made = nobody.send(nobody.request(Method::POST, "/users").form(&form)).await?.expect(201);
    assert_eq!((&made.data()["name"], &made.data()["email"]), (&json!("Ada & Co"), &json!("ada+1@example.com")));
    nobody.send(nobody.request(Method::POST, "/auth/login").form(&form[1..])).await?.expect(200);
    nobody
        .send(nobody.request(Method::POST, "/users").form(&[("name", "A"), ("roles", "admin")]))
        .await?
        .invalid(&["email", "password", "roles"]);
    let bad = "name=Ada&email=eve@example.com&password=%FF%FF%FF%FF%FF%FF%FF%FF";
    for path in ["/users", "/auth/login"] {
        let request = nobody.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        nobody.send(request.body(bad)).await?.invalid(&["password"]);
    }
    Ok(())
}

#[tokio::test]
async fn request_id_is_kept_or_generated() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let with = async |id: &'static str| nobody.with(Method::GET, "/products", ("x-request-id", id), None).await;
    assert_eq!(with("abc-123_X.y").await?.header("x-request-id"), "abc-123_X.y");
    for bad in ["has space", "<script>", "{\"x\":1}"] {
        let made = with(bad).await?;
        assert!(made.header("x-request-id") != bad && !made.header("x-request-id").is_empty());
    }
    let long: &'static str = Box::leak("x".repeat(5_000).into_boxed_str());
    assert!(with(long).await?.header("x-request-id").len() < 200);
    let (one, two) = (nobody.get("/nowhere").await?, nobody.get("/nowhere").await?);
    assert_ne!(one.error(404, "not_found").header("x-request-id"), two.error(404, "not_found").header("x-request-id"));
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent: &'static str = Box::leak(format!("00-{trace}-00f067aa0ba902b7-01").into_boxed_str());
    nobody.with(Method::GET, "/products", ("traceparent", parent), None).await?.expect(200);
    server.printed(trace).await
}

#[tokio::test]
async fn unknown_paths_are_404_and_unknown_methods_405() -> Result<()> {
    let server = start(&[]).await?;
    let (nobody, ada) = (server.anonymous(), server.customer("ada@example.com").await?);
    for path in ["//", "//api", "//api/v1", "/nowhere", "/products/x/y", "//favicon.ico", "//..%2f..%2fetc%2fpasswd"] {
        nobody.get(path).await?.error(404, "not_found");
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/products", "GET, POST"),
        (Method::PUT, "/orders", "GET, POST"),
        (Method::GET, "/auth/login", "POST"),
        (Method::POST, "/users/me", "GET"),
    ] {
        let answer = ada.send(ada.request(method.clone(), path)).await?;
        answer.error(405, "method_not_allowed");
        for allowed in allowed.split(", ") {
            assert!(answer.header("allow").split(", ").any(|known| known == allowed), "{}", answer.header("allow"));
        }
        assert!(!answer.header("allow").contains(method.as_str()));
    }
    Ok(())
}

#[tokio::test]
async fn head_is_a_get_without_its_body() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let path = format!("/products/{}", admin.product("MUG", 295, 1).await?);
    let (head, get) = (admin.send(admin.request(Method::HEAD, &path)).await?, admin.get(&path).await?);
    assert_eq!((head.status, &head.body), (200, &Value::Null));
    for header in ["etag", "content-type", "content-length"] {
        assert_eq!(head.header(header), get.header(header), "{header}");
    }
    Ok(())
}

#[tokio::test]
async fn malformed_id_is_a_404() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    for id in ["x", "1", "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55", "%00", "'%20OR%201=1--"] {
        for path in ["/products", "/orders", "/users"] {
            admin.get(&format!("{path}/{id}")).await?.error(404, "not_found");
        }
    }
    Ok(())
}

#[tokio::test]
async fn error_is_a_problem_document_on_request() -> Result<()> {
    let server = start(&[]).await?;
    let nobody = server.anonymous();
    let problem = ("accept", "application/problem+json");
    let answer = nobody.with(Method::POST, "/users", problem, Some(json!({"name": "A"}))).await?;
    assert_eq!(answer.status, 400);
    assert!(answer.header("content-type").starts_with("application/problem+json"));
    let body: Value = match &answer.body {
        Value::String(text) => serde_json::from_str(text)?,
        body => body.clone(),
    };
    assert_eq!((&body["status"], &body["code"]), (&json!(400), &json!("validation_failed")), "{body}");
    assert!(body["title"].is_string() && body["type"].is_string(), "{body}");
    assert_eq!(body["errors"].as_array().unwrap().len(), 2);
    assert_eq!(body["requestId"], answer.header("x-request-id"));
    nobody.with(Method::GET, "/products", problem, None).await?.expect(200);
    Ok(())
}
