//! GraphQL over HTTP.

use anyhow::Result;
use entrepot_tests::Answer;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, data, error};
use crate::start;

#[tokio::test]
async fn requests_and_responses_are_those_of_graphql_over_http() -> Result<()> {
    const NEW: &str = "application/graphql-response+json";
    let server = start(&[]).await?;
    let ada = server.customer("ada@example.com").await?;
    let send = async |accept: &str, kind: &str, body: String| -> Result<Answer> {
        ada.send(ada.request(Method::POST, "/graphql").header("accept", accept).header("content-type", kind).body(body))
            .await
    };
    let ok = json!({"query": "{ me { id } }", "variables": null, "operationName": null, "extensions": {}}).to_string();
    for (accept, kind) in [("*/*", "application/json"), ("application/json", "application/json"), (NEW, NEW)] {
        let answer = send(accept, "application/json; charset=utf-8", ok.clone()).await?;
        assert_eq!((answer.status, answer.header("content-type")), (200, format!("{kind}; charset=utf-8").as_str()));
        assert_eq!(answer.body["data"]["me"]["id"], ada.id());
    }
    for (body, json, new) in [
        ("{", 400, 400),
        ("7", 400, 400),
        ("{}", 400, 400),
        (r#"{"query": 7}"#, 400, 400),
        (r#"{"query": "{ me { id } }", "variables": []}"#, 400, 400),
        (r#"{"query": "{ me { id } }", "variables": "{}"}"#, 400, 400),
        (r#"{"query": "{ me { id } }", "operationName": 7}"#, 400, 400),
        (r#"{"query": "{ me { id } }", "extensions": 7}"#, 400, 400),
        (r#"{"query": "{"}"#, 200, 400),
        (r#"{"query": "{ nothing }"}"#, 200, 400),
        (r#"{"query": "query ($id: ID!) { order(id: $id) { id } }", "variables": {"id": null}}"#, 200, 400),
        (r#"{"query": "{ me { id } }", "operationName": "other"}"#, 200, 400),
        (r#"{"query": "subscription { nothing }"}"#, 200, 400),
    ] {
        for (accept, status) in [("application/json", json), (NEW, new)] {
            let answer = send(accept, "application/json", body.to_owned()).await?;
            assert_eq!(answer.status, status, "{body}: {}", answer.body);
            assert!(
                answer.body["errors"][0]["message"].is_string() && answer.body.get("data").is_none(),
                "{}",
                answer.body
            );
        }
    }
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql"]
    {
        let answer = send("*/*", kind, ok.clone()).await?;
        assert_eq!((answer.status, error(&answer.body).0), (415, "unsupported_media_type"), "{kind}");
    }

    let get = async |query: &[(&str, &str)]| ada.send(ada.request(Method::GET, "/graphql").query(query)).await;
    let query = "query me { me { id } } query page($first: Int) { products(first: $first) { edges { cursor } } }";
    assert_eq!(get(&[("query", query), ("operationName", "me")]).await?.body["data"]["me"]["id"], ada.id());
    let answer = get(&[("query", query), ("operationName", "page"), ("variables", r#"{"first": 0}"#)]).await?;
    assert_eq!(error(&answer.body), ("validation_failed", 400, vec!["first"]));
    let answer = get(&[("query", "mutation { logout(refreshToken: \"x\") }")]).await?;
    assert_eq!((answer.status, answer.header("allow"), error(&answer.body).0), (405, "POST", "method_not_allowed"));
    for bad in [vec![], vec![("query", query), ("variables", "{")], vec![("query", query), ("variables", "[]")]] {
        assert_eq!(get(&bad).await?.status, 400, "{bad:?}");
    }
    assert_eq!(ada.delete("/graphql").await?.status, 405);
    Ok(())
}

#[tokio::test]
async fn operations_are_counted_like_requests() -> Result<()> {
    let server = start(&[("RATE_LIMIT", "on"), ("RATE_LIMIT_MAX", "3"), ("RATE_LIMIT_AUTH_MAX", "1")]).await?;
    let nobody = server.anonymous();
    for left in ["2", "1", "0"] {
        let answer = nobody.post("/graphql", json!({"query": "{ __typename }"})).await?;
        assert_eq!((answer.status, answer.header("ratelimit-remaining")), (200, left));
    }
    nobody.post("/graphql", json!({"query": "{ __typename }"})).await?.error(429, "rate_limited");
    Ok(())
}

#[tokio::test]
async fn schema_can_be_asked_for_in_development_alone() -> Result<()> {
    let query = "{ __schema { queryType { name } types { name fields { name type { ofType { ofType { ofType { name } } } } } } } }";
    let server = start(&[]).await?;
    for file in ["//graphiql", "//graphiql/graphiql.js", "//graphiql/graphiql.css"] {
        assert_eq!(server.anonymous().get(file).await?.status, 200, "{file}");
    }
    let html = ("accept", "text/html,application/xhtml+xml");
    let page = server.anonymous().with(Method::GET, "/graphql", html, None).await?;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let schema = data(ask(&server.anonymous(), 200, query, Value::Null).await?);
    assert_eq!(schema["__schema"]["queryType"]["name"], "Query");
    let production = [
        ("APP_ENV", "production"),
        ("BCRYPT_COST", "10"),
        ("JWT_SECRET", "pL7wq2Zk9Vt4Xn8Rb3Yc6Md1Hs5Jf0GaEu"),
        ("REFRESH_TOKEN_SECRET", "Qe8Tz1Nw6Kx3Vb9Ry4Lp7Cg2Fh5Md0JsAo"),
    ];
    let server = start(&production).await?;
    let refused = ask(&server.anonymous(), 200, query, Value::Null).await?;
    assert_eq!((error(&refused).0, refused.get("data")), ("validation_failed", None));
    server.anonymous().get("//graphiql").await?.error(404, "not_found");
    let unknown = ask(&server.anonymous(), 200, "{ prodcuts { edges { cursor } } }", Value::Null).await?;
    assert!(!unknown.to_string().contains("products"), "{unknown}");
    Ok(())
}
