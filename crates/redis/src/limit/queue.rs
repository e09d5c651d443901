//! Hits that wait for Redis, and the task that sends them together.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use entrepot_domain::{Quota, RateLimitDecision};
use fred::{types::Key, util::redis_keyslot};
use futures_util::future::join_all;
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

use super::{
    counter::{Answer, Counter},
    script::{ARGUMENTS, COUNT, Operation, arguments, parse_answers},
};
use crate::client::{connection::Connection, script::Script};

/// The time for which hits without a waiting caller are collected before they are reported.
const REPORT_INTERVAL: Duration = Duration::from_millis(10);

/// How many keys one script counts: few enough that Redis is not blocked for long.
const MAX_KEYS_PER_SCRIPT: usize = 256;

/// A subject that was seen lately.
pub(super) struct Tracked {
    key: Key,
    counter: Mutex<Counter>,
}

impl Tracked {
    pub(super) fn new(key: Key) -> Self {
        Self { key, counter: Mutex::default() }
    }

    /// The counter is consistent even if a thread panicked while it held the lock.
    pub(super) fn counter(&self) -> MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One key of a batch. Redis is asked about it at most once: if the answer is lost, so is the command.
struct Command {
    subject: Arc<Tracked>,
    quota: Quota,
    operation: Operation,
    /// Who waits for the answer, if anybody does.
    caller: Option<oneshot::Sender<RateLimitDecision>>,
}

/// What is to be sent to Redis. A single task sends it, one batch after the other, so that the counts that are learnt
/// from the answers never go back; what arrives while a batch is under way is sent together in the next one.
pub(super) struct Queue {
    connection: Arc<Connection>,
    script: Script,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    sender: Sender,
    /// Subjects with unreported hits.
    reports: Vec<(Arc<Tracked>, Quota)>,
    questions: Vec<Command>,
}

/// What the sending task does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// Waits until there is anything to send.
    Idle,
    /// Waits until more hits can be reported, or a caller waits for a decision.
    Collecting,
    /// Waits for Redis. It looks for more afterwards and need not be woken.
    Sending,
    /// Has ended with the connection.
    Ended,
}

impl Queue {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        let state = State { sender: Sender::Idle, reports: Vec::new(), questions: Vec::new() };
        Self { connection, script: Script::new(COUNT), state: Mutex::new(state), wake: Notify::new() }
    }

    /// Has the unreported hits of a subject reported soon.
    pub(super) fn report(&self, subject: Arc<Tracked>, quota: Quota) {
        let mut state = self.state();
        if state.sender == Sender::Ended {
            return;
        }
        state.reports.push((subject, quota));
        let wake = state.sender == Sender::Idle;
        drop(state);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Asks Redis; `None` if it does not answer.
    pub(super) async fn ask(
        &self,
        subject: Arc<Tracked>,
        quota: Quota,
        operation: Operation,
    ) -> Option<RateLimitDecision> {
        let (caller, answer) = oneshot::channel();
        self.push(Command { subject, quota, operation, caller: Some(caller) });
        answer.await.ok()
    }

    fn push(&self, command: Command) {
        let mut state = self.state();
        match state.sender {
            Sender::Ended => {
                drop(state);
                command.fail();
            }
            sender => {
                state.questions.push(command);
                drop(state);
                if sender != Sender::Sending {
                    self.wake.notify_one();
                }
            }
        }
    }

    /// Sends all that is queued, until the task is aborted.
    pub(super) async fn send_all(self: Arc<Self>) {
        let _ended = Ended(&self);
        loop {
            match self.begin() {
                Sender::Idle => self.wake.notified().await,
                Sender::Collecting => {
                    timeout(REPORT_INTERVAL, self.wake.notified()).await.ok();
                    self.send_batch().await;
                }
                Sender::Sending => self.send_batch().await,
                Sender::Ended => return,
            }
        }
    }

    /// Decides what to do next.
    fn begin(&self) -> Sender {
        let mut state = self.state();
        state.sender = match (state.questions.is_empty(), state.reports.is_empty()) {
            (false, _) => Sender::Sending,
            (true, false) => Sender::Collecting,
            (true, true) => Sender::Idle,
        };
        state.sender
    }

    /// Sends a batch, or several to a cluster: the keys of one script must be in one slot.
    async fn send_batch(&self) {
        let batch = self.take_batch();
        let sent = Instant::now();
        if !self.connection.is_clustered() {
            return self.send(batch, sent).await;
        }
        let mut slots = BTreeMap::<u16, Vec<Command>>::new();
        for command in batch {
            slots.entry(redis_keyslot(command.subject.key.as_bytes())).or_default().push(command);
        }
        join_all(slots.into_values().map(|commands| self.send(commands, sent))).await;
    }

    /// The reports come first: the answer to a question then includes what its subject has hit before.
    fn take_batch(&self) -> Vec<Command> {
        let mut state = self.state();
        state.sender = Sender::Sending;
        let reports = take_first(&mut state.reports, MAX_KEYS_PER_SCRIPT);
        let questions = take_first(&mut state.questions, MAX_KEYS_PER_SCRIPT - reports.len());
        drop(state);
        let mut batch: Vec<_> = reports.into_iter().map(|(subject, quota)| Command::report(subject, quota)).collect();
        batch.extend(questions);
        batch
    }

    async fn send(&self, commands: Vec<Command>, sent: Instant) {
        let keys = commands.iter().map(|command| command.subject.key.clone()).collect();
        let mut args = Vec::with_capacity(ARGUMENTS * commands.len());
        args.extend(commands.iter().flat_map(|command| arguments(command.operation, command.quota)));
        let answers = self.connection.run(&self.script, keys, args).await.and_then(|answer| {
            let answers = parse_answers(&answer, commands.len());
            if answers.is_none() {
                self.connection.note_unexpected(&answer);
            }
            answers
        });
        match answers {
            Some(answers) => commands.into_iter().zip(answers).for_each(|(command, answer)| command.done(answer, sent)),
            None => commands.into_iter().for_each(Command::fail),
        }
    }

    /// The state is consistent even if a thread panicked while it held the lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Command {
    fn report(subject: Arc<Tracked>, quota: Quota) -> Self {
        let hits = subject.counter().take_report();
        Self { subject, quota, operation: Operation::Report(hits), caller: None }
    }

    /// Learns what Redis answered, and passes it on.
    fn done(self, answer: Answer, sent: Instant) {
        let mut counter = self.subject.counter();
        let decision = match self.operation {
            Operation::Report(hits) => return counter.report_counted(hits, self.quota, answer, sent),
            Operation::Hit => counter.hit_decided(self.quota, answer, sent),
            Operation::Peek => counter.decision(self.quota, answer),
        };
        drop(counter);
        if let Some(caller) = self.caller {
            caller.send(decision).ok();
        }
    }

    /// Redis did not answer. Dropping the caller's channel tells them.
    fn fail(self) {
        let mut counter = self.subject.counter();
        match self.operation {
            Operation::Report(hits) => counter.report_failed(hits),
            Operation::Hit => counter.hit_failed(),
            Operation::Peek => {}
        }
    }
}

/// Wakes the waiters of an aborted task.
struct Ended<'a>(&'a Queue);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.sender = Sender::Ended;
        state.reports.clear();
        let questions = mem::take(&mut state.questions);
        drop(state);
        questions.into_iter().for_each(Command::fail);
    }
}

/// Takes at most so many from the beginning.
fn take_first<T>(from: &mut Vec<T>, max: usize) -> Vec<T> {
    if from.len() <= max { mem::take(from) } else { from.drain(..max).collect() }
}
