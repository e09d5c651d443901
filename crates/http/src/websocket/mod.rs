//! What the feeds by WebSocket have in common: reading messages without keeping more than one, and handing messages to clients
//! that may not read.

mod deliver;
mod incoming;

use std::time::Duration;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web::Payload};
use actix_ws::Session;
use entrepot_application::Error;

pub(crate) use self::{
    deliver::{MAX_STALL, deliver},
    incoming::{Broken, Incoming, Received},
};
use crate::error::{ApiError, ApiResult};

/// How often a client is pinged.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(20);

/// How many pings a client may leave unanswered.
pub(crate) const MAX_MISSED_PINGS: u32 = 2;

/// How long to wait until the client has read enough for a close frame. The connection itself is closed by then.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(40);

/// Answers the handshake, with the first of the client's protocols that is one of these.
pub(crate) async fn shake_hands(req: &HttpRequest, protocols: &[&str]) -> ApiResult<(HttpResponse, Session)> {
    // The payload is read by `Incoming`: the library would keep frames of any length.
    let nothing = Payload::from_request(req, &mut dev::Payload::None).await.map_err(|_| ApiError::Internal)?;
    let handshake = actix_ws::handle_with_protocols(req, nothing, protocols);
    let (response, session, _) = handshake.map_err(|error| Error::field("Upgrade", error.to_string()))?;
    Ok((response, session))
}
