//! The only middleware: prepares a request for its handler, and completes the response.

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
use entrepot_application::{self as application, RateLimitStatus};
use futures_util::{FutureExt, future::LocalBoxFuture};

use super::{
    address, api_key, bearer::Bearer, compress, context::RequestContext, cors, faults, limits, log::LoggedHeaders,
    methods, request_id::RequestId, router::Patterns, standard_headers::StandardHeaders, trace::Trace,
};
use crate::{
    HttpState,
    access_log::AccessLine,
    error::{ApiError, wants_problem},
    metrics::Handles,
};

/// Marks an error response whose body is kept, because it says more than the error envelope would.
pub(crate) struct KeepBody;

/// The middleware around the whole application.
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
        let worker =
            WorkerState { state: self.state.clone(), patterns: self.patterns.clone(), handles: Handles::default() };
        ready(Ok(EdgeService { inner: Rc::new(inner), worker: Rc::new(worker) }))
    }
}

/// The middleware of one worker.
pub(crate) struct EdgeService<S> {
    inner: Rc<S>,
    worker: Rc<WorkerState>,
}

struct WorkerState {
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
        let (inner, worker) = (self.inner.clone(), self.worker.clone());
        Box::pin(async move {
            let _in_flight = worker.state.metrics.begin();
            let mut info = RequestInfo::of(&req, &worker.state, &worker.patterns);
            let trace = Trace::begin(req.headers(), &info.context, &mut info.logged);
            if matches!(info.context.bearer, Bearer::Unread(_)) && limits::is_limited(req.path()) {
                let duration = worker.state.settings.request_timeout;
                let look_up = api_key::look_up(&mut info.context, &worker.state);
                with_timeout(duration, trace.within(look_up)).await;
            }
            let (method, context) = (info.method.clone(), info.context.clone());
            req.extensions_mut().insert(context.clone());
            let (rate_limit, outcome) = trace.within(worker.respond(&*inner, req, &info)).await;
            let result = worker.finish(info, rate_limit, outcome);
            trace.end(&method, &context, &result);
            result
        })
    }
}

/// What the response depends on, after the request itself was handed to the handler.
struct RequestInfo {
    started: Instant,
    method: Method,
    context: Rc<RequestContext>,
    logged: LoggedHeaders,
    /// The `Origin` of the request, if it may read the response (CORS).
    origin: Option<HeaderValue>,
    wants_problem: bool,
    /// Whether the client uses TLS, to this process or to a trusted proxy.
    secure: bool,
}

impl RequestInfo {
    fn of(req: &ServiceRequest, state: &HttpState, patterns: &Patterns) -> Self {
        let (headers, settings) = (req.headers(), &state.settings);
        let peer = req.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let context = RequestContext {
            request_id: RequestId::of(headers, &*state.ids),
            address: address::client(peer, headers, &settings.trusted_proxies),
            bearer: Bearer::of(headers, &state.app.auth),
            route: patterns.find(req.match_info().get_ref().path()),
        };
        Self {
            started: Instant::now(),
            method: req.method().clone(),
            logged: if state.access_log.is_on() { LoggedHeaders::of(headers) } else { LoggedHeaders::default() },
            origin: cors::allowed_origin(headers, &settings.allowed_origins),
            wants_problem: wants_problem(headers),
            secure: settings.tls || address::is_secure(peer, headers, &settings.trusted_proxies),
            context: Rc::new(context),
        }
    }
}

/// A response with its request, or an error after which the request is no longer available.
type Outcome = Result<ServiceResponse, ApiError>;

impl WorkerState {
    async fn respond<S>(&self, inner: &S, req: ServiceRequest, info: &RequestInfo) -> (Option<RateLimitStatus>, Outcome)
    where
        S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
    {
        if info.origin.is_some() && cors::is_preflight(req.method(), req.headers()) {
            return (None, Ok(req.into_response(cors::preflight())));
        }
        if is_server_options(&req) {
            return (None, Ok(req.into_response(methods::server_options())));
        }
        let mut rate_limit = None;
        if limits::is_limited(req.path()) {
            let requester = info.context.bearer.requester(info.context.address);
            rate_limit = self.state.app.request_limiter.hit(requester).await;
        }
        match rate_limit {
            Some(RateLimitStatus { decision, limit, .. }) if !decision.allowed => {
                let refusal = application::Error::RateLimited { limit, retry_after: decision.resets_in };
                (rate_limit, Ok(req.error_response(ApiError::UseCase(refusal))))
            }
            _ if !methods::is_known(req.method()) => (rate_limit, Ok(req.error_response(ApiError::UnknownMethod))),
            _ => (rate_limit, self.handle(inner, req, info).await),
        }
    }

    /// Calls the handler, bounds its time and catches its panics.
    async fn handle<S>(&self, inner: &S, req: ServiceRequest, info: &RequestInfo) -> Outcome
    where
        S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
    {
        let work = AssertUnwindSafe(async { inner.call(req).await }).catch_unwind();
        let work = with_timeout(self.state.settings.request_timeout, work);
        match work.await {
            Some(Ok(Ok(response))) => Ok(compress::apply(response).await),
            Some(Ok(Err(error))) => Err(self.convert(&error)),
            Some(Err(panic)) => Err(panicked(&*panic, info)),
            None => Err(ApiError::Timeout),
        }
    }

    /// Converts an error that actix-web returned in place of a response.
    fn convert(&self, error: &Error) -> ApiError {
        ApiError::foreign(error.as_response_error().status_code(), None, self.state.settings.body_limit)
    }

    fn finish(
        &self,
        mut info: RequestInfo,
        rate_limit: Option<RateLimitStatus>,
        outcome: Outcome,
    ) -> Result<ServiceResponse, Error> {
        // The rest of a body that was too slow is not waited for, and a server that stops closes its connections.
        let is_last = matches!(outcome, Err(ApiError::Timeout)) || self.state.is_stopping();
        let (req, mut response) = match outcome {
            Ok(response) => {
                let (req, response) = response.into_parts();
                (Some(req), self.rendered(response, &info))
            }
            Err(error) => (None, render(&error, &info)),
        };
        if is_last {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }

        let status = response.status();
        cors::apply(response.headers_mut(), info.origin.take(), &self.state.settings.allowed_origins);
        let standard = StandardHeaders {
            secure: info.secure,
            request_id: &info.context.request_id,
            rate_limit: rate_limit.as_ref(),
        };
        standard.apply(response.headers_mut());

        let route = info.context.pattern().unwrap_or("unmatched");
        let took = info.started.elapsed();
        self.handles.record(&self.state.metrics, &info.method, route, status, took);
        self.log(&info, route, status, took);

        match req {
            Some(req) => Ok(ServiceResponse::new(req, response)),
            None => Err(ResponseAsError(RefCell::new(Some(response))).into()),
        }
    }
}

impl WorkerState {
    /// Renders errors. An error that actix-web or a dependency made is replaced with one of this crate.
    fn rendered(&self, response: HttpResponse, info: &RequestInfo) -> HttpResponse {
        let foreign = |status| {
            let allow = response.headers().get(ALLOW).and_then(|allow| allow.to_str().ok());
            ApiError::foreign(status, allow, self.state.settings.body_limit)
        };
        let error = match response.error() {
            Some(error) => match error.as_error::<ApiError>() {
                Some(error) => {
                    self.state.metrics.limited(error);
                    return render(error, info);
                }
                None => foreign(error.as_response_error().status_code()),
            },
            None if is_error(response.status()) && !response.extensions().contains::<KeepBody>() => {
                foreign(response.status())
            }
            None => return response,
        };
        render(&error, info)
    }

    fn log(&self, info: &RequestInfo, route: &str, status: StatusCode, took: Duration) {
        if !self.state.access_log.is_on() {
            return;
        }
        let (context, logged) = (&info.context, &info.logged);
        self.state.access_log.write(&AccessLine {
            method: info.method.as_str(),
            route,
            status,
            took,
            user: context.bearer.user(),
            api_key: context.bearer.key(),
            address: context.address,
            user_agent: logged.user_agent.as_deref(),
            request_id: context.request_id.as_str(),
            trace_id: logged.trace_id.as_deref(),
        });
    }
}

/// Waits for `work`, at most for `duration`. Work that is ready at its first poll, such as a cache hit, needs no timer.
async fn with_timeout<T>(duration: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    match poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
        Poll::Ready(done) => Some(done),
        Poll::Pending => timeout(duration, work).await.ok(),
    }
}

fn render(error: &ApiError, info: &RequestInfo) -> HttpResponse {
    faults::log(error, &info.context.request_id);
    error.render(info.context.request_id.as_str(), info.wants_problem)
}

/// `OPTIONS *` asks about the server and not about a path (RFC 9110 9.3.7).
fn is_server_options(req: &ServiceRequest) -> bool {
    req.method() == Method::OPTIONS && req.uri().path() == "*"
}

fn is_error(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn panicked(payload: &(dyn Any + Send), info: &RequestInfo) -> ApiError {
    faults::log_panic(payload, &info.context.request_id);
    ApiError::Internal
}

/// A response as an error: the request was dropped with the handler, and a `ServiceResponse` needs one.
struct ResponseAsError(RefCell<Option<HttpResponse>>);

impl ResponseError for ResponseAsError {
    fn status_code(&self) -> StatusCode {
        self.0.borrow().as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, HttpResponse::status)
    }

    fn error_response(&self) -> HttpResponse {
        self.0.take().unwrap_or_else(|| HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

impl fmt::Debug for ResponseAsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseAsError({})", self.status_code())
    }
}

impl fmt::Display for ResponseAsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "responded with {}", self.status_code())
    }
}
