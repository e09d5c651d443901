//! The routes of GraphQL.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    web::Data,
};
use entrepot_graphql as graphql;
use graphql::{Prepared, Refusal, Request};

use super::{
    accept::Media,
    body::{GraphqlBody, GraphqlOperation, GraphqlResult},
};
use crate::{
    HttpState,
    edge::{Caller, Granted, KeepBody, outlive},
    error::{ApiError, ApiResult},
};

/// The credentials of the request. Whether they are needed, is known when the operation is.
type Credentials = Result<Granted, ApiError>;

/// Run a query or a mutation
///
/// GraphQL over HTTP, over the same use cases as the other routes. With `Accept: application/graphql-response+json` a
/// document that is not valid is a 400; with `application/json` it is a 200 that has `errors` and no `data`. Refused before
/// anything runs: bodies above 1 MiB, batches, fields nested more than 12 deep, costs above 2,000 (an object costs 1, a
/// connection its `first` times its node), more than 30 root fields or selections of one field, more than 20 directives,
/// more than one of `login`, `refresh` and `signUp`.
#[utoipa::path(
    post, path = "/api/v1/graphql", operation_id = "postGraphql", tag = "graphql",
    request_body = GraphqlOperation,
    responses(
        (status = 200, description = "What it gave; errors of fields are in `errors`", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
        (status = 400, description = "The request or its document is not valid, or beyond a limit", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
        (status = 401, description = "The token is not believed", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
        (status = 413, description = "The body is too large", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
        (status = 415, description = "The body is not `application/json`", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
    ),
)]
pub(super) async fn post(
    req: HttpRequest,
    state: Data<HttpState>,
    credentials: Credentials,
    caller: Caller,
    GraphqlBody(body): GraphqlBody,
) -> ApiResult {
    let media = Media::of(req.headers());
    let request = match body {
        Ok(body) => Request::from_json(&body),
        Err(error) => return refuse(media, error),
    };
    match request.and_then(|request| state.graphql.prepare(request)) {
        Ok(prepared) => run(media, state, credentials, caller, prepared).await,
        Err(refusal) => Ok(refused(media, &refusal)),
    }
}

/// Run a query
///
/// The same for queries alone: their document, variables (as JSON) and operation are parameters.
#[utoipa::path(
    get, path = "/api/v1/graphql", operation_id = "getGraphql", tag = "graphql",
    params(
        ("query" = String, Query, description = "The document", example = "{ products { edges { node { name } } } }"),
        ("operationName" = Option<String>, Query, description = "Which of its operations is meant"),
        ("variables" = Option<String>, Query, description = "The values of its variables, as JSON"),
        ("extensions" = Option<String>, Query, description = "Ignored"),
    ),
    responses(
        (status = 200, description = "What it gave; errors of fields are in `errors`", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
        (status = 400, description = "The request or its document is not valid, or beyond a limit", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
        (status = 401, description = "The token is not believed", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
        (status = 405, description = "It is a mutation", content(
            (GraphqlResult = "application/json"), (GraphqlResult = "application/graphql-response+json"),
        )),
    ),
)]
pub(super) async fn get(
    req: HttpRequest,
    state: Data<HttpState>,
    credentials: Credentials,
    caller: Caller,
) -> ApiResult {
    let media = Media::of(req.headers());
    match Request::from_query_string(req.query_string()).and_then(|request| state.graphql.prepare(request)) {
        Ok(prepared) if prepared.is_mutation() => refuse(media, ApiError::MethodNotAllowed("POST".to_owned())),
        Ok(prepared) => run(media, state, credentials, caller, prepared).await,
        Err(refusal) => Ok(refused(media, &refusal)),
    }
}

async fn run(
    media: Media,
    state: Data<HttpState>,
    credentials: Credentials,
    caller: Caller,
    prepared: Prepared,
) -> ApiResult {
    let actor = match credentials {
        Ok(Granted(actor)) => Some(actor),
        Err(ApiError::MissingToken) => None,
        Err(_) if prepared.is_anonymous() => None,
        Err(error) => return refuse(media, error),
    };
    let caller = graphql::Caller { actor, origin: caller.origin, user_agent: caller.user_agent };
    let response = if prepared.is_mutation() {
        outlive(async move { state.graphql.execute(prepared, caller).await }).await?
    } else {
        state.graphql.execute(prepared, caller).await
    };
    let status = if response.executed { StatusCode::OK } else { status_of_invalid_document(media) };
    Ok(answer(media, status, response.body))
}

/// An error of the request, as GraphQL has it. Faults are told as everywhere: their causes are logged on the way.
fn refuse(media: Media, error: ApiError) -> ApiResult {
    if error.status().is_server_error() {
        return Err(error);
    }
    let refusal = Refusal::new(error.status().as_u16(), error.code(), error.message());
    let mut response = refused(media, &refusal);
    error.add_headers_to(&mut response);
    Ok(response)
}

fn refused(media: Media, refusal: &Refusal) -> HttpResponse {
    let status = if refusal.is_document_error {
        status_of_invalid_document(media)
    } else {
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST)
    };
    answer(media, status, serde_json::to_vec(&refusal.body()).unwrap_or_default())
}

/// With `application/json` a client cannot tell a status of GraphQL from one of something in between, so it is 200.
const fn status_of_invalid_document(media: Media) -> StatusCode {
    match media {
        Media::Json => StatusCode::OK,
        Media::GraphqlResponse => StatusCode::BAD_REQUEST,
    }
}

fn answer(media: Media, status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, media.content_type()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body);
    response.extensions_mut().insert(KeepBody);
    response
}
