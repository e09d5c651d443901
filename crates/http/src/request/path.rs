//! Identifiers in paths.

use std::{
    future::{Ready, ready},
    str::FromStr,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use entrepot_application::Error;

use crate::{
    edge::Parameter,
    error::{ApiError, ApiResult},
};

/// The `{id}` of the path. What is no identifier names nothing, and is not found.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: FromStr> FromRequest for PathId<T> {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = Parameter::of(req).and_then(|Parameter(id)| id.parse().ok());
        ready(id.map(Self).ok_or(ApiError::UseCase(Error::NotFound)))
    }
}

/// The two identifiers of a path that has two.
pub(crate) struct PathIds<A, B>(pub(crate) A, pub(crate) B);

impl<A: FromStr, B: FromStr> FromRequest for PathIds<A, B> {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ids = Parameter::of(req).zip(Parameter::second(req));
        let ids = ids.and_then(|(first, second)| Some(Self(first.0.parse().ok()?, second.0.parse().ok()?)));
        ready(ids.ok_or(ApiError::UseCase(Error::NotFound)))
    }
}
