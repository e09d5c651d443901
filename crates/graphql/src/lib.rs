//! The GraphQL API on async-graphql, over the same use cases as REST.
//!
//! A folder a resource (`auth/ user/ product/ order/ event/`) with its types, inputs and resolvers; a resolver reads its
//! arguments by the domain's own rules, calls one use case and shows the result. `limits/` refuses what would cost too
//! much before anything of it is expanded or run, `loaders` reads in one call what many objects of an answer need, and
//! `refusal` says what errors look like. The crate knows no HTTP: the edge hands it a [`Request`] and a [`Caller`].

mod auth;
mod connection;
mod event;
mod fields;
mod limits;
mod loaders;
mod order;
mod product;
mod refusal;
mod request;
mod response;
mod responses;
mod scalars;
mod state;
#[cfg(test)]
mod tests;
mod user;

use std::{sync::Arc, time::Duration};

use async_graphql::{MergedObject, MergedSubscription, Schema, dataloader::DataLoader, parser::types::OperationType};
use entrepot_application::Application;
use futures_util::StreamExt;
use tokio::sync::Notify;

use crate::{limits::Checked, loaders::Batch, state::State};
pub use crate::{
    refusal::Refusal,
    request::Request,
    response::{Outcome, Response},
    responses::Responses,
    state::{Caller, GraphqlSettings},
};

/// What can be read.
#[derive(MergedObject, Default)]
struct Query(user::UserQuery, product::ProductQuery, order::OrderQuery);

/// What can be changed.
#[derive(MergedObject, Default)]
struct Mutation(user::UserMutation, auth::AuthMutation, product::ProductMutation, order::OrderMutation);

/// What can be followed.
#[derive(MergedSubscription, Default)]
struct Subscription(event::EventSubscription);

/// The API.
pub struct Graphql {
    schema: Schema<Query, Mutation, Subscription>,
    app: Arc<Application>,
    settings: Arc<GraphqlSettings>,
}

/// An operation within the limits.
pub struct Prepared {
    request: async_graphql::Request,
    operation: OperationType,
    field: String,
    is_anonymous: bool,
    cost: u64,
}

impl Prepared {
    /// Whether it changes something.
    pub fn is_mutation(&self) -> bool {
        self.operation == OperationType::Mutation
    }

    /// `query`, `mutation` or `subscription`.
    pub fn kind(&self) -> &'static str {
        match self.operation {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        }
    }

    /// Its only root field, or `several`. It is one of the schema only if the operation turns out to be valid.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Whether it has a response for each event.
    pub fn is_subscription(&self) -> bool {
        self.operation == OperationType::Subscription
    }

    /// Whether it only opens or ends sessions, so that the credentials of the request do not matter.
    pub fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }
}

impl Graphql {
    /// The API over these use cases.
    pub fn new(app: Arc<Application>, settings: GraphqlSettings) -> Self {
        let mut schema = Schema::build(Query::default(), Mutation::default(), Subscription::default());
        if settings.production {
            schema = schema.disable_introspection().disable_suggestions();
        }
        Self { schema: schema.finish(), app, settings: Arc::new(settings) }
    }

    /// Parses a request and holds it against the limits. Nothing is run.
    pub fn prepare(&self, request: Request) -> Result<Prepared, Refusal> {
        let Request { query, operation_name, variables } = request;
        let Checked { document, operation, field, cost, is_anonymous } =
            limits::check(&query, operation_name.as_deref(), &variables, !self.settings.production)?;
        let mut request = async_graphql::Request::new(query).variables(variables);
        request.operation_name = operation_name;
        request.set_parsed_query(document);
        Ok(Prepared { request, operation, field, is_anonymous, cost })
    }

    /// Runs a query or a mutation. Must be called on a tokio runtime.
    pub async fn execute(&self, prepared: Prepared, caller: Caller) -> Response {
        let request = prepared.request.data(self.state(caller, Arc::default()));
        Response::new(self.schema.execute(request).await, prepared.cost)
    }

    /// Runs any operation, whose responses may be many. Must be called on a tokio runtime.
    pub fn respond(&self, prepared: Prepared, caller: Caller) -> Responses {
        let begun = Arc::<Notify>::default();
        let request = prepared.request.data(self.state(caller, begun.clone()));
        Responses::new(self.schema.execute_stream(request).fuse().boxed(), prepared.cost, begun)
    }

    fn state(&self, caller: Caller, begun: Arc<Notify>) -> State {
        let batch = Batch { app: self.app.clone(), actor: caller.actor };
        State {
            app: self.app.clone(),
            caller,
            settings: self.settings.clone(),
            loader: DataLoader::new(batch, tokio::spawn).delay(Duration::from_millis(1)),
            begun,
        }
    }
}

/// The schema in its own language.
pub fn sdl() -> String {
    Schema::new(Query::default(), Mutation::default(), Subscription::default()).sdl()
}
