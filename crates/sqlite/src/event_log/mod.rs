//! The event log. The single writer numbers records when it writes them, so they are in the order of their commits, and
//! nothing waits for a number.

mod log;

use std::time::Duration;

use async_trait::async_trait;
use diesel::SqliteConnection;
use entrepot_domain::{
    Fault,
    event::{Event, EventId, EventLog, EventPosition, EventQuery, Located, Numbered},
};

use crate::{SqliteStore, event};

#[async_trait]
impl EventLog for SqliteStore {
    async fn read(&self, query: &EventQuery) -> Result<Vec<Event>, Fault> {
        let query = *query;
        self.read(move |connection| log::read(connection, &query)).await
    }

    async fn head(&self) -> Result<EventPosition, Fault> {
        self.read(event::head).await
    }

    async fn locate(&self, id: EventId) -> Result<Located, Fault> {
        self.read(move |connection| log::locate(connection, id)).await
    }

    async fn number(&self) -> Result<Option<Numbered>, Fault> {
        Ok(None)
    }

    async fn written(&self) {
        self.written_events().notified().await;
    }

    async fn consumed(&self, consumer: &'static str) -> Result<EventPosition, Fault> {
        if let Some(position) = self.read(move |connection| event::find(connection, consumer)).await? {
            return Ok(position);
        }
        let begin = move |connection: &mut SqliteConnection| {
            let head = event::head(connection)?;
            event::begin(connection, consumer, head)
        };
        self.write(begin).await
    }

    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault> {
        if !self.read(move |connection| log::is_any_old(connection, age)).await? {
            return Ok(0);
        }
        self.write(move |connection| log::prune(connection, age, most)).await
    }
}
