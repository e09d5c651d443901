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
