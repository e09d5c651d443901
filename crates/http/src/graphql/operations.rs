//! The operations that a client runs over one connection.

use std::{collections::HashMap, future};

use actix_web::web::Data;
use entrepot_application as application;
use entrepot_application::Requester;
use entrepot_domain::auth::Proof;
use entrepot_graphql::{self as graphql, Prepared, Refusal, Request, Response, Responses};
use futures_util::{
    Stream, StreamExt,
    future::AbortHandle,
    stream::{self, Abortable, LocalBoxStream, SelectAll},
};

use super::observe::Observed;
use crate::{
    HttpState,
    edge::{Caller, Holder, outlive},
    error::{ApiError, ApiResult},
};

/// The most operations at once.
const MAX_OPERATIONS: usize = 100;

/// What an operation gives.
pub(super) enum Output {
    /// A result.
    Next(Response),
    /// It did not run.
    Refused(serde_json::Value),
    /// It has ended.
    Complete,
}

/// Who runs operations.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) state: Data<HttpState>,
    pub(super) holder: Holder,
    pub(super) caller: Caller,
}

/// The operations that run.
#[derive(Default)]
pub(super) struct Operations {
    streams: SelectAll<Abortable<LocalBoxStream<'static, (String, Output)>>>,
    handles: HashMap<String, AbortHandle>,
}

impl Operations {
    /// Whether an operation with this identifier runs.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.handles.contains_key(id)
    }

    /// Begins an operation.
    pub(super) fn begin(&mut self, id: String, request: Result<Request, Refusal>, client: Client) {
        let outputs = match request {
            Ok(_) if self.handles.len() >= MAX_OPERATIONS => {
                let message = format!("a connection may have {MAX_OPERATIONS} operations at once");
                refused(&Refusal::new(429, "rate_limited", message))
            }
            Ok(request) => run(client, request).boxed_local(),
            Err(refusal) => refused(&refusal),
        };
        let (handle, registration) = AbortHandle::new_pair();
        let of = id.clone();
        let outputs = outputs.map(move |output| (of.clone(), output)).boxed_local();
        self.streams.push(Abortable::new(outputs, registration));
        self.handles.insert(id, handle);
    }

    /// Ends an operation, if it runs. Changes that it makes are made nevertheless.
    pub(super) fn end(&mut self, id: &str) {
        if let Some(handle) = self.handles.remove(id) {
            handle.abort();
        }
    }

    /// Waits for what an operation gives. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> (String, Output) {
        match self.streams.next().await {
            Some((id, output)) => {
                if matches!(output, Output::Complete | Output::Refused(_)) {
                    self.handles.remove(&id);
                }
                (id, output)
            }
            None => future::pending().await,
        }
    }
}

fn refused(refusal: &Refusal) -> LocalBoxStream<'static, Output> {
    stream::iter([Output::Refused(refusal.errors())]).boxed_local()
}

/// Runs an operation.
fn run(client: Client, request: Request) -> impl Stream<Item = Output> {
    stream::once(start(client, request)).flat_map(|started| match started {
        Ok(responses) => outputs(responses).boxed_local(),
        Err(refusal) => refused(&refusal),
    })
}

async fn start(client: Client, request: Request) -> Result<Responses, Refusal> {
    let Client { state, holder, caller } = client;
    let holder = admit(&state, &holder).await.map_err(|error| refusal_of(&error))?;
    let prepared = state.graphql.prepare(request)?;
    let begun = begin(state, prepared, client_of(Some(holder), caller)).await;
    begun.map_err(|error| refusal_of(&error))
}

/// Who runs an operation, as GraphQL knows them.
pub(super) fn client_of(holder: Option<Holder>, caller: Caller) -> graphql::Caller {
    let (actor, credential) = holder.map(|Holder { actor, credential }| (actor, credential)).unzip();
    graphql::Caller { actor, credential, origin: caller.origin, user_agent: caller.user_agent }
}

/// Runs an operation until its first response is there. A change is made also if its client goes away meanwhile.
pub(super) async fn begin(state: Data<HttpState>, prepared: Prepared, caller: graphql::Caller) -> ApiResult<Responses> {
    let (is_mutation, observed) = (prepared.is_mutation(), Observed::begin(&prepared));
    let mut responses = state.graphql.respond(prepared, caller);
    let begun = async move {
        responses.begin().await;
        observed.end(&state.metrics, responses.outcome());
        responses
    };
    if is_mutation { outlive(begun).await } else { Ok(begun.await) }
}

/// Counts an operation, and finds out what its client may do at present.
async fn admit(state: &HttpState, holder: &Holder) -> ApiResult<Holder> {
    let requester = match holder.actor.proof {
        Proof::Session(_) => Requester::User(holder.actor.user),
        Proof::ApiKey { id, .. } => Requester::ApiKey(id),
    };
    if let Some(status) = state.app.request_limiter.hit(requester).await
        && !status.decision.allowed
    {
        let retry_after = status.decision.resets_in;
        let refusal = ApiError::UseCase(application::Error::RateLimited { limit: status.limit, retry_after });
        state.metrics.limited(&refusal);
        return Err(refusal);
    }
    let actor = state.app.events.actor(holder.actor.user, holder.credential).await?;
    Ok(Holder { actor, ..*holder })
}

/// What the error of a request is in GraphQL.
pub(super) fn refusal_of(error: &ApiError) -> Refusal {
    Refusal::new(error.status().as_u16(), error.code(), error.message())
}

/// What a subscription gives has no end of its own: when the feed ends, so does the connection, which its client opens again.
fn outputs(responses: Responses) -> impl Stream<Item = Output> {
    stream::unfold((responses, false), async |(mut responses, is_over)| {
        if is_over {
            return None;
        }
        match responses.next().await {
            Some(response) if response.executed => Some((Output::Next(response), (responses, false))),
            Some(response) => Some((Output::Refused(response.errors()), (responses, true))),
            None if responses.is_live() => None,
            None => Some((Output::Complete, (responses, true))),
        }
    })
}
