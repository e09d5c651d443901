//! Requests of GraphQL over HTTP.

use async_graphql::Variables;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// A request: a document, the operation of it that is asked for, and the values of its variables.
#[derive(Debug)]
pub struct Request {
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Variables,
}

impl Request {
    /// Reads a body of JSON. Batches are refused before they are parsed.
    pub fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(Refusal::request("the body must be one request; batches are not served"));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(parameters)) => Self::from_parameters(parameters),
            Ok(_) => Err(Refusal::request("the body must be an object")),
            Err(error) => Err(Refusal::new(400, "malformed_json", format!("the body is not JSON: {error}"))),
        }
    }

    /// Reads a query string, in which variables and extensions are JSON.
    pub fn from_query_string(query: &str) -> Result<Self, Refusal> {
        let mut parameters = Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = match &*name {
                "query" | "operationName" => Value::String(value.into_owned()),
                "variables" | "extensions" if value.is_empty() => Value::Null,
                "variables" | "extensions" => serde_json::from_str(&value)
                    .map_err(|error| Refusal::new(400, "malformed_json", format!("{name} is not JSON: {error}")))?,
                _ => continue,
            };
            if parameters.insert(name.clone().into_owned(), value).is_some() {
                return Err(Refusal::request(format!("{name} must come once")));
            }
        }
        Self::from_parameters(parameters)
    }

    /// Reads the parameters of a request, as a body has them.
    pub fn from_parameters(mut parameters: Map<String, Value>) -> Result<Self, Refusal> {
        let query = match parameters.remove("query") {
            Some(Value::String(query)) if !query.is_empty() => query,
            Some(Value::String(_) | Value::Null) | None => return Err(Refusal::request("query is required")),
            Some(_) => return Err(Refusal::request("query must be a text")),
        };
        let operation_name = match parameters.remove("operationName") {
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(Value::Null) | None => None,
            Some(_) => return Err(Refusal::request("operationName must be a text")),
        };
        let variables = match parameters.remove("variables") {
            Some(variables @ Value::Object(_)) => Variables::from_json(variables),
            Some(Value::Null) | None => Variables::default(),
            Some(_) => return Err(Refusal::request("variables must be an object")),
        };
        match parameters.remove("extensions") {
            Some(Value::Object(_) | Value::Null) | None => {}
            Some(_) => return Err(Refusal::request("extensions must be an object")),
        }
        Ok(Self { query, operation_name, variables })
    }
}
