//! The `Idempotency-Key` header.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use entrepot_application::Error;
use entrepot_domain::order::IdempotencyKey;

use crate::error::{ApiError, ApiResult};

const HEADER: &str = "Idempotency-Key";

/// The idempotency key of a request, if there is one.
pub(crate) struct IdempotencyKeyHeader(pub(crate) Option<IdempotencyKey>);

impl FromRequest for IdempotencyKeyHeader {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(req).map_err(ApiError::UseCase))
    }
}

fn read(req: &HttpRequest) -> Result<IdempotencyKeyHeader, Error> {
    let mut values = req.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(IdempotencyKeyHeader(None)) };
    if values.next().is_some() {
        return Err(Error::field(HEADER, "must come once"));
    }
    let bad = "must be 1 to 255 visible ASCII characters";
    let key = value.to_str().map_err(|_| Error::field(HEADER, bad))?;
    IdempotencyKey::parse(key).map(|key| IdempotencyKeyHeader(Some(key))).map_err(|why| Error::field(HEADER, why))
}
