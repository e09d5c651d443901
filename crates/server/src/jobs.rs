//! The kinds of background jobs, and the worker that runs them.

use std::sync::Arc;

use anyhow::Result;
use entrepot_application::{
    Application,
    event::{EventWake, Wakened},
};
use entrepot_domain::{MetricSource, mail::Mailer};
use entrepot_mail::{MessageSettings, Outbox, SmtpMailer};
use entrepot_memory::{SystemClock, UuidV7};
use entrepot_security::SystemRandomness;
use entrepot_telemetry::CountedMailer;
use entrepot_worker::{
    Registry, Worker, WorkerPorts, WorkerSettings,
    event::PruneEvents,
    job::PruneJobs,
    mail::{JobMails, MailForgottenPassword, OrderMailPorts, OrderMails, SendMail, SendMailPorts},
    order::{CancelUnpaidOrders, ChangeNotice},
    webhook::PruneDeliveries,
};
use tokio_util::sync::CancellationToken;

use crate::{backend::Backend, config::Config};

/// What sends mails: the SMTP server that is configured, or the folder `outbox`. `port` is where the server listens.
pub fn mailer(config: &Config, port: u16) -> Result<Arc<CountedMailer>> {
    let settings = MessageSettings { sender: config.mail.sender.clone(), public_url: config.public_url(port) };
    let mailer: Arc<dyn Mailer> = match &config.mail.smtp {
        Some(smtp) => Arc::new(SmtpMailer::new(smtp, settings)?),
        None => Arc::new(Outbox::new(config.outbox(), settings)),
    };
    Ok(Arc::new(CountedMailer::new(mailer)))
}

/// What a process does beside serving, or in its place.
pub struct Jobs {
    worker: Worker,
    order_mails: OrderMails,
    /// Tells of new events.
    wakened: Wakened,
}

impl Jobs {
    /// The jobs of this process. `changed` is called when orders were changed, if there is somebody to be told; `wake`
    /// tells of new events.
    pub fn new(
        config: &Config,
        backend: &Backend,
        application: &Application,
        mailer: Arc<dyn Mailer>,
        changed: Option<ChangeNotice>,
        wake: &EventWake,
    ) -> Result<Self> {
        let ports = OrderMailPorts {
            log: backend.store().ports().events,
            queue: backend.store().queue(),
            mails: Arc::new(JobMails),
            ids: Arc::new(UuidV7),
        };
        let worker = worker(config, backend, application, mailer, changed)?;
        Ok(Self { worker, order_mails: OrderMails::new(ports), wakened: wake.subscribe() })
    }

    /// The metrics of the jobs.
    pub fn metrics(&self) -> Arc<dyn MetricSource> {
        self.worker.metrics()
    }

    /// Runs until `stop` is cancelled, and then until what was begun has ended.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(self.worker.run(stop.clone()), self.order_mails.run(self.wakened, stop));
    }
}

fn worker(
    config: &Config,
    backend: &Backend,
    application: &Application,
    mailer: Arc<dyn Mailer>,
    changed: Option<ChangeNotice>,
) -> Result<Worker> {
    let queue = backend.store().queue();
    let mut kinds = Registry::default();
    kinds.add_scheduled(PruneJobs { queue: queue.clone() })?;
    kinds.add_scheduled(PruneEvents { log: backend.store().ports().events, retention: config.event_retention })?;
    kinds.add_scheduled(PruneDeliveries { queue: backend.store().deliveries() })?;
    if let Some(ttl) = config.order_pending_ttl {
        kinds.add_scheduled(CancelUnpaidOrders { orders: application.orders.clone(), ttl, changed })?;
    }
    kinds.add(MailForgottenPassword { accounts: application.accounts.clone() })?;
    let stores = backend.store().ports();
    kinds.add(SendMail::new(SendMailPorts {
        mailer,
        users: stores.users,
        tokens: stores.account_tokens,
        orders: stores.orders,
        clock: Arc::new(SystemClock),
    }))?;
    let ports = WorkerPorts { queue, ids: Arc::new(UuidV7), random: Arc::new(SystemRandomness) };
    let settings = WorkerSettings { shutdown_timeout: config.shutdown_timeout, ..WorkerSettings::default() };
    Ok(Worker::new(ports, kinds, settings))
}
