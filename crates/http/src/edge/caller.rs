//! Extractors: who sends a request, and what they may do.

use std::{
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
};
use entrepot_application::Error;
use entrepot_domain::{audit::Origin, auth::Actor};
use futures_util::future::LocalBoxFuture;

use super::{context::RequestContext, holder::holder};
use crate::error::{ApiError, ApiResult};

/// The most characters of a `User-Agent` that are kept.
const MAX_USER_AGENT_CHARS: usize = 256;

/// The value of the first parameter of a path.
pub(crate) struct Parameter(pub(crate) Box<str>);

impl Parameter {
    /// The parameter of this request, if its path has one.
    pub(crate) fn of(req: &HttpRequest) -> Option<Self> {
        let extensions = req.extensions();
        let route = extensions.get::<Rc<RequestContext>>()?.route.as_ref()?;
        route.parameter.clone().map(Self)
    }

    /// The second parameter of this request, if its path has two.
    pub(crate) fn second(req: &HttpRequest) -> Option<Self> {
        let extensions = req.extensions();
        let route = extensions.get::<Rc<RequestContext>>()?.route.as_ref()?;
        route.second.clone().map(Self)
    }
}

impl FromRequest for Parameter {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(req).ok_or(ApiError::UnknownPath))
    }
}

/// The client that sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The client's address, as the socket or a trusted proxy says, and the identifier of the request.
    pub(crate) origin: Origin,
    /// The `User-Agent`, cut to 256 characters.
    pub(crate) user_agent: Option<String>,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = req.extensions();
        let context = extensions.get::<Rc<RequestContext>>();
        // Without a context the middleware is missing: a wiring mistake, which must not enter the audit log as an
        // anonymous request.
        let caller = context.map(|context| Self {
            origin: Origin { address: context.address, request_id: context.request_id.as_str().to_owned() },
            user_agent: user_agent(req.headers()).map(ToOwned::to_owned),
        });
        ready(caller.ok_or(ApiError::Internal))
    }
}

/// The `User-Agent`, cut to 256 characters; `None` also if it is not visible ASCII.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    agent.get(..agent.len().min(MAX_USER_AGENT_CHARS)).filter(|agent| !agent.is_empty())
}

/// A user with a valid token of a live session, with their present roles. API keys are refused: routes that take them
/// ask for [`Granted`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Authenticated(pub(crate) Actor);

impl FromRequest for Authenticated {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let actor = actor(req);
        Box::pin(async move {
            let actor = actor.await?;
            if actor.session().is_none() {
                return Err(ApiError::UseCase(Error::LoginRequired));
            }
            Ok(Self(actor))
        })
    }
}

/// A user as [`Authenticated`], or a valid API key. The use case decides whether its scopes suffice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Granted(pub(crate) Actor);

impl FromRequest for Granted {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let actor = actor(req);
        Box::pin(async move { actor.await.map(Self) })
    }
}

fn actor(req: &HttpRequest) -> impl Future<Output = ApiResult<Actor>> + use<> {
    let holder = holder(req);
    async move { Ok(holder.await?.actor) }
}
