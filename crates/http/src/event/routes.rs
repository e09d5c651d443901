//! The routes of events.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    rt,
    web::{Data, Payload},
};
use entrepot_application::event::{Feed, FeedStart, LogQuery};

use super::{
    requests::{FeedRequest, LogRequest},
    socket::Socket,
    sse,
    view::LoggedEvent,
};
use crate::{
    HttpState,
    edge::{FeedHolder, Granted, Holder},
    error::ApiResult,
    request::Params,
    response::{Listed, listed_after},
    websocket::shake_hands,
};

/// Page through the event log
///
/// For staff; the oldest first. `nextCursor` is the `after` of the next part; the id of the last event that you have does
/// as well, at any time.
#[utoipa::path(
    get, path = "/api/v1/events/log", operation_id = "listEvents", tag = "events",
    params(LogRequest),
    responses(
        (status = 200, description = "A part of the log", body = Listed<LoggedEvent>),
        (status = 400, description = "`validation_failed`: an `after` that is no id, or a type that there is not"),
        (status = 403, description = "`forbidden`: not staff"),
    ),
    security(("bearer" = []), ("apiKey" = ["events:read"])),
)]
pub(super) async fn log(state: Data<HttpState>, Granted(actor): Granted, req: HttpRequest) -> ApiResult {
    let mut params = Params::new(req.query_string());
    let request: LogRequest = params.read()?;
    params.finish()?;
    let query = LogQuery::try_from(request)?;
    let page = state.app.events.page(&actor, &query).await?;
    let next = page.events.last().filter(|_| page.more).map(|last| last.id.to_string());
    listed_after(&req, "after", query.limit, next, page.events.into_iter().map(LoggedEvent).collect())
}

/// Follow events by server-sent events
///
/// Staff see all events, customers the order events of their own orders. Without a last id the feed begins with what
/// happens from now on; with one it sends all that was missed, each event once and in order, and goes on live. Where that
/// cannot be done it begins with `data: {"type":"reset","reason":"expired"}` (or `"unknown"`). It ends when the session or
/// key ends, when the roles change, and when the server stops: connect again with the last id.
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "followEvents", tag = "events",
    params(
        FeedRequest,
        ("Last-Event-ID" = Option<String>, Header, description = "The last id that you have"),
    ),
    responses(
        (status = 200, description = "The feed; it has no end", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`validation_failed`: a type that there is not"),
        (status = 403, description = "`forbidden`: a foreign `Origin`"),
    ),
    security(("bearer" = []), ("apiKey" = ["events:read"])),
)]
pub(super) async fn server_sent(state: Data<HttpState>, FeedHolder(holder): FeedHolder, req: HttpRequest) -> ApiResult {
    let feed = open(&state, &holder, &req).await?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store, no-transform"))
        .insert_header(("x-accel-buffering", "no"));
    if req.method() == Method::HEAD {
        return Ok(response.finish());
    }
    Ok(response.streaming(sse::stream(feed, state.metrics.open_feed("sse"))))
}

/// Follow events by WebSocket
///
/// The same feed, one event a text frame. `{"type":"subscribe","lastEventId":"…","types":["…"],"orderId":"…"}` replaces
/// what is followed, and is answered `{"type":"subscribed"}`; what is not understood is answered
/// `{"type":"error","code":"…","message":"…"}`. Close codes: 1001 the server stops, 1008 the session or key has ended,
/// 1009 a message above 4 KiB, 1013 you do not read.
#[utoipa::path(
    get, path = "/api/v1/ws", operation_id = "openWebSocket", tag = "events",
    params(
        FeedRequest,
        ("Last-Event-ID" = Option<String>, Header, description = "The last id that you have"),
    ),
    responses(
        (status = 101, description = "A WebSocket"),
        (status = 400, description = "`validation_failed`: no WebSocket handshake, or a type that there is not"),
        (status = 403, description = "`forbidden`: a foreign `Origin`"),
    ),
    security(("bearer" = []), ("apiKey" = ["events:read"])),
)]
pub(super) async fn web_socket(
    state: Data<HttpState>,
    FeedHolder(holder): FeedHolder,
    req: HttpRequest,
    payload: Payload,
) -> ApiResult {
    // Before the handshake, so that who may not follow is told so, and not how to.
    let feed = open(&state, &holder, &req).await?;
    let (response, session) = shake_hands(&req, &[]).await?;
    let open = state.metrics.open_feed("ws");
    rt::spawn(Socket::new(session, payload, feed, holder, state).run(open));
    Ok(response)
}

/// Opens the feed that the query and the header `Last-Event-ID` ask for.
async fn open(state: &HttpState, holder: &Holder, req: &HttpRequest) -> ApiResult<Feed> {
    let mut params = Params::new(req.query_string());
    let request: FeedRequest = params.read()?;
    params.finish()?;
    let (filter, last) = request.into_parts()?;
    let header =
        || req.headers().get("last-event-id").map(|last| String::from_utf8_lossy(last.as_bytes()).into_owned());
    let start = FeedStart::parse(&last.or_else(header).unwrap_or_default());
    Ok(state.app.events.follow(&holder.actor, holder.credential, &filter, start).await?)
}
