//! Looking up the API key that a request came with, before it is counted.

use std::{rc::Rc, sync::Arc};

use actix_web::rt;
use entrepot_domain::ApiKeyId;

use super::{bearer::Bearer, context::RequestContext};
use crate::HttpState;

/// Finds out what an API key is worth, if there is one.
pub(super) async fn look_up(context: &mut Rc<RequestContext>, state: &Arc<HttpState>) {
    // Nobody else has it yet.
    if let Some(context) = Rc::get_mut(context)
        && let Bearer::Unread(unread) = &context.bearer
    {
        context.bearer = Bearer::of_key(unread, &state.app.api_keys).await;
        if let Bearer::ApiKey(authenticated) = &context.bearer
            && authenticated.should_record_use
        {
            record_use(authenticated.key, state.clone());
        }
    }
}

/// Notes that a key is in use, off the request's way.
fn record_use(key: ApiKeyId, state: Arc<HttpState>) {
    rt::spawn(async move {
        if let Err(error) = state.app.api_keys.record_use(key).await {
            tracing::warn!(%key, %error, "the use of an API key was not recorded");
        }
    });
}
