//! The subscription of events.

use std::time::Duration;

use async_graphql::{Context, ID, Result, Subscription};
use entrepot_application::event::{Feed, FeedItem};
use futures_util::{Stream, StreamExt, stream};

use super::{requests::FeedList, types::Event};
use crate::{refusal::refused, state::State};

/// How long to wait after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The subscription of events.
#[derive(Default)]
pub(crate) struct EventSubscription;

#[Subscription]
impl EventSubscription {
    /// What happens from now on, or since the last event that you have: for staff everything, for customers the events of
    /// their own orders.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Events of these types alone")] types: Option<Vec<String>>,
        #[graphql(desc = "Events of this order alone, and of the stock that it took or gave back")] order_id: Option<
            ID,
        >,
        #[graphql(desc = "The id of the last event that you have: what came after it is sent first")]
        last_event_id: Option<String>,
    ) -> Result<impl Stream<Item = Event>> {
        let state = State::of(ctx)?;
        let (actor, credential) = state.holder()?;
        let list = FeedList { types, order: order_id, last: last_event_id };
        let (filter, start) = list.read().map_err(refused)?;
        let feed = state.app.events.follow(actor, credential, &filter, start).await.map_err(refused)?;
        state.begun.notify_one();
        Ok(events_of(feed))
    }
}

/// Ends when the feed ends.
fn events_of(feed: Feed) -> impl Stream<Item = Event> {
    let parts = stream::unfold(feed, async |mut feed| Some((part(&mut feed).await?, feed)));
    parts.flat_map(stream::iter)
}

async fn part(feed: &mut Feed) -> Option<Vec<Event>> {
    loop {
        match feed.next().await {
            Ok(FeedItem::Events(events)) => return Some(events.iter().map(|event| event.event().into()).collect()),
            Ok(FeedItem::Reset(reason)) => return Some(vec![reason.into()]),
            Ok(FeedItem::Ended(_)) => return None,
            Err(error) => {
                tracing::warn!(%error, "a live feed cannot read the event log");
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
        }
    }
}
