//! Extractors of those who hold a credential: for tickets, and for live feeds.

use std::rc::Rc;

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use entrepot_application::Error;
use entrepot_domain::auth::{Actor, Credential, TokenError};
use futures_util::future::LocalBoxFuture;

use super::{bearer::Bearer, context::RequestContext, origin};
use crate::{
    HttpState,
    error::{ApiError, ApiResult},
};

/// An actor, and what gives them access for longer than a token is good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder {
    pub(crate) actor: Actor,
    pub(crate) credential: Credential,
}

impl FromRequest for Holder {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let holder = holder(req);
        Box::pin(holder)
    }
}

pub(super) fn holder(req: &HttpRequest) -> impl Future<Output = ApiResult<Holder>> + use<> {
    let context = req.extensions().get::<Rc<RequestContext>>().cloned();
    let state = req.app_data::<web::Data<HttpState>>().cloned();
    async move {
        let (Some(context), Some(state)) = (context, state) else { return Err(ApiError::Internal) };
        authenticated(&context.bearer, &state).await
    }
}

/// The holder of what a header `Authorization` would say, for clients that can set none.
pub(crate) async fn holder_of(authorization: &str, state: &HttpState) -> ApiResult<Holder> {
    authenticated(&Bearer::of_text(authorization, &state.app.auth), state).await
}

async fn authenticated(bearer: &Bearer, state: &HttpState) -> ApiResult<Holder> {
    match bearer {
        Bearer::Token(claims) => {
            let actor = state.app.auth.authenticate(claims).await?;
            Ok(Holder { actor, credential: Credential::Session(claims.session) })
        }
        Bearer::ApiKey(key) => Ok(Holder { actor: key.actor, credential: Credential::ApiKey(key.prefix) }),
        // The store was unavailable when the edge asked it; if it still is, this is the 503.
        Bearer::Unread(unread) => {
            let key = state.app.api_keys.authenticate(&unread.0).await?;
            Ok(Holder { actor: key.actor, credential: Credential::ApiKey(key.prefix) })
        }
        Bearer::Invalid(TokenError::Expired) => Err(ApiError::UseCase(Error::TokenExpired)),
        Bearer::Invalid(TokenError::Invalid) => Err(ApiError::UseCase(Error::InvalidToken)),
        Bearer::None => Err(ApiError::MissingToken),
    }
}

/// A [`Holder`] who may also come with a `?ticket=`, and whose page is not of a foreign origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FeedHolder(pub(crate) Holder);

impl FromRequest for FeedHolder {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_foreign = origin::is_foreign(req);
        let has_header =
            req.extensions().get::<Rc<RequestContext>>().is_some_and(|context| !matches!(context.bearer, Bearer::None));
        let ticket = form_urlencoded::parse(req.query_string().as_bytes())
            .find(|(name, value)| name == "ticket" && !value.is_empty())
            .map(|(_, ticket)| ticket.into_owned());
        let state = req.app_data::<web::Data<HttpState>>().cloned();
        let by_header = holder(req);
        Box::pin(async move {
            if is_foreign {
                return Err(ApiError::UseCase(Error::Forbidden));
            }
            match (ticket, state) {
                (Some(ticket), Some(state)) if !has_header => {
                    let (actor, credential) = state.app.tickets.redeem(&ticket).await?;
                    Ok(Self(Holder { actor, credential }))
                }
                _ => by_header.await.map(Self),
            }
        })
    }
}
