//! Live feeds: what was missed comes once and in order, whatever the transport and the instance.

mod ends;
mod resume;
mod visible;

use anyhow::{Result, ensure};
use entrepot_tests::{
    Client,
    feed::{Sse, Ws},
};
use serde_json::Value;

/// A feed by either transport.
enum Either {
    Sse(Box<Sse>),
    Ws(Box<Ws>),
}

impl Either {
    /// One of each, which begin after the last id if there is one.
    async fn both(client: &Client, query: &str, last: Option<&str>) -> Result<[Self; 2]> {
        let sse = Sse::open(client, query, last).await?;
        let joint = if query.is_empty() { "?" } else { "&" };
        let query = last.map_or_else(|| query.to_owned(), |last| format!("{query}{joint}lastEventId={last}"));
        let ws = Ws::open(client, &query).await?;
        Ok([Self::Sse(Box::new(sse)), Self::Ws(Box::new(ws))])
    }

    async fn next(&mut self) -> Result<Value> {
        match self {
            Self::Sse(feed) => feed.event().await,
            Self::Ws(feed) => feed.next().await,
        }
    }

    /// The next events, of which this is the number.
    async fn take(&mut self, count: usize) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.next().await?);
        }
        Ok(events)
    }

    /// Everything up to the event that this accepts, which is included.
    async fn until(&mut self, is_last: impl Fn(&Value) -> bool) -> Result<Vec<Value>> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await?);
            if events.last().is_some_and(&is_last) {
                return Ok(events);
            }
            ensure!(events.len() < 10_000, "the last one does not come");
        }
    }
}

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap_or_default()
}

/// Every event of the log, page by page.
async fn log(staff: &Client) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = staff.get(&format!("/events/log?limit=100&after={after}")).await?.expect(200);
        all.extend_from_slice(page.list());
        match page.body["pagination"]["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return Ok(all),
        }
    }
}
