//! Responses of GraphQL over HTTP.

use async_graphql::{ErrorExtensionValues, ServerError, Value};
use serde::Serialize;

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    /// Fields of it failed.
    Failed,
    /// The document is not valid, and nothing ran.
    Invalid,
}

/// A response.
#[derive(Debug)]
pub struct Response {
    /// The JSON of it.
    pub body: String,
    /// Whether the operation ran, whatever became of its fields. If not, the document was invalid.
    pub executed: bool,
    has_errors: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [ServerError],
    extensions: Extensions,
}

#[derive(Serialize)]
struct Extensions {
    cost: u64,
}

impl Response {
    /// The response with these results of an operation that costs so much.
    pub(crate) fn new(mut response: async_graphql::Response, cost: u64) -> Self {
        for error in &mut response.errors {
            complete(error);
        }
        // Errors of fields have a path; those of a document that is not valid have none.
        let executed = response.data != Value::Null || response.errors.iter().any(|error| !error.path.is_empty());
        let body = Body {
            data: executed.then_some(&response.data),
            errors: &response.errors,
            extensions: Extensions { cost },
        };
        let has_errors = !body.errors.is_empty();
        Self { body: serde_json::to_string(&body).unwrap_or_default(), executed, has_errors }
    }

    /// What became of the operation.
    pub fn outcome(&self) -> Outcome {
        match (self.executed, self.has_errors) {
            (false, _) => Outcome::Invalid,
            (true, true) => Outcome::Failed,
            (true, false) => Outcome::Succeeded,
        }
    }

    /// The errors, as JSON.
    pub fn errors(&self) -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body.get("errors").cloned().unwrap_or_default()
    }
}

/// Gives an error of async-graphql itself a code and a status.
fn complete(error: &mut ServerError) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", "validation_failed");
        extensions.set("status", 400);
    }
}
