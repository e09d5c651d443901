//! The OpenAPI document: what the resources say of themselves, and what holds for all of them.

mod common;
mod requests;
#[cfg(test)]
mod tests;

use utoipa::{
    OpenApi,
    openapi::{
        InfoBuilder, License,
        security::{Http, HttpAuthScheme, SecurityScheme},
        server::Server,
        tag::{Tag, TagBuilder},
    },
};

use crate::{
    account, api_key, audit, auth,
    error::{ErrorEnvelope, FieldBody, Problem},
    event, graphql, job, operations, order, product, second_factor, user, webhook,
};

#[derive(OpenApi)]
#[openapi(components(schemas(ErrorEnvelope, FieldBody, Problem)))]
struct Base;

/// The document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Base::openapi();
    document.info = InfoBuilder::new()
        .title("Entrepot")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("description.md")))
        .license(Some(License::new("MIT")))
        .build();
    document.servers = Some(vec![Server::new("/")]);
    document.tags = Some(tags());
    for part in [
        auth::Docs::openapi(),
        account::Docs::openapi(),
        api_key::Docs::openapi(),
        second_factor::Docs::openapi(),
        user::Docs::openapi(),
        product::Docs::openapi(),
        order::Docs::openapi(),
        audit::Docs::openapi(),
        webhook::Docs::openapi(),
        job::Docs::openapi(),
        event::Docs::openapi(),
        graphql::Docs::openapi(),
        operations::Docs::openapi(),
    ] {
        document.merge(part);
    }
    requests::close(&mut document);
    if let Some(components) = &mut document.components {
        components.add_security_scheme("bearer", bearer());
        components.add_security_scheme("apiKey", api_key());
    }
    common::complete(&mut document);
    document
}

/// The document as JSON, as the command line prints it.
pub fn openapi_json() -> String {
    openapi().to_pretty_json().unwrap_or_default()
}

fn bearer() -> SecurityScheme {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("JWT".into());
    scheme.description = Some("The `token` that `POST /api/v1/auth/login` answers with.".into());
    SecurityScheme::Http(scheme)
}

fn api_key() -> SecurityScheme {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("ek_…".into());
    let words = "The `key` that `POST /api/v1/auth/api-keys` answers with, for machines. Where it may be used, the scopes \
                 that it needs are named beside it.";
    scheme.description = Some(words.into());
    SecurityScheme::Http(scheme)
}

fn tags() -> Vec<Tag> {
    [
        ("auth", "Logging in and out, and the devices that are logged in."),
        ("users", "Accounts and their roles."),
        ("products", "The catalogue, and how much of each product is left."),
        ("orders", "Placing orders, and what becomes of them."),
        ("graphql", "The same through GraphQL; `entrepot graphql-schema` prints the schema."),
        ("webhooks", "Sending events to other services. For staff."),
        ("events", "What happened, as a log and as live feeds."),
        ("admin", "What was done, by whom, and what the program does in the background. For admins."),
        ("operations", "For those who run the server. Never counted against a limit."),
    ]
    .into_iter()
    .map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build())
    .collect()
}
