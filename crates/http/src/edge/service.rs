//! The one middleware: what a request passes on its way in, and its answer on its way out.

use std::{
    any::Any,
    cell::RefCell,
    fmt,
    future::{Ready, poll_fn, ready},
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    pin::pin,
    rc::Rc,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use actix_http::ConnectionType;
use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        Method, StatusCode,
        header::{ALLOW, HeaderValue},
    },
    rt::time::timeout,
};
use entrepot_application::{self as application, Standing};
use futures_util::{FutureExt, future::LocalBoxFuture};

use super::{
    address, api_key,
    bearer::Bearer,
    compress,
    context::RequestContext,
    cors, faults, limits,
    log::{AccessLine, LoggedHeaders},
    methods,
    metrics::Handles,
    request_id::RequestId,
    router::Patterns,
    standard_headers::StandardHeaders,
    trace::Trace,
};
use crate::{
    HttpState,
    error::{ApiError, wants_problem},
};

/// Marks an answer whose body tells more of an error than the envelope would.
pub(crate) struct AsItIs;

/// Wraps the whole application.
pub(crate) struct Edge {
    pub(crate) state: Arc<HttpState>,
    pub(crate) patterns: Rc<Patterns>,
}

impl<S> Transform<S, ServiceRequest> for Edge
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error> + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Transform = EdgeService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        let tools = Tools { state: self.state.clone(), patterns: self.patterns.clone(), handles: Handles::default() };
        ready(Ok(EdgeService { inner: Rc::new(inner), tools: Rc::new(tools) }))
    }
}

/// The edge of one worker.
pub(crate) struct EdgeService<S> {
    inner: Rc<S>,
    tools: Rc<Tools>,
}

struct Tools {
    state: Arc<HttpState>,
    patterns: Rc<Patterns>,
    handles: Handles,
}

impl<S> Service<ServiceRequest> for EdgeService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error> + 'static,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<ServiceResponse, Error>>;

    forward_ready!(inner);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        let (inner, tools) = (self.inner.clone(), self.tools.clone());
        Box::pin(async move {
            let _in_flight = tools.state.metrics.begin();
            let mut visit = Visit::of(&req, &tools.state, &tools.patterns);
            let trace = Trace::begin(req.headers(), &visit.passage, &mut visit.logged);
            if matches!(visit.passage.bearer, Bearer::Unread(_)) && limits::is_limited(req.path()) {
                let patience = tools.state.settings.request_timeout;
                let look_up = api_key::look_up(&mut visit.passage, &tools.state);
                in_time(patience, trace.within(look_up)).await;
            }
            let (method, passage) = (visit.method.clone(), visit.passage.clone());
            req.extensions_mut().insert(passage.clone());
            let (standing, answer) = trace.within(tools.answer(&*inner, req, &visit)).await;
            let answer = tools.finish(visit, standing, answer);
            trace.end(&method, &passage, &answer);
            answer
        })
    }
}

/// A request, as far as its answer depends on it.
struct Visit {
    began: Instant,
    method: Method,
    passage: Rc<RequestContext>,
    logged: LoggedHeaders,
    /// Set if it may be shown the answer.
    origin: Option<HeaderValue>,
    wants_problem: bool,
    /// Whether the client came through TLS, to this process or to a trusted proxy.
    secure: bool,
}

impl Visit {
    fn of(req: &ServiceRequest, state: &HttpState, patterns: &Patterns) -> Self {
        let (headers, settings) = (req.headers(), &state.settings);
        let peer = req.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let passage = RequestContext {
            request_id: RequestId::of(headers, &*state.ids),
            address: address::client(peer, headers, &settings.trusted_proxies),
            bearer: Bearer::of(headers, &state.app.auth),
            route: patterns.find(req.match_info().get_ref().path()),
        };
        Self {
            began: Instant::now(),
            method: req.method().clone(),
            logged: if state.access_log.is_on() { LoggedHeaders::of(headers) } else { LoggedHeaders::default() },
            origin: cors::allowed_origin(headers, &settings.allowed_origins),
            wants_problem: wants_problem(headers),
            secure: settings.tls || address::is_secure(peer, headers, &settings.trusted_proxies),
            passage: Rc::new(passage),
        }
    }
}

/// What became of a request: an answer, or an error of which no request is left to answer.
type Answer = Result<ServiceResponse, ApiError>;

impl Tools {
    async fn answer<S>(&self, inner: &S, req: ServiceRequest, visit: &Visit) -> (Option<Standing>, Answer)
    where
        S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
    {
        if visit.origin.is_some() && cors::is_preflight(req.method(), req.headers()) {
            return (None, Ok(req.into_response(cors::preflight())));
        }
        if is_about_the_server(&req) {
            return (None, Ok(req.into_response(methods::of_the_server())));
        }
        let mut standing = None;
        if limits::is_limited(req.path()) {
            let requester = visit.passage.bearer.requester(visit.passage.address);
            standing = self.state.app.limits.request(requester).await;
        }
        match standing {
            Some(Standing { verdict, limit, .. }) if !verdict.allowed => {
                let refusal = application::Error::RateLimited { limit, retry_after: verdict.resets_in };
                (standing, Ok(req.error_response(ApiError::UseCase(refusal))))
            }
            _ if !methods::is_known(req.method()) => (standing, Ok(req.error_response(ApiError::UnknownMethod))),
            _ => (standing, self.handle(inner, req, visit).await),
        }
    }

    /// Lets the handler answer, if it does so in time and without a panic.
    async fn handle<S>(&self, inner: &S, req: ServiceRequest, visit: &Visit) -> Answer
    where
        S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
    {
        let work = AssertUnwindSafe(async { inner.call(req).await }).catch_unwind();
        let work = in_time(self.state.settings.request_timeout, work);
        match work.await {
            Some(Ok(Ok(answer))) => Ok(compress::apply(answer).await),
            Some(Ok(Err(error))) => Err(self.of_actix(&error)),
            Some(Err(panic)) => Err(panicked(&*panic, visit)),
            None => Err(ApiError::Timeout),
        }
    }

    /// An error that something inside returned in place of an answer.
    fn of_actix(&self, error: &Error) -> ApiError {
        ApiError::foreign(error.as_response_error().status_code(), None, self.state.settings.body_limit)
    }

    fn finish(&self, mut visit: Visit, standing: Option<Standing>, answer: Answer) -> Result<ServiceResponse, Error> {
        // What is left of a body that was too slow is not waited for, and a server that stops wants its clients to go.
        let is_last = matches!(answer, Err(ApiError::Timeout)) || self.state.is_stopping();
        let (req, mut response) = match answer {
            Ok(answer) => {
                let (req, response) = answer.into_parts();
                (Some(req), self.rendered(response, &visit))
            }
            Err(error) => (None, render(&error, &visit)),
        };
        if is_last {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }

        let status = response.status();
        cors::apply(response.headers_mut(), visit.origin.take(), &self.state.settings.allowed_origins);
        let standard = StandardHeaders {
            secure: visit.secure,
            request_id: &visit.passage.request_id,
            standing: standing.as_ref(),
        };
        standard.apply(response.headers_mut());

        let route = visit.passage.pattern().unwrap_or("unmatched");
        let took = visit.began.elapsed();
        self.handles.record(&self.state.metrics, &visit.method, route, status, took);
        self.log(&visit, route, status, took);

        match req {
            Some(req) => Ok(ServiceResponse::new(req, response)),
            None => Err(Rendered(RefCell::new(Some(response))).into()),
        }
    }
}

impl Tools {
    /// The answer as the client gets it. An error that is not of this crate is told in the words of this crate.
    fn rendered(&self, response: HttpResponse, visit: &Visit) -> HttpResponse {
        let foreign = |status| {
            let allow = response.headers().get(ALLOW).and_then(|allow| allow.to_str().ok());
            ApiError::foreign(status, allow, self.state.settings.body_limit)
        };
        let error = match response.error() {
            Some(error) => match error.as_error::<ApiError>() {
                Some(error) => {
                    self.state.metrics.limited(error);
                    return render(error, visit);
                }
                None => foreign(error.as_response_error().status_code()),
            },
            None if is_error(response.status()) && !response.extensions().contains::<AsItIs>() => {
                foreign(response.status())
            }
            None => return response,
        };
        render(&error, visit)
    }

    fn log(&self, visit: &Visit, route: &str, status: StatusCode, took: Duration) {
        if !self.state.access_log.is_on() {
            return;
        }
        let (passage, logged) = (&visit.passage, &visit.logged);
        self.state.access_log.write(&AccessLine {
            method: visit.method.as_str(),
            route,
            status,
            took,
            user: passage.bearer.user(),
            api_key: passage.bearer.key(),
            address: passage.address,
            user_agent: logged.user_agent.as_deref(),
            request_id: passage.request_id.as_str(),
            trace_id: logged.trace_id.as_deref(),
        });
    }
}

/// Waits for `work`, but no longer than `patience`. What is done at once, as whatever the cache knows is, needs no timer.
async fn in_time<T>(patience: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        Poll::Ready(done) => Some(done),
        Poll::Pending => timeout(patience, work).await.ok(),
    }
}

fn render(error: &ApiError, visit: &Visit) -> HttpResponse {
    faults::log(error, &visit.passage.request_id);
    error.render(visit.passage.request_id.as_str(), visit.wants_problem)
}

/// `OPTIONS *` asks about the server and not about a path (RFC 9110 9.3.7).
fn is_about_the_server(req: &ServiceRequest) -> bool {
    req.method() == Method::OPTIONS && req.uri().path() == "*"
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn panicked(payload: &(dyn Any + Send), visit: &Visit) -> ApiError {
    faults::log_panic(payload, &visit.passage.request_id);
    ApiError::Internal
}

/// An answer on its way where only an error can go: the request was lost with the handler.
struct Rendered(RefCell<Option<HttpResponse>>);

impl ResponseError for Rendered {
    fn status_code(&self) -> StatusCode {
        self.0.borrow().as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, HttpResponse::status)
    }

    fn error_response(&self) -> HttpResponse {
        self.0.take().unwrap_or_else(|| HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rendered({})", self.status_code())
    }
}

impl fmt::Display for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered with {}", self.status_code())
    }
}
