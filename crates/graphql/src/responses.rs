//! The responses of an operation, of which a subscription has many.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, stream::BoxStream};
use tokio::{select, sync::Notify};

use crate::response::{Outcome, Response};

/// The responses of an operation: one of a query or a mutation, one for each event of a subscription.
pub struct Responses {
    stream: BoxStream<'static, async_graphql::Response>,
    cost: u64,
    /// Told when a subscription has begun.
    begun: Arc<Notify>,
    has_begun: bool,
    /// The first response, if it came before the operation had begun.
    first: Option<Response>,
}

impl Responses {
    pub(crate) fn new(stream: BoxStream<'static, async_graphql::Response>, cost: u64, begun: Arc<Notify>) -> Self {
        Self { stream, cost, begun, has_begun: false, first: None }
    }

    /// Waits until a subscription has begun, or until the operation has its first response. What is committed from then
    /// on is in the responses of a subscription.
    pub async fn begin(&mut self) {
        select! {
            () = self.begun.notified() => self.has_begun = true,
            first = self.stream.next() => {
                self.first = first.map(|first| Response::new(first, self.cost));
                // Both may have come at once.
                self.has_begun = self.begun.notified().now_or_never().is_some();
            }
        }
    }

    /// What became of the operation, once it has begun.
    pub fn outcome(&self) -> Outcome {
        self.first.as_ref().map_or(Outcome::Succeeded, Response::outcome)
    }

    /// Whether it is a subscription that has begun. It goes on until the server stops or the client's access ends.
    pub fn is_live(&self) -> bool {
        self.has_begun
    }

    /// Waits for the next response; `None` after the last one. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Response> {
        match self.first.take() {
            Some(first) => Some(first),
            None => self.stream.next().await.map(|response| Response::new(response, self.cost)),
        }
    }
}
