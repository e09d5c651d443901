//! Sends events to endpoints. For the worker, which has no actor.

use std::sync::Arc;

use entrepot_domain::{
    Clock, DeliveryId, Fault, IdGenerator, JobId,
    api_key::{Randomness, spread},
    audit::{Cause, Who},
    event::{Consumed, Event, EventKind, EventLog, EventPosition},
    job::{ErrorText, NewJob},
    mail::{MailJobs, MailRequest, MailTopic},
    second_factor::{SealedSecret, Sealer},
    webhook::{
        Answer, AttemptResult, ClaimedDelivery, DeliveryAttempt, DeliveryKind, DeliveryQueue, NewDelivery, Outgoing,
        Recorded, Subscriber, WebhookBodies, WebhookSecret, WebhookSender,
    },
};

use crate::event::Unhandled;

/// The name under which the log knows how far deliveries are written.
const CONSUMER: &str = "webhooks";

/// How many events are read at once.
const EVENTS_AT_ONCE: u32 = 500;

/// About how many deliveries are written in one transaction, so that nobody waits long for it.
const DELIVERIES_AT_ONCE: usize = 1_000;

/// The ports that [`WebhookDispatch`] holds.
pub struct DispatchPorts {
    pub log: Arc<dyn EventLog>,
    pub queue: Arc<dyn DeliveryQueue>,
    pub sender: Arc<dyn WebhookSender>,
    pub bodies: Arc<dyn WebhookBodies>,
    /// Tell makers of what became of their endpoints.
    pub mails: Arc<dyn MailJobs>,
    /// Opens the secrets of endpoints.
    pub sealer: Arc<dyn Sealer>,
    /// Spreads the times of further attempts.
    pub random: Arc<dyn Randomness>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
}

/// Sends events to endpoints.
pub struct WebhookDispatch {
    ports: DispatchPorts,
}

impl WebhookDispatch {
    /// Creates the use cases over these ports.
    pub fn new(ports: DispatchPorts) -> Self {
        Self { ports }
    }

    /// Writes the deliveries of the next events, and returns whether there may be more. Of several processes that do so at
    /// once, one writes.
    pub async fn fan_out(&self) -> Result<bool, Fault> {
        let DispatchPorts { log, queue, .. } = &self.ports;
        let Some(unhandled) = Unhandled::of(&**log, CONSUMER).await? else { return Ok(false) };
        let subscribers = queue.subscribers().await?;
        let is_wanted = |kind: &EventKind| subscribers.iter().any(|subscriber| subscriber.types.contains(*kind));
        let kinds = EventKind::ALL.into_iter().filter(is_wanted).collect();
        let part = unhandled.read(&**log, kinds, EVENTS_AT_ONCE).await?;
        let (deliveries, left) = self.deliveries(&part.events, &subscribers)?;
        let to = left.unwrap_or(part.consumed.to);
        queue.dispatch(&Consumed { to, ..part.consumed }, &deliveries).await?;
        Ok(true)
    }

    /// The deliveries of the first of these events; and where those end, if some are left.
    fn deliveries(
        &self,
        events: &[Event],
        subscribers: &[Subscriber],
    ) -> Result<(Vec<NewDelivery>, Option<EventPosition>), Fault> {
        let (mut deliveries, mut done) = (Vec::new(), None);
        for event in events {
            if deliveries.len() >= DELIVERIES_AT_ONCE {
                return Ok((deliveries, done));
            }
            done = Some(event.id.position);
            let kind = event.data.kind();
            let wanting = subscribers.iter().filter(|subscriber| subscriber.types.contains(kind));
            let body: Arc<str> = self.ports.bodies.event(event)?.into();
            deliveries.extend(wanting.map(|subscriber| NewDelivery {
                id: DeliveryId(self.ports.ids.next()),
                webhook: subscriber.webhook,
                event: event.id.to_string(),
                kind: DeliveryKind::Event(kind),
                body: body.clone(),
            }));
        }
        Ok((deliveries, None))
    }

    /// Sends a delivery once, and says what came of it.
    pub async fn send(&self, delivery: &ClaimedDelivery) -> Recorded {
        let DispatchPorts { sender, clock, random, .. } = &self.ports;
        let at = clock.now();
        let answer = match self.outgoing(delivery) {
            Ok(outgoing) => sender.send(&outgoing).await,
            Err(why) => unsent(&why),
        };
        let result = AttemptResult::of(answer.status);
        let next = result.next(delivery.failures, answer.retry_after, spread(&**random));
        let Answer { status, duration, error, response, .. } = answer;
        let attempt = DeliveryAttempt { at, status, duration, error, response };
        let notice = (result != AttemptResult::Succeeded).then(|| self.notice(delivery)).flatten();
        Recorded { lease: delivery.lease, webhook: delivery.webhook, attempt, result, next, notice }
    }

    /// The mail that tells the maker that the endpoint was deactivated. That it cannot be made keeps nobody from writing
    /// what came of an attempt.
    fn notice(&self, delivery: &ClaimedDelivery) -> Option<NewJob> {
        let topic = MailTopic::WebhookDeactivated { webhook: delivery.webhook, url: delivery.url.clone() };
        let request = MailRequest { user: delivery.created_by, topic };
        let job = self.ports.mails.mail(JobId(self.ports.ids.next()), &request);
        job.inspect_err(|fault| tracing::warn!(error = %fault, "no mail about a webhook can be made")).ok()
    }

    /// Writes what came of an attempt. Returns false if the lease is lost.
    pub async fn record(&self, recorded: &Recorded) -> Result<bool, Fault> {
        let DispatchPorts { queue, clock, ids, .. } = &self.ports;
        let cause = Cause { id: ids.next(), at: clock.now(), who: Who::System, origin: None };
        queue.record(recorded, &cause).await
    }

    /// The request of an attempt at this moment, signed with the secrets that are good now.
    fn outgoing(&self, delivery: &ClaimedDelivery) -> Result<Outgoing, String> {
        let at = self.ports.clock.now();
        let previous = delivery.keys.previous.as_ref().filter(|(_, until)| at < *until).map(|(secret, _)| secret);
        let secrets = std::iter::once(&delivery.keys.current).chain(previous);
        let secrets = secrets.map(|sealed| self.open(delivery, sealed)).collect::<Result<Vec<_>, _>>()?;
        let signatures = WebhookSecret::signatures(&secrets, &delivery.event, at, &delivery.body);
        Ok(Outgoing {
            url: delivery.url.clone(),
            event: delivery.event.clone(),
            at,
            signatures,
            body: delivery.body.clone(),
        })
    }

    fn open(&self, delivery: &ClaimedDelivery, sealed: &SealedSecret) -> Result<WebhookSecret, String> {
        let opened = self.ports.sealer.open(delivery.created_by, sealed).map_err(|fault| fault.to_string())?;
        let bytes = opened.ok_or("the secret of the webhook cannot be read any more; rotate it")?;
        WebhookSecret::from_bytes(&bytes).map_err(|_| "the secret of the webhook is broken; rotate it".to_owned())
    }
}

/// The answer to what was not sent.
fn unsent(why: &str) -> Answer {
    Answer {
        status: None,
        duration: std::time::Duration::ZERO,
        error: Some(ErrorText::new(why)),
        response: None,
        retry_after: None,
    }
}
