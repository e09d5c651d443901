//! Counts mails.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use entrepot_domain::{
    MetricSource, Sample,
    mail::{Mail, MailError, MailKind, Mailer},
};

/// What became of attempts to send a mail of one kind.
#[derive(Clone, Copy, Default)]
struct Counts {
    sent: u64,
    failed: u64,
    refused: u64,
}

/// Counts mails by kind: those that were sent, attempts that failed, and those that were refused for good.
pub struct CountedMailer {
    inner: Arc<dyn Mailer>,
    counts: Mutex<BTreeMap<&'static str, Counts>>,
}

impl CountedMailer {
    /// Creates a decorator of `inner`.
    pub fn new(inner: Arc<dyn Mailer>) -> Self {
        let zero = MailKind::ALL.map(|kind| (kind.as_str(), Counts::default()));
        Self { inner, counts: Mutex::new(zero.into()) }
    }
}

#[async_trait]
impl Mailer for CountedMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let sent = self.inner.send(mail).await;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = counts.entry(mail.content.kind().as_str()).or_default();
        match &sent {
            Ok(()) => of_kind.sent += 1,
            Err(MailError::Temporary(_)) => of_kind.failed += 1,
            Err(MailError::Refused(_)) => of_kind.refused += 1,
        }
        sent
    }
}

impl MetricSource for CountedMailer {
    fn samples(&self) -> Vec<Sample> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let samples = |name, help, count: fn(&Counts) -> u64| {
            let sample = move |(kind, counts): (&&'static str, &Counts)| {
                Sample::counter(name, help, count(counts)).with("kind", kind)
            };
            counts.iter().map(sample).collect::<Vec<_>>()
        };
        [
            samples("mails_sent_total", "Mails that were sent.", |counts| counts.sent),
            samples("mails_failed_total", "Attempts to send a mail that failed.", |counts| counts.failed),
            samples("mails_refused_total", "Mails that were refused for good.", |counts| counts.refused),
        ]
        .concat()
    }
}
