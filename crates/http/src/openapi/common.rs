//! What holds for every operation, so that none has to say it: its headers, and the errors that any of them may have.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::{
    Components, Content, Header, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
    Type,
    example::ExampleBuilder,
    path::{Operation, PathItem},
};

use crate::{
    API,
    error::{ApiError, samples},
};

/// The errors that many operations have: status, name among the components, words and codes.
const COMMON: [(&str, &str, &str, &[&str]); 8] = [
    (
        "400",
        "BadRequest",
        "The request is not valid; every bad field is named.",
        &["validation_failed", "malformed_json"],
    ),
    (
        "401",
        "Unauthorized",
        "There is no token, or it is not believed.",
        &["missing_token", "invalid_token", "token_expired"],
    ),
    (
        "403",
        "Forbidden",
        "An API key lacks the scope, or this is for people alone.",
        &["insufficient_scope", "login_required"],
    ),
    ("413", "PayloadTooLarge", "The body is too large.", &["payload_too_large"]),
    ("415", "UnsupportedMediaType", "The body is of another type than this reads.", &["unsupported_media_type"]),
    ("429", "RateLimited", "Too many requests; come back after `Retry-After` seconds.", &["rate_limited"]),
    ("500", "Internal", "Something went wrong on the server's side; its log knows what.", &["internal"]),
    ("503", "Unavailable", "Not now; come back after `Retry-After` seconds.", &["unavailable"]),
];

/// On every answer, and on every answer that is counted.
const HEADERS: [(&str, Type, &str); 7] = [
    ("x-request-id", Type::String, "Names the request: yours, or one that was made."),
    ("RateLimit-Limit", Type::Integer, "How many requests you have in a window."),
    ("RateLimit-Remaining", Type::Integer, "How many of them are left."),
    ("RateLimit-Reset", Type::Integer, "In how many seconds the next window begins."),
    ("RateLimit-Policy", Type::String, "The same limit as the IETF's draft has it."),
    ("RateLimit", Type::String, "What is left of it, as the draft has it."),
    ("Retry-After", Type::Integer, "In how many seconds to come back."),
];

/// Adds it to the whole document.
pub(super) fn complete(document: &mut OpenApi) {
    let samples = samples();
    let components = document.components.get_or_insert_default();
    for (path, item) in &mut document.paths.paths {
        let counted = path.starts_with(API);
        for (reads_body, operation) in operations(item) {
            add_examples(operation, components);
            add_errors(operation, counted, reads_body);
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response {
                    explain(response, status, &samples);
                    response.headers.extend(headers(counted));
                }
            }
        }
    }
    add_components(components, &samples);
}

/// Each operation, and whether it reads a body: every `POST` does, if only to see that there is none.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let has_body = |operation: &Operation| operation.request_body.is_some();
    let others = [&mut item.get, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten();
    let others = others.map(move |operation| (has_body(operation), operation));
    item.post.iter_mut().map(|operation| (true, operation)).chain(others)
}

/// Shows the example of a body's schema with the body, where more tools look for it.
fn add_examples(operation: &mut Operation, components: &Components) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        let RefOr::T(Content { schema: Some(RefOr::Ref(schema)), example: example @ None, .. }) = content else {
            continue;
        };
        let name = schema.ref_location.rsplit('/').next().unwrap_or_default();
        if let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get(name) {
            *example = schema.example.clone().or_else(|| schema.examples.first().cloned());
        }
    }
}

fn add_errors(operation: &mut Operation, counted: bool, reads_body: bool) {
    let is_guarded = operation.security.as_ref().is_some_and(|schemes| !schemes.is_empty());
    if is_guarded && let Some(RefOr::T(refusal)) = operation.responses.responses.get_mut("403") {
        refusal.description.push_str("; of an API key also `insufficient_scope`, `login_required`");
    }
    for (status, name, ..) in COMMON {
        let applies = match status {
            "400" | "413" | "415" => reads_body,
            "401" | "403" => is_guarded,
            "429" => counted,
            _ => true,
        };
        if applies {
            let known = &mut operation.responses.responses;
            known.entry(status.to_owned()).or_insert_with(|| Ref::from_response_name(name).into());
        }
    }
}

/// Gives an error its two shapes, with an example for each code that its words have; but not one with a body of its own.
fn explain(response: &mut Response, status: &str, samples: &[ApiError]) {
    if !status.starts_with(['4', '5']) || response.content.values().any(|content| !is_envelope(content)) {
        return;
    }
    let words: Vec<_> = response.description.split('`').collect();
    let mut codes: Vec<_> = samples.iter().map(ApiError::code).filter(|code| words.contains(code)).collect();
    if codes.is_empty() {
        let same = samples.iter().filter(|sample| sample.status().as_str() == status);
        codes.extend(same.map(ApiError::code));
    }
    let contents = contents(&codes, samples);
    response.content.extend(contents);
}

fn is_envelope(content: &RefOr<Content>) -> bool {
    let RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) = content else { return false };
    schema.ref_location.ends_with("/ErrorEnvelope")
}

fn contents(codes: &[&str], samples: &[ApiError]) -> [(String, RefOr<Content>); 2] {
    const ID: &str = "0193d2a0-7c1e-7b2a-9f6d-2f1f6a0b7c55";
    let content = |schema: &str, show: fn(&ApiError) -> Option<Value>| {
        let mut content = Content::new(Some(Ref::from_schema_name(schema)));
        for sample in samples.iter().filter(|sample| codes.contains(&sample.code())) {
            let example = ExampleBuilder::new().value(show(sample)).build();
            content.examples.entry(sample.code().to_owned()).or_insert_with(|| example.into());
        }
        RefOr::T(content)
    };
    [
        (
            "application/json".to_owned(),
            content("ErrorEnvelope", |error| serde_json::to_value(error.envelope(ID)).ok()),
        ),
        (
            "application/problem+json".to_owned(),
            content("Problem", |error| serde_json::to_value(error.problem(ID)).ok()),
        ),
    ]
}

fn add_components(components: &mut Components, samples: &[ApiError]) {
    for (status, name, description, codes) in COMMON {
        let mut response = ResponseBuilder::new().description(description).build();
        response.content.extend(contents(codes, samples));
        response.headers.extend(headers(status == "429"));
        if matches!(status, "429" | "503") {
            response.headers.extend(header_refs(&["Retry-After"]));
        }
        components.responses.insert(name.to_owned(), response.into());
    }
    for (name, kind, description) in HEADERS {
        let schema = ObjectBuilder::new().schema_type(kind).build();
        let header: Header = HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build();
        components.headers.insert(name.to_owned(), header.into());
    }
}

fn headers(counted: bool) -> BTreeMap<String, RefOr<Header>> {
    let limits = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "RateLimit"];
    let mut headers = header_refs(&["x-request-id"]);
    if counted {
        headers.extend(header_refs(&limits));
    }
    headers
}

fn header_refs(names: &[&str]) -> BTreeMap<String, RefOr<Header>> {
    let reference = |name: &&str| ((*name).to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
    names.iter().map(reference).collect()
}
