//! Bodies and responses, as the OpenAPI document describes them.

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult},
    request::RequestBody,
};

/// The most bytes of a body.
const BODY_LIMIT: usize = 1 << 20;

/// A body of JSON, or why there is none.
pub(super) struct GraphqlBody(pub(super) ApiResult<Bytes>);

impl FromRequest for GraphqlBody {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = RequestBody::within(BODY_LIMIT, req, payload);
        Box::pin(async move { Ok(Self(body.await?.json())) })
    }
}

/// A request of GraphQL over HTTP.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GraphqlOperation, example = json!({"query": "{ products(first: 3) { edges { node { name price { amount currency } } } } }"}))]
#[expect(dead_code, reason = "the schema of what `entrepot-graphql` reads")]
pub(super) struct GraphqlOperation {
    /// The document.
    query: String,
    /// Which of its operations is meant, if it has several.
    operation_name: Option<String>,
    /// The values of its variables.
    #[schema(value_type = Option<Object>)]
    variables: Option<serde_json::Value>,
    /// Ignored.
    #[schema(value_type = Option<Object>)]
    extensions: Option<serde_json::Value>,
}

/// A response of GraphQL over HTTP.
#[derive(Serialize, ToSchema)]
#[schema(as = GraphqlResult, example = json!({"data": {"me": {"name": "Ada"}}, "extensions": {"cost": 1}}))]
pub(super) struct GraphqlResult {
    /// The result; missing if nothing ran.
    #[schema(value_type = Option<Object>)]
    data: Option<serde_json::Value>,
    /// What failed: each has a `message` and `extensions` with `code`, `status` and, for bad input, `fields`.
    #[schema(value_type = Option<Vec<Object>>)]
    errors: Option<Vec<serde_json::Value>>,
    /// `cost`: what the operation costs of the 2,000 that it may.
    #[schema(value_type = Option<Object>)]
    extensions: Option<serde_json::Value>,
}
