//! The event log.
//!
//! A business transaction writes its record without a number; [`number`] numbers what has been committed. Readers see
//! numbered records only, and whoever numbers holds the lock of the head until its commit: so what a reader sees is
//! always a beginning of the log, whatever commits late.

mod number;
mod prune;
mod read;

use std::time::Duration;

use async_trait::async_trait;
use entrepot_domain::{
    Fault,
    event::{Event, EventId, EventLog, EventPosition, EventQuery, Located, Numbered},
};
use futures_util::FutureExt;

use crate::{PostgresStore, event, store::transaction::Begin};

#[async_trait]
impl EventLog for PostgresStore {
    async fn read(&self, query: &EventQuery) -> Result<Vec<Event>, Fault> {
        self.read(*query, |connection, query| read::read(connection, query).boxed()).await
    }

    async fn head(&self) -> Result<EventPosition, Fault> {
        self.read((), |connection, ()| read::head(connection).boxed()).await
    }

    async fn locate(&self, id: EventId) -> Result<Located, Fault> {
        self.read(id, |connection, id| read::locate(connection, *id).boxed()).await
    }

    async fn number(&self) -> Result<Option<Numbered>, Fault> {
        self.work_on_jobs(Begin::Plain, (), |connection, ()| number::number(connection).boxed()).await
    }

    async fn written(&self) {
        self.written_events().notified().await;
    }

    async fn consumed(&self, consumer: &'static str) -> Result<EventPosition, Fault> {
        self.read(consumer, |connection, consumer| event::begin(connection, consumer).boxed()).await
    }

    async fn prune(&self, age: Duration, most: u32) -> Result<u32, Fault> {
        self.work_on_jobs(Begin::Plain, (age, most), |connection, (age, most)| {
            prune::prune(connection, *age, *most).boxed()
        })
        .await
    }
}
