//! How instances wake each other's followers of the event log: Redis pub/sub.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entrepot_domain::event::EventSignal;
use fred::{
    interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _},
    types::Value,
};
use tokio::{sync::Notify, time::timeout};

use crate::{
    client::{
        connection::{Connection, number_bytes},
        error_message::error_message,
        options::CONNECT_TIMEOUT,
    },
    lifecycle::Redis,
};

/// How long to wait before the next subscription after one has failed.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// Wakes the followers of other instances by Redis pub/sub, over a connection of its own.
///
/// While Redis is away nobody is woken: followers look at the log by themselves from time to time. When it is back, the
/// followers of this instance are woken once, because something may have been missed.
pub struct RedisSignal {
    connection: Arc<Connection>,
    told: Arc<Notify>,
    /// Tells the messages of this instance from those of others.
    sender: Value,
}

impl RedisSignal {
    /// Subscribes, in the background.
    pub fn new(redis: &Redis) -> Self {
        let (connection, told) = (redis.connection.clone(), Arc::new(Notify::new()));
        let sender = number_bytes(connection.unique.next());
        connection.spawn(listen(connection.clone(), told.clone(), sender.clone()));
        Self { connection, told, sender }
    }
}

#[async_trait]
impl EventSignal for RedisSignal {
    async fn notify(&self) {
        let connection = &self.connection;
        if !connection.breaker.is_closed() {
            return;
        }
        let channel = connection.keys.event_channel();
        if let Err(error) = connection.client().publish::<(), _, _>(channel, self.sender.clone()).await {
            tracing::debug!(error = error_message(&error), "other instances were not told of events");
        }
    }

    async fn notified(&self) {
        self.told.notified().await;
    }
}

/// Keeps a subscription as long as Redis answers.
async fn listen(connection: Arc<Connection>, told: Arc<Notify>, sender: Value) {
    let mut changed = connection.breaker.subscribe();
    loop {
        while !connection.breaker.is_closed() {
            // It is never dropped before this task is aborted.
            changed.changed().await.ok();
        }
        subscribe(&connection, &told, &sender).await;
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Subscribes, and passes messages on until the connection is lost or Redis is found not to answer.
async fn subscribe(connection: &Connection, told: &Notify, sender: &Value) {
    let client = connection.new_client();
    let (mut messages, mut errors) = (client.message_rx(), client.error_rx());
    let running = client.connect();
    let subscribed = async {
        client.wait_for_connect().await?;
        client.subscribe(connection.keys.event_channel()).await
    };
    match timeout(CONNECT_TIMEOUT, subscribed).await {
        Ok(Ok(())) => {
            told.notify_one();
            let mut changed = connection.breaker.subscribe();
            loop {
                tokio::select! {
                    message = messages.recv() => match message {
                        Ok(message) if message.value == *sender => {}
                        Ok(_) => told.notify_one(),
                        Err(_) => break,
                    },
                    _ = errors.recv() => break,
                    _ = changed.changed() => if !connection.breaker.is_closed() { break },
                }
            }
        }
        Ok(Err(error)) => tracing::debug!(error = error_message(&error), "no subscription to events"),
        Err(_) => tracing::debug!("no subscription to events in time"),
    }
    running.abort();
}
