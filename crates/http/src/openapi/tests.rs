//! Holds the document against the server, and against what a reader needs.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::test;
use serde_json::Value;

use super::openapi_json;
use crate::{API, app, edge::served, testing::state_for_tests};

/// Pages for people.
const UNDOCUMENTED: [&str; 7] =
    ["/docs", "/docs/", "/docs/{*file}", "/graphiql", "/graphiql/{*file}", "/live", "/live/{*file}"];

/// Paths whose errors have bodies of their own.
const OWN_ERRORS: [&str; 2] = ["/health/ready", "/api/v1/graphql"];

fn document() -> Value {
    serde_json::from_str(&openapi_json()).unwrap()
}

/// Every operation: path, method, and itself.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (path.clone(), method.to_uppercase(), operation.clone()))
    });
    operations.collect()
}

/// What a `$ref` points at.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(target) => resolve(document, document.pointer(target.strip_prefix('#').unwrap()).expect(target)),
        None => value,
    }
}

#[actix_web::test]
async fn every_route_is_documented_and_every_documented_route_is_there() {
    served::clear();
    drop(test::init_service(app(&state_for_tests())).await);
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, method, _) in operations(&document()) {
        documented.entry(path).or_default().insert(method);
    }
    let mut served = served::all();
    served.retain(|path, _| !UNDOCUMENTED.contains(&path.as_str()));
    let served: BTreeMap<_, BTreeSet<_>> = served
        .into_iter()
        .map(|(path, allowed)| {
            let methods = allowed.split(", ").filter(|method| !["HEAD", "OPTIONS"].contains(method));
            (path, methods.map(ToOwned::to_owned).collect())
        })
        .collect();
    assert_eq!(documented, served);
}

#[actix_web::test]
async fn every_operation_says_what_a_reader_needs() {
    let document = document();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let at = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().expect(&at).to_owned()), "{at}: an identifier used twice");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{at}: no summary");
        let [tag] = operation["tags"].as_array().expect(&at).as_slice() else { panic!("{at}: not one tag") };
        assert!(tags.contains(&tag), "{at}: {tag} is not a tag");
        for requirement in operation["security"].as_array().into_iter().flatten() {
            let [scheme] = requirement.as_object().unwrap().keys().collect::<Vec<_>>()[..] else { panic!("{at}") };
            assert!(document["components"]["securitySchemes"][scheme].is_object(), "{at}: {scheme}");
        }
        check_body(&document, &at, &operation);
        check_answers(&document, &at, &operation);
    }
}

fn check_body(document: &Value, at: &str, operation: &Value) {
    let Some(body) = operation.get("requestBody") else { return };
    for (kind, content) in resolve(document, body)["content"].as_object().unwrap() {
        assert!(content.get("schema").is_some(), "{at}: {kind} has no schema");
        let example = content.get("example").or_else(|| content.get("examples"));
        assert!(example.is_some(), "{at}: {kind} has no example");
    }
}

fn check_answers(document: &Value, at: &str, operation: &Value) {
    let answers = operation["responses"].as_object().unwrap();
    let mut good = 0;
    for (status, answer) in answers {
        let answer = resolve(document, answer);
        assert!(answer["headers"]["x-request-id"].is_object(), "{at} {status}: no request identifier");
        assert!(answer["description"].as_str().is_some_and(|words| !words.is_empty()), "{at} {status}: no words");
        if let "101" | "202" | "204" = status.as_str() {
            good += 1;
        } else if status.starts_with('2') {
            let contents = answer["content"].as_object().unwrap_or_else(|| panic!("{at} {status}: no content"));
            assert!(contents.values().all(|content| content["schema"].is_object()), "{at} {status}: no schema");
            good += 1;
        } else if status.starts_with(['4', '5']) && !OWN_ERRORS.contains(&path_of(at)) {
            let schema = |kind: &str| answer["content"][kind]["schema"]["$ref"].as_str().unwrap_or_default().to_owned();
            assert_eq!(schema("application/json"), "#/components/schemas/ErrorEnvelope", "{at} {status}");
            assert_eq!(schema("application/problem+json"), "#/components/schemas/Problem", "{at} {status}");
            assert!(answer["content"]["application/json"]["examples"].is_object(), "{at} {status}: no example");
        }
    }
    assert!(good > 0, "{at}: no success");
    let mut expected = vec!["500", "503"];
    if path_of(at).starts_with(API) {
        expected.push("429");
    }
    if operation["security"].is_array() {
        expected.extend(["401", "403"]);
    }
    if operation["requestBody"].is_object() {
        expected.extend(["400", "413", "415"]);
    }
    for status in expected {
        assert!(answers.contains_key(status), "{at}: {status} is not documented");
    }
}

fn path_of(at: &str) -> &str {
    at.split_once(' ').unwrap().1
}

#[actix_web::test]
async fn every_reference_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(fields) => {
                if value["$ref"].is_string() {
                    resolve(document, value);
                }
                fields.values().for_each(|value| walk(document, value));
            }
            Value::Array(values) => values.iter().for_each(|value| walk(document, value)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["info"]["title"], "Entrepot");
    assert_eq!(document["info"]["license"]["name"], "MIT");
}
