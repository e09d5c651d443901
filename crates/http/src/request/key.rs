//! The name of a try.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use entrepot_application::Error;
use entrepot_domain::order::IdempotencyKey;

use crate::error::{ApiError, ApiResult};

/// The header that names a try.
const HEADER: &str = "Idempotency-Key";

/// The `Idempotency-Key`, if the client gave one.
pub(crate) struct Key(pub(crate) Option<IdempotencyKey>);

impl FromRequest for Key {
    type Error = ApiError;
    type Future = Ready<ApiResult<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(req).map_err(ApiError::UseCase))
    }
}

fn read(req: &HttpRequest) -> Result<Key, Error> {
    let mut values = req.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(Key(None)) };
    if values.next().is_some() {
        return Err(Error::field(HEADER, "must come once"));
    }
    let bad = "must be 1 to 255 visible ASCII characters";
    let key = value.to_str().map_err(|_| Error::field(HEADER, bad))?;
    IdempotencyKey::parse(key).map(|key| Key(Some(key))).map_err(|why| Error::field(HEADER, why))
}
