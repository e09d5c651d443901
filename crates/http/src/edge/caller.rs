//! Who asks, as the edge found out.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    rc::Rc,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
    web,
};
use entrepot_application::Error;
use entrepot_domain::{
    audit::Origin,
    auth::{Actor, TokenError},
};
use futures_util::future::LocalBoxFuture;

use super::{bearer::Bearer, request_id::RequestId, router::Found};
use crate::{
    HttpState,
    error::{ApiError, ApiResult},
};

/// The most characters of a `User-Agent` that are kept.
const USER_AGENT_CHARS: usize = 256;

/// What the edge knows of a request; it leaves it in the request's extensions.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) request_id: RequestId,
    pub(super) address: IpAddr,
    pub(super) bearer: Bearer,
    /// Where the path leads.
    pub(super) found: Option<Found>,
}

impl Passage {
    /// The pattern of the path, for logs and metrics: there are few of them, and they have no secrets in them.
    pub(super) fn route(&self) -> Option<&str> {
        self.found.as_ref().map(|found| &*found.pattern)
    }
}

/// What stands in the path for its one parameter.
pub(crate) struct Parameter(pub(crate) Box<str>);

impl Parameter {
    /// That of this request; its pattern may have none.
    pub(crate) fn of(req: &HttpRequest) -> Option<Self> {
        let extensions = req.extensions();
        let found = extensions.get::<Rc<Passage>>()?.found.as_ref()?;
        found.parameter.clone().map(Self)
    }
}

impl FromRequest for Parameter {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(req).ok_or(ApiError::UnknownPath))
    }
}

/// Where a request comes from.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The client's address, which is the socket's, or what a trusted proxy says; and how the request is named in
    /// answers and logs.
    pub(crate) origin: Origin,
    /// What the client calls itself, cut to 256 characters.
    pub(crate) user_agent: Option<String>,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = req.extensions();
        let passage = extensions.get::<Rc<Passage>>();
        // Without a passage there was no edge: a wiring mistake, which must not be written down as nobody's doing.
        let caller = passage.map(|passage| Self {
            origin: Origin { address: passage.address, request_id: passage.request_id.as_str().to_owned() },
            user_agent: user_agent(req.headers()).map(ToOwned::to_owned),
        });
        ready(caller.ok_or(ApiError::Internal))
    }
}

/// What the client calls itself, cut to 256 characters; `None` also if it is not visible ASCII.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<&str> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    agent.get(..agent.len().min(USER_AGENT_CHARS)).filter(|agent| !agent.is_empty())
}

/// A person, by a good token of a session that is alive, with the roles they have now. API keys are refused: what takes
/// them asks for [`Granted`].
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

/// The same, or a machine with a live API key. Whether its scopes allow what it asks is for the use case to say.
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
    let passage = req.extensions().get::<Rc<Passage>>().cloned();
    let state = req.app_data::<web::Data<HttpState>>().cloned();
    async move {
        let (Some(passage), Some(state)) = (passage, state) else { return Err(ApiError::Internal) };
        match &passage.bearer {
            Bearer::Good(claims) => Ok(state.app.auth.admit(claims).await?),
            Bearer::Key(admitted) => Ok(admitted.actor),
            // The store was away; if it still is, this says so.
            Bearer::Unread(unread) => Ok(state.app.api_keys.admit(&unread.0).await?.actor),
            Bearer::Bad(TokenError::Expired) => Err(ApiError::UseCase(Error::TokenExpired)),
            Bearer::Bad(TokenError::Invalid) => Err(ApiError::UseCase(Error::InvalidToken)),
            Bearer::None => Err(ApiError::MissingToken),
        }
    }
}
