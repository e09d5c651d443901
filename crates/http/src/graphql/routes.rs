//! The routes of GraphQL.

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL, UPGRADE},
    },
    rt,
    web::{Data, Payload},
};
use entrepot_application::Error;
use entrepot_graphql as graphql;
use graphql::{Prepared, Refusal, Request};

use super::{
    accept::Media,
    body::{GraphqlBody, GraphqlOperation, GraphqlResult},
    observe::Observed,
    operations::{begin, client_of, refusal_of},
    page,
    socket::{PROTOCOL, Socket},
    sse,
};
use crate::{
    HttpState,
    edge::{Caller, FeedHolder, Holder, KeepBody, outlive},
    error::{ApiError, ApiResult},
    websocket::shake_hands,
};

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
    caller: Caller,
    GraphqlBody(body): GraphqlBody,
) -> ApiResult {
    let media = Media::of(req.headers());
    let request = match body {
        Ok(body) => Request::from_json(&body),
        Err(error) => return refuse(media, error),
    };
    match request.and_then(|request| state.graphql.prepare(request)) {
        Ok(prepared) => run(&req, media, state, caller, prepared).await,
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
pub(super) async fn get(req: HttpRequest, state: Data<HttpState>, caller: Caller, payload: Payload) -> ApiResult {
    if req.headers().get(UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return web_socket(&req, state, caller, payload).await;
    }
    if req.query_string().is_empty() && page::is_wanted(req.headers()) && !state.settings.production {
        return page::page(state).await;
    }
    let media = Media::of(req.headers());
    match Request::from_query_string(req.query_string()).and_then(|request| state.graphql.prepare(request)) {
        Ok(prepared) if prepared.is_mutation() => refuse(media, ApiError::MethodNotAllowed("POST".to_owned())),
        Ok(prepared) => run(&req, media, state, caller, prepared).await,
        Err(refusal) => Ok(refused(media, &refusal)),
    }
}

async fn web_socket(req: &HttpRequest, state: Data<HttpState>, caller: Caller, payload: Payload) -> ApiResult {
    let shown = match FeedHolder::extract(req).await {
        Ok(FeedHolder(holder)) => Ok(Some(holder)),
        Err(ApiError::MissingToken) => Ok(None),
        Err(error) if matches!(error, ApiError::UseCase(Error::Forbidden)) || error.status().is_server_error() => {
            return Err(error);
        }
        // Told by the code of a close frame: browsers show their pages no status.
        Err(error) => Err(error),
    };
    let (response, session) = shake_hands(req, &[PROTOCOL]).await?;
    let speaks = response.headers().contains_key(SEC_WEBSOCKET_PROTOCOL);
    let open = state.metrics.open_feed("graphql_ws");
    rt::spawn(Socket::new(session, payload, state, caller).run(shown, speaks, open));
    Ok(response)
}

async fn run(req: &HttpRequest, media: Media, state: Data<HttpState>, caller: Caller, prepared: Prepared) -> ApiResult {
    let holder = match credentials(req, media).await {
        Ok(holder) => Some(holder),
        Err(ApiError::MissingToken) => None,
        // A foreign page does not log in either.
        Err(error @ ApiError::UseCase(Error::Forbidden)) => return refuse(media, error),
        Err(_) if prepared.is_anonymous() => None,
        Err(error) => return refuse(media, error),
    };
    let caller = client_of(holder, caller);
    if media == Media::EventStream {
        return stream(req, state, prepared, caller).await;
    }
    if prepared.is_subscription() {
        let message = "subscriptions need a WebSocket, or Accept: text/event-stream";
        return Ok(refused(media, &Refusal::document(message)));
    }
    let (is_mutation, observed) = (prepared.is_mutation(), Observed::begin(&prepared));
    let work = async move {
        let response = state.graphql.execute(prepared, caller).await;
        observed.end(&state.metrics, response.outcome());
        response
    };
    let response = if is_mutation { outlive(work).await? } else { work.await };
    let status = if response.executed { StatusCode::OK } else { status_of_invalid_document(media) };
    Ok(answer(media, status, response.body))
}

/// The credentials of the request, a ticket among them where a browser can set no header. Whether they are needed, is known
/// when the operation is.
async fn credentials(req: &HttpRequest, media: Media) -> ApiResult<Holder> {
    match media {
        Media::EventStream => FeedHolder::extract(req).await.map(|FeedHolder(holder)| holder),
        Media::Json | Media::GraphqlResponse => Holder::extract(req).await,
    }
}

async fn stream(req: &HttpRequest, state: Data<HttpState>, prepared: Prepared, caller: graphql::Caller) -> ApiResult {
    let open = state.metrics.open_feed("graphql_sse");
    // Before the head of the answer: what is committed after it is in the responses.
    let responses = begin(state, prepared, caller).await?;
    Ok(sse::answer(responses, open, req.method() == Method::HEAD))
}

/// An error of the request, as GraphQL has it. Faults are told as everywhere: their causes are logged on the way.
fn refuse(media: Media, error: ApiError) -> ApiResult {
    if error.status().is_server_error() {
        return Err(error);
    }
    let mut response = refused(media, &refusal_of(&error));
    error.add_headers_to(&mut response);
    Ok(response)
}

fn refused(media: Media, refusal: &Refusal) -> HttpResponse {
    if media == Media::EventStream && refusal.is_document_error {
        return sse::refusal(refusal);
    }
    let status = if refusal.is_document_error {
        status_of_invalid_document(media)
    } else {
        StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST)
    };
    answer(media, status, refusal.body().to_string())
}

/// With `application/json` a client cannot tell a status of GraphQL from one of something in between, so it is 200.
const fn status_of_invalid_document(media: Media) -> StatusCode {
    match media {
        Media::Json => StatusCode::OK,
        Media::GraphqlResponse | Media::EventStream => StatusCode::BAD_REQUEST,
    }
}

fn answer(media: Media, status: StatusCode, body: String) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, media.content_type()))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(body);
    response.extensions_mut().insert(KeepBody);
    response
}
