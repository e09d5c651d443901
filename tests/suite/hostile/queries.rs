//! Hostile values in every query parameter of the OpenAPI document.

use anyhow::Result;
use entrepot_tests::document::routes;
use reqwest::Method;

use super::{is_answered, is_unharmed};
use crate::start;

/// Values that could break SQL, patterns, numbers, timestamps, cursors or headers.
const HOSTILE: [&str; 34] = [
    "'",
    "''",
    "\"",
    "\\",
    "' OR 1=1--",
    "'; DROP TABLE users; --",
    "1; SELECT pg_sleep(10)",
    "name; DELETE FROM products",
    "name,(SELECT 1)",
    "-name,-name,-name",
    "%",
    "_",
    "$1",
    "?",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "\0",
    "a\0b",
    "\r\nx-injected: 1",
    "\u{202e}\u{feff}",
    "🛒",
    "-1",
    "-0",
    "0",
    "1e400",
    "NaN",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "1.5",
    "true",
    "null",
    "[]",
    "9999-12-31T23:59:60Z",
];

/// Timestamps that are invalid, or that a store cannot represent.
const MOMENTS: [&str; 5] =
    ["0000-00-00", "-9999-01-01", "+262142-12-31T23:59:59Z", "2026-02-30", "9999-12-31T23:59:59.999999999+23:59"];

#[tokio::test]
async fn hostile_query_values_change_nothing() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    let mug = admin.product("MUG", 295, 10).await?;
    admin.order(&mug, 1).await?.expect(201);
    let long = "x".repeat(5_000);
    let mut asked = 0;
    for route in routes(&admin).await?.iter().filter(|route| route.method == "GET" && !route.has_parameters()) {
        for name in &route.query {
            for value in HOSTILE.into_iter().chain(MOMENTS).chain([long.as_str()]) {
                for query in [
                    vec![(name.as_str(), value)],
                    vec![(name, value), (name, "1")],
                    vec![(name, value), ("cursor", "")],
                ] {
                    let answer = admin.send(admin.request(Method::GET, &route.path).query(&query)).await?;
                    let what = format!("{} {query:?}", route.name());
                    is_answered(&answer, &what);
                    assert!(matches!(answer.status, 200 | 400), "{what}: {} {}", answer.status, answer.body);
                    assert!(answer.headers.get("x-injected").is_none(), "{what}");
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 2_000, "only {asked} were asked");
    assert_eq!(admin.stock(&mug).await?, 9);
    is_unharmed(&server).await
}

#[tokio::test]
async fn pattern_characters_are_searched_literally() -> Result<()> {
    let server = start(&[]).await?;
    let admin = server.admin().await?;
    admin.product("MUG", 295, 10).await?;
    for route in routes(&admin).await?.iter().filter(|route| route.query.iter().any(|name| name == "q")) {
        for pattern in ["%", "_", "M%G", "\\", "*", ".*", "' OR '1'='1", "' OR 1=1--"] {
            let answer =
                admin.send(admin.request(Method::GET, &route.path).query(&[("q", pattern)])).await?.expect(200);
            assert!(answer.list().is_empty(), "{} found something for {pattern}", route.name());
        }
    }
    Ok(())
}
