//! The use cases of webhooks, and the worker that writes and sends them.

use std::{sync::Arc, time::Duration};

use entrepot_application::{
    event::EventWake,
    webhook::{DispatchPorts, WebhookDispatch, WebhookPorts, WebhookService},
};
use entrepot_domain::{api_key::Randomness, second_factor::Sealer, webhook::WebhookSender};
use entrepot_memory::{SystemClock, UuidV7};
use entrepot_security::{AesSealer, SystemRandomness};
use entrepot_webhook::{HttpSender, JsonBodies};
use entrepot_worker::{
    mail::JobMails,
    webhook::{DeliveryPorts, DeliverySettings, DeliveryWorker},
};

use crate::{
    backend::{Backend, Stores},
    config::Config,
};

/// How long a stop waits for receivers at the most: what is cut off is sent again.
const MAX_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The use cases of webhooks.
pub(crate) fn service(
    stores: &Stores,
    sender: Arc<dyn WebhookSender>,
    sealer: Arc<dyn Sealer>,
    random: Arc<dyn Randomness>,
) -> WebhookService {
    WebhookService::new(WebhookPorts {
        webhooks: stores.webhooks.clone(),
        deliveries: stores.deliveries.clone(),
        bodies: Arc::new(JsonBodies),
        sender,
        sealer,
        random,
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidV7),
    })
}

/// The worker of this process. `wake` tells it of new events.
pub(crate) fn worker(config: &Config, backend: &Backend, wake: EventWake) -> DeliveryWorker {
    let (log, queue) = (backend.store().ports().events, backend.store().deliveries());
    let dispatch = WebhookDispatch::new(DispatchPorts {
        log,
        queue: queue.clone(),
        sender: Arc::new(HttpSender::new(config.webhook_allow_private)),
        bodies: Arc::new(JsonBodies),
        mails: Arc::new(JobMails),
        sealer: Arc::new(AesSealer::new(config.secrets.refresh.iter().map(String::as_bytes))),
        random: Arc::new(SystemRandomness),
        clock: Arc::new(SystemClock),
        ids: Arc::new(UuidV7),
    });
    let shutdown_timeout = config.shutdown_timeout.min(MAX_SHUTDOWN_TIMEOUT);
    let settings = DeliverySettings { shutdown_timeout, ..DeliverySettings::default() };
    DeliveryWorker::new(DeliveryPorts { dispatch, queue, wake }, settings)
}
