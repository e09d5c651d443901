//! Looks up the API key of a request, before the request is counted.

use std::{rc::Rc, sync::Arc};

use actix_web::rt;
use entrepot_domain::ApiKeyId;

use super::{bearer::Bearer, context::RequestContext};
use crate::HttpState;

/// Looks up the API key of the request, if there is one.
pub(super) async fn look_up(context: &mut Rc<RequestContext>, state: &Arc<HttpState>) {
    // There is no other reference to the context yet.
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

/// Records the use of a key, without delaying the request.
fn record_use(key: ApiKeyId, state: Arc<HttpState>) {
    rt::spawn(async move {
        if let Err(error) = state.app.api_keys.record_use(key).await {
            tracing::warn!(%key, %error, "the use of an API key was not recorded");
        }
    });
}
