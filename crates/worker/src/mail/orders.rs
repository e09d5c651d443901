//! Follows the event log, and queues the mails about orders.

use std::{sync::Arc, time::Duration};

use entrepot_application::event::{Unhandled, Wakened};
use entrepot_domain::{
    Fault, IdGenerator, JobId,
    event::{Event, EventData, EventKind, EventLog},
    job::{JobQueue, NewJob},
    mail::{MailJobs, MailRequest, MailTopic},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The name of this consumer of the log.
const CONSUMER: &str = "order_mails";

/// How many events become jobs in one transaction.
const AT_ONCE: u32 = 256;

/// How long to wait after a batch: what happens meanwhile is in the next one. Nobody waits for these mails.
const BATCH_INTERVAL: Duration = Duration::from_millis(100);

/// How often to look for events that nobody told of.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How long to wait after the store has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The ports that [`OrderMails`] holds.
pub struct OrderMailPorts {
    pub log: Arc<dyn EventLog>,
    pub queue: Arc<dyn JobQueue>,
    pub mails: Arc<dyn MailJobs>,
    pub ids: Arc<dyn IdGenerator>,
}

/// Follows the event log, and queues the mails about orders: so placing an order takes no longer for its mail. Every
/// process that works runs one; each event becomes a job once.
pub struct OrderMails {
    ports: OrderMailPorts,
}

impl OrderMails {
    /// Follows the log with these ports.
    pub fn new(ports: OrderMailPorts) -> Self {
        Self { ports }
    }

    /// Runs until `stop` is cancelled. `wakened` returns when there may be events.
    pub async fn run(self, mut wakened: Wakened, stop: CancellationToken) {
        loop {
            let pause = match self.turn().await {
                Ok(()) => BATCH_INTERVAL,
                Err(fault) => {
                    tracing::debug!(error = %fault, "the mails about orders could not be queued");
                    PAUSE
                }
            };
            let next = async {
                sleep(pause).await;
                tokio::select! { () = wakened.wakened() => {}, () = sleep(POLL_INTERVAL) => {} }
            };
            tokio::select! {
                () = next => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Queues the mails about all orders that the log knows of.
    async fn turn(&self) -> Result<(), Fault> {
        while self.batch().await? {}
        Ok(())
    }

    /// Queues some, and returns whether there may be more.
    async fn batch(&self) -> Result<bool, Fault> {
        let log = &*self.ports.log;
        let Some(unhandled) = Unhandled::of(log, CONSUMER).await? else { return Ok(false) };
        let kinds = [EventKind::OrderCreated, EventKind::OrderStatusChanged].into_iter().collect();
        let part = unhandled.read(log, kinds, AT_ONCE).await?;
        let jobs = part.events.iter().filter_map(|event| self.job(event).transpose()).collect::<Result<Vec<_>, _>>()?;
        // Whoever was faster goes on from there.
        self.ports.queue.enqueue_consumed(&part.consumed, &jobs).await?;
        Ok(part.is_partial)
    }

    fn job(&self, event: &Event) -> Result<Option<NewJob>, Fault> {
        let request = match event.data {
            EventData::OrderCreated { order, user, .. } => {
                MailRequest { user, topic: MailTopic::OrderConfirmation { order } }
            }
            EventData::OrderStatusChanged { order, user, to, .. } => {
                MailRequest { user, topic: MailTopic::OrderStatus { order, status: to } }
            }
            EventData::ProductCreated { .. }
            | EventData::ProductUpdated { .. }
            | EventData::ProductArchived { .. }
            | EventData::StockChanged { .. }
            | EventData::UserRegistered { .. }
            | EventData::UserDeleted { .. } => return Ok(None),
        };
        self.ports.mails.mail(JobId(self.ports.ids.next()), &request).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use entrepot_domain::{
        Money, OrderId, UserId, Version,
        event::{EventId, EventPosition, MockEventLog},
        job::MockJobQueue,
        mail::MockMailJobs,
        order::OrderStatus,
    };
    use entrepot_memory::UuidV7;
    use uuid::Uuid;

    use super::*;
    use crate::mail::JobMails;

    fn event(n: i64) -> Event {
        let (order, user) = (OrderId(Uuid::from_u128(n.unsigned_abs().into())), UserId(Uuid::from_u128(1)));
        let data = if n % 2 == 0 {
            let (from, to) = (OrderStatus::Pending, OrderStatus::Paid);
            EventData::OrderStatusChanged { order, user, from, to, version: Version(2) }
        } else {
            let total = Money::new(1, "GBP".parse().unwrap()).unwrap();
            EventData::OrderCreated { order, user, status: OrderStatus::Pending, total, version: Version::FIRST }
        };
        let position = EventPosition { record: n, index: 0 };
        Event { id: EventId { position, nonce: 7 }, at: entrepot_domain::Timestamp::default(), data }
    }

    /// A log with so many events of orders, and one of something else behind them.
    fn log(count: i64, at: Arc<Mutex<EventPosition>>) -> MockEventLog {
        let mut log = MockEventLog::new();
        log.expect_consumed().returning(move |_| Ok(*at.lock().unwrap()));
        log.expect_head().returning(move || Ok(EventPosition::after_record(count + 1)));
        log.expect_read().returning(move |query| {
            let behind = (1..=count).map(event).filter(|event| event.id.position > query.after);
            Ok(behind.take(usize::try_from(query.limit).unwrap()).collect())
        });
        log
    }

    #[tokio::test]
    async fn each_event_becomes_a_job_and_the_position_passes_the_others() {
        for (count, batches) in [(0, 1), (3, 1), (256, 2), (600, 3)] {
            let at = Arc::new(Mutex::new(EventPosition::START));
            let jobs = Arc::new(Mutex::new(Vec::new()));
            let mut queue = MockJobQueue::new();
            let (place, queued) = (at.clone(), jobs.clone());
            queue.expect_enqueue_consumed().times(batches).returning(move |consumed, new| {
                assert_eq!((consumed.consumer, consumed.from), ("order_mails", *place.lock().unwrap()));
                *place.lock().unwrap() = consumed.to;
                queued.lock().unwrap().extend(new.iter().map(|job| job.payload.text.clone()));
                Ok(true)
            });
            let mails = OrderMails::new(OrderMailPorts {
                log: Arc::new(log(count, at.clone())),
                queue: Arc::new(queue),
                mails: Arc::new(JobMails),
                ids: Arc::new(UuidV7),
            });
            mails.turn().await.unwrap();
            // The second time there is nothing new.
            mails.turn().await.unwrap();
            assert_eq!(*at.lock().unwrap(), EventPosition::after_record(count + 1));
            let jobs = jobs.lock().unwrap();
            assert_eq!(i64::try_from(jobs.len()).unwrap(), count);
            let confirmations = jobs.iter().filter(|text| text.contains("order_confirmation")).count();
            assert_eq!(confirmations, usize::try_from(count + 1).unwrap() / 2);
        }
    }

    #[tokio::test]
    async fn event_whose_job_cannot_be_made_is_not_passed() {
        let mut mails = MockMailJobs::new();
        mails.expect_mail().returning(|_, _| Err(Fault::unavailable("store", std::io::Error::other("down"))));
        let mails = OrderMails::new(OrderMailPorts {
            log: Arc::new(log(1, Arc::new(Mutex::new(EventPosition::START)))),
            queue: Arc::new(MockJobQueue::new()),
            mails: Arc::new(mails),
            ids: Arc::new(UuidV7),
        });
        assert!(mails.turn().await.is_err());
    }
}
