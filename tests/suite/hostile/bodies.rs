//! Hostile bodies, on every route that takes one.

use anyhow::Result;
use entrepot_tests::{
    Answer, Client,
    document::{Route, routes},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::{is_answered, is_unharmed};
use crate::start;

const RANDOM: &str = "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55";

/// A placeholder in a body, which is replaced by raw text.
const HERE: &str = "@here@";

/// Numbers out of range, invalid strings, and values of another type, as raw JSON.
fn hostile() -> Vec<String> {
    let mut values: Vec<String> = [
        "null",
        "true",
        "0",
        "-0",
        "-0.0",
        "-1",
        "1.5",
        "1e2",
        "1e400",
        "-1e400",
        "1e-400",
        "NaN",
        "Infinity",
        "01",
        "+1",
        "0x10",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "2147483647",
        "2147483648",
        "99999999999999999999999999",
        "\"\"",
        "\" \"",
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\ud83d\\uded2\"",
        "\"a\\r\\nx-injected: 1\"",
        "\"\\u202e\\ufeff\\u200b\"",
        "\"' OR 1=1--\"",
        "\"<script>\"",
        "\"${jndi:ldap://x}\"",
        "\"../../etc/passwd\"",
        "[]",
        "{}",
        "[null]",
        "{\"\":{}}",
        "[{}]",
        "{\"a\":1,\"a\":2}",
    ]
    .map(str::to_owned)
    .into();
    values.push(format!("\"{}\"", "x".repeat(100_000)));
    values.push(format!("\"{}@example.com\"", "x".repeat(300)));
    values.push(format!("\"{}\"", "\\u0301".repeat(2_000)));
    values.push("[".repeat(120) + &"]".repeat(120));
    values.push(format!("[{}]", vec!["{}"; 3_000].join(",")));
    values.push("9".repeat(10_000));
    values
}

async fn send(who: &Client, route: &Route, id: &str, body: impl Into<reqwest::Body>) -> Result<Answer> {
    let request = who.request(route.method.clone(), &route.at(id)).header("content-type", "application/json");
    who.send(request.body(body)).await
}

/// The body once for each value within it, with [`HERE`] in that value's place.
fn with_holes(value: &Value) -> Vec<Value> {
    let inside: Vec<Value> = match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, child)| {
                with_holes(child).into_iter().map(move |child| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), child);
                    Value::Object(fields)
                })
            })
            .collect(),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .flat_map(|(n, child)| {
                with_holes(child).into_iter().map(move |child| {
                    let mut values = values.clone();
                    values[n] = child;
                    Value::Array(values)
                })
            })
            .collect(),
        _ => Vec::new(),
    };
    [vec![json!(HERE)], inside].concat()
}

/// An example in which every identifier is this one.
fn existing(example: &Value, id: &str) -> Value {
    match example {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), existing(value, id))).collect(),
        Value::Array(values) => values.iter().map(|value| existing(value, id)).collect(),
        Value::String(text) if text.len() == RANDOM.len() && text.split('-').count() == 5 => json!(id),
        other => other.clone(),
    }
}

#[tokio::test]
async fn any_value_in_any_body_is_never_a_500() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    // Existing resources, so that no request is refused before it reaches the store.
    let (product, eve) = (admin.product("MUG", 295, 10).await?, server.customer("eve@example.com").await?);
    let (all, hostile) = (routes(&admin).await?, hostile());
    let mut sent = 0;
    for route in all.iter().filter(|route| route.body.is_some()) {
        let id = if route.path.starts_with("/users") { eve.id() } else { &product };
        for body in with_holes(&existing(route.body.as_ref().unwrap(), &product)) {
            let (before, after) =
                body.to_string().split_once(&format!("\"{HERE}\"")).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
            for value in &hostile {
                let answer = send(&admin, route, id, format!("{before}{value}{after}")).await?;
                let what = format!("{} {body} {value:.60}", route.name());
                is_answered(&answer, &what);
                assert!(answer.headers.get("x-injected").is_none(), "{what}");
                sent += 1;
            }
        }
    }
    assert!(sent > 1_000, "only {sent} were sent");
    is_unharmed(&server).await
}

#[tokio::test]
async fn malformed_json_is_refused_on_every_route() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    for route in routes(&admin).await?.iter().filter(|route| route.body.is_some()) {
        let example = route.body.as_ref().unwrap().to_string();
        let twice = example.replacen('{', &format!("{{{},", example.trim_start_matches('{').trim_end_matches('}')), 1);
        for bad in [
            b"\0".to_vec(),
            b"\xff\xfe{\0}\0".to_vec(),
            [b"{\"", &[0xff, 0xc0, 0x80][..], b"\":1}"].concat(),
            b"\xef\xbb\xbf\xef\xbb\xbf{}".to_vec(),
            example.as_bytes()[..example.len() - 1].to_vec(),
            [example.as_bytes(), b"\0"].concat(),
            "[".repeat(100_000).into_bytes(),
            "{\"a\":".repeat(100_000).into_bytes(),
            ("[".repeat(100_000) + &"]".repeat(100_000)).into_bytes(),
            twice.into_bytes(),
        ] {
            let shown = String::from_utf8_lossy(&bad[..bad.len().min(60)]).into_owned();
            let answer = send(&admin, route, RANDOM, bad).await?;
            assert_eq!(
                (answer.status, answer.body["code"].as_str()),
                (400, Some("malformed_json")),
                "{} {shown}",
                route.name()
            );
        }
    }
    is_unharmed(&server).await
}

#[tokio::test]
async fn body_of_eleven_megabytes_is_refused_on_every_route() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let long = bytes_of(11 << 20);
    for route in routes(&admin).await?.iter().filter(|route| route.body.is_some()) {
        let request = admin.request(route.method.clone(), &route.at(RANDOM)).header("content-type", "application/json");
        // The server may refuse and close the connection before the client has sent everything.
        if let Ok(answer) = request.body(long.clone()).send().await {
            assert_eq!(answer.status(), 413, "{}", route.name());
        }
    }
    let peak = server.peak_memory()?;
    assert!(peak < 200 << 20, "{peak} bytes were resident");
    is_unharmed(&server).await
}

fn bytes_of(length: usize) -> Vec<u8> {
    let mut body = b"{\"name\":\"".to_vec();
    body.resize(length, b'x');
    body
}

#[tokio::test]
async fn names_with_line_breaks_are_refused() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    for bad in ["Ada\r\nx-injected: 1", "Ada\u{7}", "Ada\0", "\u{1b}[31mAda"] {
        let user = json!({"name": bad, "email": "a@example.com", "password": "long enough"});
        admin.post("/users", user).await?.invalid(&["name"]);
        let product = json!({"sku": bad, "name": bad, "price": {"amount": 1, "currency": "GBP"}, "stock": 1});
        admin.post("/products", product).await?.invalid(&["name", "sku"]);
    }
    for bad in ["a\r\nbcc:x@example.com", "a\0@example.com", "a@exa\nmple.com"] {
        let user = json!({"name": "Ada", "email": bad, "password": "long enough"});
        admin.post("/users", user).await?.invalid(&["email"]);
    }
    for key in ["a\tb", "ключ", "a b"] {
        let request = admin.request(Method::POST, "/orders").header("idempotency-key", key.as_bytes());
        is_answered(&admin.send(request.json(&json!({"items": []}))).await?, key);
    }
    is_unharmed(&server).await
}
